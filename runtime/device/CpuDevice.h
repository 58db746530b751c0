// The processor that the runtime itself runs on.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/ThreadPool.h"

#include <string>
#include <vector>

namespace tawny {

/// Kernels are functions, device memory is memory, weights are used where the file is mapped.
/// submit() computes with the calling thread and the pool and returns when all is done.
class CpuDevice final : public Device {
public:
  /// `threads` includes the caller; 0 is one per physical core at this process's disposal.
  static ErrorOr<std::unique_ptr<CpuDevice>> open(unsigned threads);

  std::string_view kind() const override { return "cpu"; }
  std::string_view description() const override { return brand; }
  std::span<const std::string> features() const override { return instructionSets; }
  unsigned threads() const override { return pool.threads(); }
  ErrorOr<DeviceMemory> memory() const override;

  ErrorOr<Buffer> allocate(uint64_t bytes) override;
  ErrorOr<Buffer> allocateHost(uint64_t bytes) override { return allocate(bytes); }
  ErrorOr<Buffer> placeWeights(const Artifact &artifact, uint32_t segment, bool prefault,
                               const ProgressFunction &progress) override;
  ErrorOr<std::unique_ptr<LoadedCode>> loadCode(std::span<const std::byte> code) override;

  ErrorOr<void> submit(std::span<const Launch> launches) override;
  ErrorOr<void> submitTimed(std::span<const Launch> launches, std::span<double> seconds) override;
  ErrorOr<void> wait() override { return {}; }
  ErrorOr<void> write(void *to, std::span<const std::byte> from) override;
  ErrorOr<void> read(std::span<std::byte> to, const void *from) override;
  ErrorOr<void> copy(void *to, const void *from, uint64_t bytes) override;
  void *hostView(void *address) override { return address; }

private:
  /// Makes a segment that the file does not hold, in memory of its own.
  ErrorOr<Buffer> generateWeights(const Artifact &artifact, uint32_t segment,
                                  const ProgressFunction &progress);
  explicit CpuDevice(unsigned threads);
  void release(void *address, uint64_t bytes) override;

  ThreadPool pool;
  std::string brand;
  std::vector<std::string> instructionSets;
};

} // namespace tawny
