// Pinned host memory that data passes through on its way to and from a GPU.
#pragma once

#include "runtime/device/gpu/Platform.h"

#include <array>
#include <cstddef>
#include <span>

namespace tawny::gpu {

/// A ring of blocks that the driver can copy from without the processor's help. While one block is
/// being copied, the next is filled. All of it is allocated by create().
class Staging {
public:
  static constexpr size_t blockBytes = size_t(4) << 20;
  static constexpr size_t blockCount = 4;
  static constexpr uint64_t bytes = uint64_t(blockBytes) * blockCount;

  Staging() = default;
  Staging(const Staging &) = delete;
  Staging &operator=(const Staging &) = delete;
  ~Staging() { destroy(); }

  /// The platform must outlive the ring and be current, here and in all other calls.
  Status create(const Platform &platform);
  void destroy();

  /// The next block, once its last copy has finished.
  Status acquire(std::span<std::byte> &block);
  /// Copies the front of the block that acquire() gave to the device.
  Status send(void *to, size_t bytes, void *stream);
  /// Copies from the device to the front of that block, and waits.
  Status receive(const void *from, size_t bytes, void *stream);

private:
  struct Block {
    void *address = nullptr;
    void *event = nullptr;
    bool isBusy = false;
  };

  const Platform *platform = nullptr;
  std::array<Block, blockCount> blocks = {};
  size_t current = 0;
};

} // namespace tawny::gpu
