#include "runtime/artifact/Checksum.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tawny {

uint64_t checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::optional<uint64_t> checksumInChunks(std::span<const std::byte> bytes,
                                         const std::function<bool(uint64_t)> &advance) {
  constexpr size_t chunkBytes = size_t(16) << 20;
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  while (!bytes.empty()) {
    std::span<const std::byte> chunk = bytes.first(std::min(bytes.size(), chunkBytes));
    XXH3_64bits_update(&state, chunk.data(), chunk.size());
    if (!advance(chunk.size()))
      return std::nullopt;
    bytes = bytes.subspan(chunk.size());
  }
  return XXH3_64bits_digest(&state);
}

} // namespace tawny
