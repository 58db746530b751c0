#include "runtime/device/gpu/Staging.h"

namespace tawny::gpu {

Status Staging::create(const Platform &newPlatform) {
  platform = &newPlatform;
  const DriverApi &api = platform->api();
  for (Block &block : blocks) {
    if (Status status = api.allocateHost(&block.address, blockBytes, 0); status != success)
      return status;
    if (Status status = api.createEvent(&block.event, untimedEvent); status != success)
      return status;
  }
  return success;
}

void Staging::destroy() {
  for (Block &block : blocks) {
    if (block.event)
      platform->api().destroyEvent(block.event);
    if (block.address)
      platform->api().freeHost(block.address);
    block = {};
  }
}

Status Staging::acquire(std::span<std::byte> &bytes) {
  current = (current + 1) % blocks.size();
  Block &block = blocks[current];
  bytes = {static_cast<std::byte *>(block.address), blockBytes};
  if (!block.isBusy)
    return success;
  block.isBusy = false;
  return platform->api().synchronizeEvent(block.event);
}

Status Staging::send(void *to, size_t bytes, void *stream) {
  Block &block = blocks[current];
  if (Status status = platform->api().copyToDevice(to, block.address, bytes, stream);
      status != success)
    return status;
  block.isBusy = true;
  return platform->api().recordEvent(block.event, stream);
}

Status Staging::receive(const void *from, size_t bytes, void *stream) {
  Block &block = blocks[current];
  if (Status status = platform->api().copyToHost(block.address, from, bytes, stream);
      status != success)
    return status;
  return platform->api().synchronizeStream(stream);
}

} // namespace tawny::gpu
