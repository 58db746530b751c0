// int8 activations: the bytes of a row of `!llm.a8`.
#pragma once

#include <cstdint>

namespace tawny {

/// A row of K inputs (a multiple of 32) is six planes, one after another:
///   codes     int8  [K]      round(x / scale), ties to even, in [-127, 127]
///   scales    f32   [K / 32] max |x| / 127 of 32 inputs; 0 where all are 0
///   sums32    f32   [K / 32] scale * sum of the 32 codes
///   sums16    f32   [K / 16] scale * sum of 16 codes
///   offsets32 int32 [K / 32] minus the sum of the 32 codes
///   offsets16 int32 [K / 16] minus the sum of 16 codes
/// A weight group with `weight = scale * code - min` then contributes
/// scale * x.scale * dot(codes) - min * x.sum, and one with `weight = scale * (code - bias)`
/// scale * x.scale * (dot(codes) + bias * x.offset), with what is of the group's size. Rows are
/// padded to 64 bytes.
struct ActivationRow {
  static constexpr uint64_t groupElements = 32;

  uint64_t columns;

  uint64_t scalesOffset() const { return columns; }
  uint64_t sums32Offset() const { return scalesOffset() + columns / 32 * 4; }
  uint64_t sums16Offset() const { return sums32Offset() + columns / 32 * 4; }
  uint64_t offsets32Offset() const { return sums16Offset() + columns / 16 * 4; }
  uint64_t offsets16Offset() const { return offsets32Offset() + columns / 32 * 4; }
  uint64_t planesBytes() const { return offsets16Offset() + columns / 16 * 4; }
  uint64_t bytes() const { return (planesBytes() + 63) / 64 * 64; }
};

} // namespace tawny
