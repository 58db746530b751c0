// Compiles one kernel from its rt text and runs it on guarded memory.
#pragma once

#include "compiler/targets/Target.h"
#include "runtime/KernelAbi.h"
#include "tests/compiler/KernelData.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace tawny::test {

/// Memory that ends at a page nobody may touch: reading or writing past it kills the test.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t bytes);
  GuardedBuffer(GuardedBuffer &&other) noexcept;
  ~GuardedBuffer();

  template <typename T> T *as() { return reinterpret_cast<T *>(data); }
  size_t size() const { return bytes; }

private:
  std::byte *mapping = nullptr, *data = nullptr;
  size_t bytes, mappedBytes;
};

/// Kernels in machine code.
class CompiledModule {
public:
  /// `kernels` is the text of rt.kernels; they are put in an executable for `target`.
  static CompiledModule compile(const std::string &kernels, const std::string &target,
                                const std::string &activations, uint64_t maxContext = 256);
  CompiledModule(CompiledModule &&) = default;
  ~CompiledModule();

  CpuKernel kernel(const std::string &name) const;

private:
  CompiledModule() = default;
  struct Library;
  std::shared_ptr<Library> library;
};

/// A kernel in machine code.
class CompiledKernel {
public:
  /// `kernel` is the text of one rt.kernel named @k; it is put in an executable for `target`.
  static CompiledKernel compile(const std::string &kernel, const std::string &target,
                                const std::string &activations, uint64_t maxContext = 256);

  void run(const std::vector<void *> &bindings, int64_t tiles, int64_t firstTile = 0) const {
    function(bindings.data(), firstTile, firstTile + tiles);
  }

private:
  explicit CompiledKernel(CompiledModule made)
      : module(std::move(made)), function(module.kernel("k")) {}
  CompiledModule module;
  CpuKernel function;
};

/// A weight in layout simd16.
GuardedBuffer packForX86(const RandomWeight &weight);

/// Rows of ActivationRow bytes and, in place of `x`, the values they stand for.
GuardedBuffer quantise(std::vector<float> &x, uint64_t rows, uint64_t columns);
GuardedBuffer guarded(const std::vector<float> &values);
GuardedBuffer guarded(const std::vector<int32_t> &values);

/// x86 targets this machine can run, so that every code path is tested where it can be.
std::vector<std::string> runnableTargets();

/// A test's name for its target: GoogleTest allows no dashes.
inline std::string targetName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

} // namespace tawny::test
