// A GPU behind its driver: HIP's or CUDA's, which differ in their Platform alone.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/gpu/Platform.h"
#include "runtime/device/gpu/Staging.h"

#include <memory>
#include <optional>
#include <vector>

namespace tawny::gpu {

/// One stream, on which launches and copies run in order. Launches are asynchronous; what goes
/// wrong in one is found by the next call that waits. Once the driver has failed at anything but an
/// allocation or a load, the device is lost, and every further call gives the same error.
class GpuDevice final : public Device {
public:
  static ErrorOr<std::unique_ptr<Device>> open(Vendor vendor, int ordinal);
  ~GpuDevice() override;

  std::string_view kind() const override { return platform->kind(); }
  std::string_view description() const override { return platform->facts().name; }
  std::span<const std::string> features() const override { return platform->facts().features; }
  unsigned threads() const override { return 0; }
  ErrorOr<DeviceMemory> memory() const override;
  bool isSimulated() const override { return platform->isSimulated(); }

  ErrorOr<Buffer> allocate(uint64_t bytes) override;
  ErrorOr<Buffer> allocateHost(uint64_t bytes) override;
  ErrorOr<Buffer> placeWeights(const Artifact &artifact, uint32_t segment, bool prefault,
                               const ProgressFunction &progress) override;
  ErrorOr<std::unique_ptr<LoadedCode>> loadCode(std::span<const std::byte> code) override;

  ErrorOr<void> submit(std::span<const Launch> launches) override;
  bool canRecord() const override { return true; }
  ErrorOr<Recording> record(std::span<const Launch> launches) override;
  ErrorOr<void> replay(const Recording &recording, std::span<const Launch> launches) override;
  ErrorOr<void> submitTimed(std::span<const Launch> launches, std::span<double> seconds) override;
  ErrorOr<void> wait() override;
  ErrorOr<void> write(void *to, std::span<const std::byte> from) override;
  ErrorOr<void> read(std::span<std::byte> to, const void *from) override;
  ErrorOr<void> copy(void *to, const void *from, uint64_t bytes) override;
  void *hostView(void *address) override { return nullptr; }

private:
  /// Memory that is not given back with `free`.
  struct HostRange {
    void *address; ///< the device's, of registered pages, else the host's
    void *host;
    uint64_t bytes;
    bool isRegistered;
  };

  explicit GpuDevice(std::unique_ptr<Platform> opened) : platform(std::move(opened)) {}
  const DriverApi &api() const { return platform->api(); }
  ErrorOr<void> start();
  ErrorOr<void> enter();
  Error lose(const std::string &doing, Status status);
  Error loseRunning(Status status);
  ErrorOr<Buffer> allocateRaw(uint64_t bytes);
  ErrorOr<void> validate(const Launch &launch) const;
  Status issue(const Launch &launch);
  void notePending(const Launch &launch);
  ErrorOr<void> copyFile(void *to, const Artifact &artifact, uint32_t segment,
                         const ProgressFunction &progress);
  ErrorOr<Buffer> registerWeights(std::span<const std::byte> bytes);
  bool isPinned(std::span<const std::byte> range) const;
  void release(void *address, uint64_t bytes) override;
  void releaseRecording(void *handle) override;

  std::unique_ptr<Platform> platform;
  void *stream = nullptr;
  Staging staging;
  std::vector<HostRange> hostRanges;
  std::vector<void *> events; ///< of submitTimed, made when first needed
  std::optional<Error> failure;
  /// What an asynchronous error may come from.
  Launch firstPending, lastPending;
  uint64_t pending = 0;
};

/// "kernel 'x' (dispatch 'y'), grid 4, block 128, 1024 bytes of shared memory".
std::string describeLaunch(const Launch &launch);

} // namespace tawny::gpu
