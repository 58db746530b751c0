// Integer operations that the scalar and the vector unit share.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace tawny::hipsim {

inline uint32_t saturateU32(uint64_t value) {
  return value > 0xffffffff ? 0xffffffff : static_cast<uint32_t>(value);
}
inline uint32_t saturateI32(int64_t value) {
  return static_cast<uint32_t>(std::clamp<int64_t>(value, INT32_MIN, INT32_MAX));
}
inline int16_t saturateI16(int value) {
  return static_cast<int16_t>(std::clamp(value, INT16_MIN, INT16_MAX));
}

inline uint32_t reverseBits(uint32_t value) {
  value = (value >> 1 & 0x55555555) | (value & 0x55555555) << 1;
  value = (value >> 2 & 0x33333333) | (value & 0x33333333) << 2;
  value = (value >> 4 & 0x0f0f0f0f) | (value & 0x0f0f0f0f) << 4;
  return __builtin_bswap32(value);
}

/// Zeros above the first one, -1 if there is none.
inline uint32_t firstHigh(uint32_t value) { return value ? std::countl_zero(value) : ~0u; }
/// Zeros below the first one, -1 if there is none.
inline uint32_t firstLow(uint32_t value) { return value ? std::countr_zero(value) : ~0u; }
/// Bits from the top that equal the sign, -1 for 0 and -1.
inline uint32_t firstUnlikeSign(uint32_t value) {
  return firstHigh(value ^ (value >> 31 ? ~0u : 0));
}

/// `width` bits from `offset` on; width 0 gives 0.
inline uint32_t extractBits(uint32_t value, uint32_t offset, uint32_t width) {
  return value >> (offset & 31) & ((1u << (width & 31)) - 1);
}
inline uint32_t extractSigned(uint32_t value, uint32_t offset, uint32_t width) {
  offset &= 31, width &= 31;
  if (width == 0)
    return 0;
  auto shifted = static_cast<int32_t>(value) >> offset;
  uint32_t unused = 32 - width;
  return offset + width < 32 ? static_cast<uint32_t>(int32_t(uint32_t(shifted) << unused) >> unused)
                             : static_cast<uint32_t>(shifted);
}

} // namespace tawny::hipsim
