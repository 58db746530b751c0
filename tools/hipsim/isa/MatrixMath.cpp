#include "tools/hipsim/isa/MatrixMath.h"

#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/VectorExecute.h"

#include <algorithm>

namespace tawny::hipsim {

namespace {

float multiplyAdd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
/// Wraps as the hardware's adder does.
int32_t multiplyAdd(int32_t a, int32_t b, int32_t c) {
  return int32_t(uint32_t(a) * uint32_t(b) + uint32_t(c));
}

template <unsigned Side, typename T> void multiplyBlock(MatrixBlock<T> &block, unsigned depth) {
  for (unsigned row = 0; row < Side; ++row) {
    T sums[Side];
    std::copy_n(block.sums[row], Side, sums);
    for (unsigned k = 0; k < depth; ++k) {
      T factor = block.a[k][row];
      for (unsigned column = 0; column < Side; ++column)
        sums[column] = multiplyAdd(factor, block.b[k][column], sums[column]);
    }
    std::copy_n(sums, Side, block.sums[row]);
  }
}

} // namespace

template <typename T> void MatrixBlock<T>::multiply(unsigned side, unsigned depth) {
  if (side == 32)
    multiplyBlock<32>(*this, depth);
  else if (side == 16)
    multiplyBlock<16>(*this, depth);
  else
    multiplyBlock<4>(*this, depth);
}

template struct MatrixBlock<float>;
template struct MatrixBlock<int32_t>;

void readFloats(MatrixElement element, LaneRow row, unsigned count, bool flush, float *to) {
  if (element == MatrixElement::F16) {
    for (unsigned i = 0; i < count; ++i) {
      auto bits = static_cast<uint16_t>(row.words[i] >> row.shift);
      if (flush && !(bits & 0x7c00))
        bits &= 0x8000;
      to[i] = fromBits<Half>(bits);
    }
  } else if (element == MatrixElement::BF16) {
    for (unsigned i = 0; i < count; ++i) {
      uint32_t bits = row.words[i] >> row.shift << 16;
      to[i] = fromBits<float>(flush ? flushSingle(bits) : bits);
    }
  } else {
    for (unsigned i = 0; i < count; ++i)
      to[i] = fromBits<float>(row.words[i]);
  }
}

void readIntegers(MatrixElement element, LaneRow row, unsigned count, bool isSigned, int32_t *to) {
  unsigned unused = 32 - elementBits(element);
  for (unsigned i = 0; i < count; ++i) {
    uint32_t top = row.words[i] >> row.shift << unused;
    to[i] = isSigned ? int32_t(top) >> unused : int32_t(top >> unused);
  }
}

uint32_t floatResult(MatrixElement element, float value) {
  if (element == MatrixElement::F32)
    return bitsOf(value);
  if (element == MatrixElement::F16)
    return bitsOf(static_cast<Half>(value));
  uint32_t bits = bitsOf(value);
  if (isNan(value))
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

} // namespace tawny::hipsim
