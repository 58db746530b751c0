#include "runtime/device/gpu/GpuDevice.h"

#include "runtime/device/gpu/GpuCode.h"
#include "runtime/device/gpu/UsableMemory.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

namespace tawny::gpu {

ErrorOr<std::unique_ptr<Device>> GpuDevice::open(Vendor vendor, int ordinal) {
  ErrorOr<std::unique_ptr<Platform>> platform = Platform::open(vendor, ordinal);
  if (!platform)
    return platform.takeError();
  std::unique_ptr<GpuDevice> device(new GpuDevice(std::move(*platform)));
  if (ErrorOr<void> started = device->start(); !started)
    return started.takeError();
  return std::unique_ptr<Device>(std::move(device));
}

ErrorOr<void> GpuDevice::start() {
  if (Status status = api().createStream(&stream, nonBlockingStream); status != success)
    return lose("make a stream", status);
  if (Status status = staging.create(*platform); status != success)
    return lose("allocate pinned host memory", status);
  return {};
}

GpuDevice::~GpuDevice() {
  platform->makeCurrent();
  if (stream)
    api().synchronizeStream(stream);
  for (void *event : events)
    api().destroyEvent(event);
  staging.destroy();
  if (stream)
    api().destroyStream(stream);
}

/// To be called first wherever the driver is used: it may be another thread's turn.
ErrorOr<void> GpuDevice::enter() {
  if (failure)
    return *failure;
  if (Status status = platform->makeCurrent(); status != success)
    return lose("use the device", status);
  return {};
}

/// The error of a driver that cannot be relied on any more.
Error GpuDevice::lose(const std::string &doing, Status status) {
  Error error = makeError("%s: cannot %s: %s", std::string(kind()).c_str(), doing.c_str(),
                          platform->describe(status).c_str());
  if (!failure)
    failure = error;
  return error;
}

std::string describeLaunch(const Launch &launch) {
  return std::string("kernel '") + launch.kernelName + "' (dispatch '" + launch.label +
         "'), grid " + std::to_string(launch.tiles) + ", block " +
         std::to_string(launch.tileThreads) + ", " + std::to_string(launch.sharedBytes) +
         " bytes of shared memory";
}

/// The error of a wait: whatever ran since the last one may be its cause.
Error GpuDevice::loseRunning(Status status) {
  if (pending == 0)
    return lose("finish the copies under way", status);
  if (pending == 1)
    return lose("finish " + describeLaunch(lastPending), status);
  return lose("finish " + std::to_string(pending) + " launches, from " +
                  describeLaunch(firstPending) + " to " + describeLaunch(lastPending) +
                  " (open the model again, with --check, which waits for each, to learn which one)",
              status);
}

ErrorOr<DeviceMemory> GpuDevice::memory() const {
  if (failure)
    return *failure;
  return usableMemory(*platform);
}

ErrorOr<Buffer> GpuDevice::allocateRaw(uint64_t bytes) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered.takeError();
  if (bytes == 0)
    return Buffer();
  void *address = nullptr;
  Status status = api().allocate(&address, bytes);
  if (status == success)
    return Buffer(this, address, bytes);
  if (status != outOfMemory)
    return lose("allocate " + std::to_string(bytes) + " bytes", status);
  size_t available = 0, total = 0;
  api().memoryInfo(&available, &total);
  return makeError("%s: cannot allocate %" PRIu64 " bytes: %s; the driver says that %zu of %zu "
                   "bytes are free: end other users of the device, or compile with a smaller "
                   "--kv-tokens, --max-context or --max-batch",
                   std::string(kind()).c_str(), bytes, platform->describe(status).c_str(),
                   available, total);
}

ErrorOr<Buffer> GpuDevice::allocate(uint64_t bytes) {
  ErrorOr<Buffer> buffer = allocateRaw(bytes);
  if (!buffer || bytes == 0)
    return buffer;
  Status status = api().fill(buffer->address(), 0, bytes, stream);
  if (status == success)
    status = api().synchronizeStream(stream);
  if (status != success)
    return lose("clear " + std::to_string(bytes) + " bytes", status);
  return buffer;
}

ErrorOr<Buffer> GpuDevice::allocateHost(uint64_t bytes) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered.takeError();
  if (bytes == 0)
    return Buffer();
  void *address = nullptr;
  Status status = api().allocateHost(&address, bytes, 0);
  if (status == outOfMemory)
    return makeError("%s: cannot allocate %" PRIu64 " bytes of pinned host memory: %s",
                     std::string(kind()).c_str(), bytes, platform->describe(status).c_str());
  if (status != success)
    return lose("allocate " + std::to_string(bytes) + " bytes of pinned host memory", status);
  std::memset(address, 0, bytes);
  hostRanges.push_back({address, address, bytes, false});
  return Buffer(this, address, bytes);
}

void GpuDevice::release(void *address, uint64_t bytes) {
  if (!address)
    return;
  // Whatever has failed before, giving back is tried.
  platform->makeCurrent();
  auto range = std::ranges::find(hostRanges, address, &HostRange::address);
  if (range == hostRanges.end()) {
    api().free(address);
    return;
  }
  range->isRegistered ? api().unregisterHost(range->host) : api().freeHost(range->host);
  hostRanges.erase(range);
}

ErrorOr<std::unique_ptr<LoadedCode>> GpuDevice::loadCode(std::span<const std::byte> code) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered.takeError();
  return GpuCode::load(*platform, code);
}

ErrorOr<void> GpuDevice::wait() {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered;
  if (Status status = api().synchronizeStream(stream); status != success)
    return loseRunning(status);
  pending = 0;
  return {};
}

ErrorOr<void> GpuDevice::write(void *to, std::span<const std::byte> from) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered;
  auto *target = static_cast<std::byte *>(to);
  while (!from.empty()) {
    std::span<std::byte> block;
    if (Status status = staging.acquire(block); status != success)
      return loseRunning(status);
    size_t bytes = std::min(block.size(), from.size());
    std::memcpy(block.data(), from.data(), bytes);
    if (Status status = staging.send(target, bytes, stream); status != success)
      return lose("copy " + std::to_string(bytes) + " bytes to the device", status);
    target += bytes;
    from = from.subspan(bytes);
  }
  return {};
}

bool GpuDevice::isPinned(std::span<const std::byte> range) const {
  return std::ranges::any_of(hostRanges, [&](const HostRange &pinned) {
    auto *first = static_cast<const std::byte *>(pinned.host);
    return range.data() >= first && range.data() + range.size() <= first + pinned.bytes;
  });
}

ErrorOr<void> GpuDevice::read(std::span<std::byte> to, const void *from) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered;
  if (isPinned(to)) {
    if (Status status = api().copyToHost(to.data(), from, to.size(), stream); status != success)
      return lose("copy " + std::to_string(to.size()) + " bytes from the device", status);
    return wait();
  }
  const auto *source = static_cast<const std::byte *>(from);
  while (!to.empty()) {
    std::span<std::byte> block;
    Status status = staging.acquire(block);
    size_t bytes = std::min(block.size(), to.size());
    if (status == success)
      status = staging.receive(source, bytes, stream);
    if (status != success)
      return loseRunning(status);
    pending = 0;
    std::memcpy(to.data(), block.data(), bytes);
    source += bytes;
    to = to.subspan(bytes);
  }
  return {};
}

ErrorOr<void> GpuDevice::copy(void *to, const void *from, uint64_t bytes) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered;
  if (Status status = api().copyOnDevice(to, from, bytes, stream); status != success)
    return lose("copy " + std::to_string(bytes) + " bytes on the device", status);
  return {};
}

} // namespace tawny::gpu
