// What WMMA and MFMA share. In every layout the elements of one k, and those of one row of the
// result, lie in neighbouring lanes of one register, so that matrices are read and written by rows
// of lanes; only where these rows are differs.
#pragma once

#include "tools/hipsim/isa/OpTable.h"

namespace tawny::hipsim {

enum class MatrixElement : uint8_t { F16, BF16, F32, I8, I4, I32 };

constexpr unsigned elementBits(MatrixElement element) {
  switch (element) {
  case MatrixElement::F16:
  case MatrixElement::BF16:
    return 16;
  case MatrixElement::I8:
    return 8;
  case MatrixElement::I4:
    return 4;
  default:
    return 32;
  }
}

/// Neighbouring lanes of a register, and the element's lowest bit in it.
struct LaneRow {
  uint32_t *words;
  unsigned shift;
};

/// The lanes from `lane` on of a register.
inline uint32_t *lanesFrom(Wave &wave, unsigned reg, unsigned lane) {
  return wave.row(reg, lane / blockLanes) + lane % blockLanes;
}

constexpr unsigned maxSide = 32, maxDepth = 32;

/// A, B and C of one block as numbers: a[k][row], b[k][column], sums[row][column].
template <typename T> struct MatrixBlock {
  alignas(64) T a[maxDepth][maxSide], b[maxDepth][maxSide], sums[maxSide][maxSide];

  /// sums += a * b. Floats: one product after the other in the order of k, each with one rounding.
  void multiply(unsigned side, unsigned depth);
};

/// Reads `count` floats; `flush` makes denormals of 16-bit formats zeros.
void readFloats(MatrixElement element, LaneRow row, unsigned count, bool flush, float *to);
/// Reads integers of 4, 8 or 32 bits.
void readIntegers(MatrixElement element, LaneRow row, unsigned count, bool isSigned, int32_t *to);

/// The bits of a result.
uint32_t floatResult(MatrixElement element, float value);

} // namespace tawny::hipsim
