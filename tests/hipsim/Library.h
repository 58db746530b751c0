// The library under test, and what its tests have in common.
#pragma once

#include "tools/hipsim/HipsimCounters.h"

#include <gtest/gtest.h>
#include <hip/hip_runtime_api.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace tawny::hipsim {

/// A function of the library, found by its name and called as the header declares it.
void *libraryFunction(const char *name);

/// HIP's functions, by their own names, in the library rather than in the process.
#define HIP(name) reinterpret_cast<decltype(&::name)>(tawny::hipsim::libraryFunction(#name))

/// A code object of kernels.cl.
std::vector<std::byte> codeObject(const std::string &chip, int version = 5);

/// A test that starts with a simulator of its own.
class HipsimTest : public testing::Test {
protected:
  void SetUp() override { restart({}); }
  void TearDown() override { restart({}); }

  /// Begins again with these environment variables (names without HIPSIM_) and no others.
  static void restart(std::initializer_list<std::pair<const char *, const char *>> settings);

  /// A kernel of kernels.cl for the chip, in a module that stays loaded until the next restart.
  static hipFunction_t kernel(const char *name, const std::string &chip = "gfx1151",
                              int version = 5);

  /// Device memory that was never written.
  template <typename T> static T *allocate(size_t count) {
    void *address = nullptr;
    EXPECT_EQ(HIP(hipMalloc)(&address, count * sizeof(T)), hipSuccess);
    return static_cast<T *>(address);
  }
  template <typename T> static T *upload(const std::vector<T> &values) {
    T *address = allocate<T>(values.size());
    EXPECT_EQ(
        HIP(hipMemcpy)(address, values.data(), values.size() * sizeof(T), hipMemcpyHostToDevice),
        hipSuccess);
    return address;
  }
  template <typename T> static std::vector<T> download(const T *address, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(HIP(hipMemcpy)(values.data(), address, count * sizeof(T), hipMemcpyDeviceToHost),
              hipSuccess);
    return values;
  }

  /// Launches workgroups of 64 work-items in a stream.
  template <typename... Arguments>
  static hipError_t launchIn(hipStream_t stream, hipFunction_t function, unsigned workgroups,
                             Arguments... arguments) {
    void *parameters[] = {&arguments...};
    return HIP(hipModuleLaunchKernel)(function, workgroups, 1, 1, 64, 1, 1, 0, stream, parameters,
                                      nullptr);
  }
  /// The same in the null stream, waiting for its end.
  template <typename... Arguments>
  static hipError_t launch(hipFunction_t function, unsigned workgroups, Arguments... arguments) {
    hipError_t error = launchIn(nullptr, function, workgroups, arguments...);
    return error == hipSuccess ? HIP(hipStreamSynchronize)(nullptr) : error;
  }
};

} // namespace tawny::hipsim
