// Compiles one kernel from its rt text for a GPU and runs it on the target's device, which for AMD
// GPUs is the simulator unless the machine has the chip.
//
// CTest starts these tests once for each chip, with HIPSIM_ARCH naming it and TAWNY_HIP_LIBRARY the
// simulator; its checks of every access make a kernel fail that reads or writes out of bounds.
// Where there is an NVIDIA GPU, TAWNY_TEST_TARGET=sm_90 runs them there.
#pragma once

#include "dialects/formats/ScalarDecode.h"
#include "runtime/device/Device.h"
#include "tests/compiler/KernelData.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace tawny::test {

/// The device, opened when first used; the same for all tests of the process.
Device &gpu();
/// The target's name: what TAWNY_TEST_TARGET says, else HIPSIM_ARCH.
std::string chip();

/// Memory of the device of exactly that many bytes, filled with ones: every f16 and f32 is NaN.
class GpuBuffer {
public:
  explicit GpuBuffer(size_t bytes);

  template <typename T> static GpuBuffer of(const std::vector<T> &values) {
    GpuBuffer buffer(values.size() * sizeof(T));
    buffer.write(std::as_bytes(std::span(values)));
    return buffer;
  }
  /// Rounds to f16.
  static GpuBuffer halves(const std::vector<float> &values);
  static GpuBuffer weight(const RandomWeight &weight);

  void write(std::span<const std::byte> bytes);
  template <typename T> std::vector<T> read() const {
    std::vector<T> values(memory.bytes() / sizeof(T));
    readBytes(std::as_writable_bytes(std::span(values)));
    return values;
  }
  /// f16 elements as f32.
  std::vector<float> readHalves() const;
  void *address() const { return memory.address(); }

private:
  void readBytes(std::span<std::byte> bytes) const;
  Buffer memory;
};

/// A kernel in machine code.
class SimtKernel {
public:
  /// `kernel` is the text of one rt.kernel named @k; `maxContext` bounds positions.
  static SimtKernel compile(const std::string &kernel, uint64_t maxContext = 4096);

  /// Runs the tiles of the kernel's grid for `rows` rows. Reports what the device says as a failure
  /// of the test.
  void run(const std::vector<const GpuBuffer *> &bindings, uint64_t rows) const;

private:
  std::shared_ptr<LoadedCode> code;
  KernelHandle handle = nullptr;
  unsigned threads = 0;
  uint64_t sharedBytes = 0, rowTiles = 0, divisor = 1;
  bool countsRows = false;
};

/// `values` rounded to f16 and back: what a kernel is given.
std::vector<float> roundedToHalf(std::vector<float> values);

} // namespace tawny::test
