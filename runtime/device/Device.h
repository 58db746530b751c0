// What a program runs on. One instance is used by one thread at a time.
#pragma once

#include "runtime/artifact/Artifact.h"
#include "runtime/support/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tawny {

class Device;

/// Memory that a device can address; given back by the destructor. The device must outlive it.
class Buffer {
public:
  Buffer() = default;
  /// `device` is null for memory that is not the device's to free, such as a mapped file.
  Buffer(Device *device, void *address, uint64_t bytes)
      : device(device), base(address), size(bytes) {}
  Buffer(Buffer &&other) noexcept { swap(other); }
  Buffer &operator=(Buffer &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer();

  /// The device's address; only Device::hostView says whether the host may follow it.
  void *address() const { return base; }
  void *at(uint64_t offset) const { return static_cast<std::byte *>(base) + offset; }
  uint64_t bytes() const { return size; }

private:
  void swap(Buffer &other) noexcept {
    std::swap(device, other.device);
    std::swap(base, other.base);
    std::swap(size, other.size);
  }

  Device *device = nullptr;
  void *base = nullptr;
  uint64_t size = 0;
};

/// A kernel as its device knows it: a function pointer, or a driver's handle.
using KernelHandle = void *;

/// One launch of a kernel over `tiles` tiles. The arrays belong to the caller and must stay until
/// the launch has been waited for.
struct Launch {
  KernelHandle kernel = nullptr;
  const char *kernelName = ""; ///< for errors, as the label, which says what the launch is for
  const char *label = "";
  void *const *bindings = nullptr; ///< one device address per binding of the kernel
  uint32_t bindingCount = 0;
  uint32_t tileThreads = 1;
  uint32_t sharedBytes = 0;
  uint64_t tiles = 0;
};

/// Loaded machine code; unloaded by the destructor, which the device must outlive.
class LoadedCode {
public:
  virtual ~LoadedCode() = default;
  /// The kernel called `symbol`, made ready for launches with as much shared memory; an error where
  /// the code has none of that name or the device cannot give a tile so much.
  virtual ErrorOr<KernelHandle> kernel(const std::string &symbol, uint64_t sharedBytes) = 0;
};

/// Launches that a device has recorded to issue them at once; given back by the destructor. The
/// device must outlive it, as must the code and all memory that the launches name.
class Recording {
public:
  Recording() = default;
  Recording(Device *device, void *handle) : device(device), made(handle) {}
  Recording(Recording &&other) noexcept { swap(other); }
  Recording &operator=(Recording &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Recording();

  void *handle() const { return made; }
  explicit operator bool() const { return made != nullptr; }

private:
  void swap(Recording &other) noexcept {
    std::swap(device, other.device);
    std::swap(made, other.made);
  }

  Device *device = nullptr;
  void *made = nullptr;
};

/// How much memory a device has.
struct DeviceMemory {
  uint64_t totalBytes;
  uint64_t availableBytes; ///< what this process may still allocate without hurting others
  /// Whether it is the host's memory too; else what the host keeps for itself takes none of it.
  bool isHostMemory = true;
  std::string advice = {}; ///< what would give it more; empty where nothing would
};

/// The interface of processors. Its calls are what a program needs and no more, so that a driver's
/// queue, memory and modules fit behind it as well as threads and functions do.
class Device {
public:
  virtual ~Device() = default;

  /// The word artifacts use for devices of this kind: cpu, hip, cuda.
  virtual std::string_view kind() const = 0;
  /// The processor's own name, for people.
  virtual std::string_view description() const = 0;
  /// What the processor reports, in the words of Target.features.
  virtual std::span<const std::string> features() const = 0;
  /// Host threads that compute, the caller of submit included; 0 where none do.
  virtual unsigned threads() const = 0;
  virtual ErrorOr<DeviceMemory> memory() const = 0;
  /// True where a program stands in for the device, so that nothing is worth timing.
  virtual bool isSimulated() const { return false; }

  /// Zeroed memory, aligned to 256 bytes; the CPU backs it with pages as they are first touched.
  virtual ErrorOr<Buffer> allocate(uint64_t bytes) = 0;
  /// Memory of the host that read() fills fastest; its address is the host's.
  virtual ErrorOr<Buffer> allocateHost(uint64_t bytes) = 0;
  /// Makes a segment of weights addressable, without a copy where the device can. With `prefault`
  /// the bytes are resident on return; `progress` (which may be empty) is told, and stops it.
  virtual ErrorOr<Buffer> placeWeights(const Artifact &artifact, uint32_t segment, bool prefault,
                                       const ProgressFunction &progress) = 0;
  virtual ErrorOr<std::unique_ptr<LoadedCode>> loadCode(std::span<const std::byte> code) = 0;

  /// Runs launches in order, each after all tiles of the one before have finished.
  virtual ErrorOr<void> submit(std::span<const Launch> launches) = 0;
  /// Whether record() and replay() are there.
  virtual bool canRecord() const { return false; }
  /// Records what submit would do, without doing it. A failure leaves the device as it was.
  virtual ErrorOr<Recording> record(std::span<const Launch> launches) { return Recording(); }
  /// Does what was recorded, ordered as submit is. `launches` is what record() got, for errors.
  virtual ErrorOr<void> replay(const Recording &recording, std::span<const Launch> launches) {
    return submit(launches);
  }
  /// The same as submit and wait; `seconds` gets what each launch took.
  virtual ErrorOr<void> submitTimed(std::span<const Launch> launches,
                                    std::span<double> seconds) = 0;
  /// Returns when everything submitted, written and copied has finished.
  virtual ErrorOr<void> wait() = 0;
  /// Host to device, device to host and within the device; ordered with submit.
  virtual ErrorOr<void> write(void *to, std::span<const std::byte> from) = 0;
  virtual ErrorOr<void> read(std::span<std::byte> to, const void *from) = 0;
  virtual ErrorOr<void> copy(void *to, const void *from, uint64_t bytes) = 0;
  /// The host's address of device memory, or null where read and write are the only way.
  virtual void *hostView(void *address) = 0;

protected:
  friend class Buffer;
  friend class Recording;
  virtual void release(void *address, uint64_t bytes) = 0;
  virtual void releaseRecording(void *handle) {}
};

inline Buffer::~Buffer() {
  if (device)
    device->release(base, size);
}

inline Recording::~Recording() {
  if (device)
    device->releaseRecording(made);
}

/// What a device is called: cpu, or hip or cuda with a number.
struct DeviceName {
  std::string_view kind; ///< of the text that was parsed
  int ordinal = 0;
};

/// Nothing where the text is not one of cpu, hip[:N], cuda[:N].
std::optional<DeviceName> parseDeviceName(std::string_view text);

/// Opens the device that a command line names: `cpu`, `hip[:N]`, `cuda[:N]`. `threads` is for the
/// CPU; 0 is one per physical core at this process's disposal.
ErrorOr<std::unique_ptr<Device>> openDevice(std::string_view name, unsigned threads);

/// The first target of the artifact that runs on the device: targets are stored best first. The
/// error lists, for each target, what the device lacks.
ErrorOr<uint32_t> selectTarget(const fb::Artifact &artifact, const Device &device);

} // namespace tawny
