// XXH3-64 with seed 0, the checksum of headers and segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace tawny {

/// Told how many of how many bytes are done; answers whether to go on.
using ProgressFunction = std::function<bool(uint64_t done, uint64_t total)>;

/// The checksum of all bytes at once.
uint64_t checksum(std::span<const std::byte> bytes);

/// The same in chunks, with `advance` told the bytes of each; nothing where it answers false.
std::optional<uint64_t> checksumInChunks(std::span<const std::byte> bytes,
                                         const std::function<bool(uint64_t)> &advance);

} // namespace tawny
