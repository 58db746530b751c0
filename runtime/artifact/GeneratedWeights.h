// Weights that are made instead of stored (Fill in artifact.fbs): by the runtime as it loads, or by
// the compiler, which then stores the same bytes. A header alone, like Format.h: both include it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tawny {

/// A pattern that a weight repeats: bits set in `random` take random values, the others are those
/// of `fixed`. Of equal length, a multiple of 64 bytes.
struct FillPattern {
  std::span<const uint8_t> fixed;
  std::span<const uint8_t> random;
};

/// The output of SplitMix64 number `index` from the seed 0.
inline uint64_t splitMix64(uint64_t index) {
  uint64_t z = (index + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

/// Makes `out`, which starts at byte `first` of its segment, of a weight that starts at byte
/// `weightOffset` of it. Both are multiples of 64. Any part of a weight can be made alone.
inline void generateWeight(const FillPattern &pattern, uint64_t weightOffset, uint64_t first,
                           std::span<std::byte> out) {
  constexpr uint64_t wordBytes = sizeof(uint64_t);
  auto wordAt = [](std::span<const uint8_t> bytes, uint64_t offset) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + offset, sizeof(word));
    return word;
  };
  const uint64_t period = pattern.fixed.size();
  uint64_t phase = (first - weightOffset) % period;
  for (uint64_t done = 0; done < out.size(); done += wordBytes) {
    uint64_t word = splitMix64((first + done) / wordBytes) & wordAt(pattern.random, phase);
    word |= wordAt(pattern.fixed, phase);
    std::memcpy(out.data() + done, &word, std::min(wordBytes, out.size() - done));
    phase = phase + wordBytes == period ? 0 : phase + wordBytes;
  }
}

} // namespace tawny
