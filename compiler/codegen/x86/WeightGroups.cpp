#include "compiler/codegen/x86/WeightGroups.h"

using namespace mlir;

namespace tawny::x86 {

bool Bias::isInteger(const FormatInfo &format) {
  return llvm::isPowerOf2_32(format.bias) || hasHugeScales(format.format);
}

Bias::Bias(Simd &b, const FormatInfo &format) : isShift(llvm::isPowerOf2_32(format.bias)) {
  if (!isInteger(format))
    return;
  Value hidden = b.scratch(BlockFactors::groupBytes);
  b.store(b.i32s(isShift ? llvm::Log2_32(format.bias) : format.bias), hidden,
          BlockFactors::groupBytes);
  factor = b.loadInOrder(b.i32x16, hidden, BlockFactors::groupBytes);
}

Value Bias::times(Simd &b, Value offsets) const {
  return isShift ? arith::ShLIOp::create(b, offsets, factor).getResult()
                 : arith::MulIOp::create(b, offsets, factor).getResult();
}

int64_t BlockFactors::bytes(const FormatInfo &format) {
  unsigned mins = Bias::isInteger(format) ? 0 : format.groups();
  return (firstMin(format) + mins) * groupBytes;
}

BlockFactors BlockFactors::stored(Simd &b, const FormatInfo &format, Value address) {
  return {format, [&b, &format, address](unsigned place) {
            bool isInteger = scalesInIntegers(format) && place > 0 && place < firstMin(format);
            return b.load(isInteger ? b.i32x16 : b.f32x16, b.at(address, place * groupBytes),
                          groupBytes);
          }};
}

void BlockFactors::store(Simd &b, Value address) const {
  for (int64_t offset = 0; offset < bytes(format); offset += groupBytes)
    b.store(vector(static_cast<unsigned>(offset / groupBytes)), b.at(address, offset), groupBytes);
}

BlockInputs::BlockInputs(Simd &b, const FormatInfo &format, const Bias &bias, Value columns,
                         Value first)
    : b(b), format(format), bias(bias) {
  // The planes' offsets are linear in the columns.
  constexpr uint64_t unit = ActivationRow::groupElements;
  constexpr ActivationRow layout{unit};
  auto planeAt = [&](uint64_t offset) {
    return b.mul(b.divU(columns, unit), static_cast<int64_t>(offset));
  };
  bool isHalf = groupsPerInput(format) > 1, isOffset = Bias::isInteger(format);
  uint64_t sums = isHalf ? layout.sums16Offset() : layout.sums32Offset();
  uint64_t offsets = isHalf ? layout.offsets16Offset() : layout.offsets32Offset();
  scaleOffset = b.add(planeAt(layout.scalesOffset()), b.mul(b.divU(first, unit), 4));
  sumOffset = b.add(planeAt(isOffset ? offsets : sums), b.divU(first, isHalf ? 4 : 8));
}

Value BlockInputs::start(unsigned group, Value row) const {
  if (!Bias::isInteger(format))
    return b.i32s(0);
  return bias.times(b, b.splat(b.load(b.i32, at(row, sumOffset, group), 4)));
}

Value BlockInputs::begin(Value sum) const { return scalesInIntegers(format) ? b.f32s(0) : sum; }

Value BlockInputs::add(Value carried, unsigned group, ArrayRef<Value> dots,
                       const BlockFactors &factors, Value row) const {
  auto toFloat = [&](Value integer) { return DecodeOps{b, true}.toFloat(integer); };
  Value inputScale = b.splatF32At(at(row, scaleOffset, group));
  if (!scalesInIntegers(format)) {
    Value scale = b.mulF(factors.scale(group), inputScale);
    return addMin(b.fma(toFloat(dots.front()), scale, carried), group, factors, row);
  }
  Value scaled;
  for (auto [own, dot] : llvm::enumerate(dots)) {
    unsigned weightGroup = group * groupsPerInput(format) + static_cast<unsigned>(own);
    Value product = arith::MulIOp::create(b, dot, factors.integer(weightGroup));
    scaled = scaled ? arith::AddIOp::create(b, scaled, product).getResult() : product;
  }
  return b.fma(toFloat(scaled), inputScale, carried);
}

Value BlockInputs::end(Value sum, Value carried, const BlockFactors &factors, Value row) const {
  if (!scalesInIntegers(format))
    return carried;
  sum = b.fma(carried, factors.scale(0), sum);
  for (unsigned group = 0; group < format.groups(); ++group)
    sum = addMin(sum, group, factors, row);
  return sum;
}

Value BlockInputs::addMin(Value sum, unsigned group, const BlockFactors &factors, Value row) const {
  if (Bias::isInteger(format))
    return sum;
  return b.fma(factors.min(group), b.splatF32At(at(row, sumOffset, group)), sum);
}

} // namespace tawny::x86
