// A device that computes nothing: it lets the whole executor run a plan that no kernel could
// survive.
#pragma once

#include "runtime/device/Device.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace tawny::test {

class NullDevice final : public Device {
public:
  /// More than a plan may need in all: what asks for more is refused before it is allocated.
  static constexpr uint64_t memoryBytes = uint64_t(16) << 20;

  explicit NullDevice(std::string_view deviceKind) : word(deviceKind) {}
  ~NullDevice() override = default;

  std::string_view kind() const override { return word; }
  std::string_view description() const override { return "nothing"; }
  std::span<const std::string> features() const override {
    static const std::string ofTheToy[] = {"sse2"};
    return ofTheToy;
  }
  unsigned threads() const override { return 1; }
  ErrorOr<DeviceMemory> memory() const override { return DeviceMemory{memoryBytes, memoryBytes}; }

  ErrorOr<Buffer> allocate(uint64_t bytes) override {
    if (bytes > memoryBytes)
      std::abort(); // the plan was to refuse this
    // Exactly as long as asked for, so that a sanitizer sees what leaves it.
    void *address = std::calloc(bytes ? bytes : 1, 1);
    return Buffer(this, address, bytes);
  }
  ErrorOr<Buffer> allocateHost(uint64_t bytes) override { return allocate(bytes); }
  ErrorOr<Buffer> placeWeights(const Artifact &artifact, uint32_t segment, bool prefault,
                               const ProgressFunction &progress) override {
    ErrorOr<Buffer> buffer = allocate(artifact.segmentBytes(segment));
    if (artifact.isGenerated(segment))
      artifact.readGenerated(
          segment, 0,
          {static_cast<std::byte *>(buffer->address()), artifact.segmentBytes(segment)});
    return buffer;
  }
  ErrorOr<std::unique_ptr<LoadedCode>> loadCode(std::span<const std::byte> code) override {
    return std::unique_ptr<LoadedCode>(new NoCode);
  }
  ErrorOr<void> submit(std::span<const Launch> launches) override { return {}; }
  ErrorOr<void> submitTimed(std::span<const Launch> launches, std::span<double> seconds) override {
    return {};
  }
  ErrorOr<void> wait() override { return {}; }
  ErrorOr<void> write(void *to, std::span<const std::byte> from) override {
    std::memcpy(to, from.data(), from.size());
    return {};
  }
  ErrorOr<void> read(std::span<std::byte> to, const void *from) override {
    std::memcpy(to.data(), from, to.size());
    return {};
  }
  ErrorOr<void> copy(void *to, const void *from, uint64_t bytes) override {
    std::memcpy(to, from, bytes);
    return {};
  }
  void *hostView(void *address) override { return address; }

private:
  struct NoCode final : LoadedCode {
    ErrorOr<KernelHandle> kernel(const std::string &symbol, uint64_t sharedBytes) override {
      return KernelHandle(this);
    }
  };
  void release(void *address, uint64_t bytes) override { std::free(address); }

  std::string_view word;
};

} // namespace tawny::test
