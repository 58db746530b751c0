#include "compiler/codegen/x86/WeightGroups.h"

#include "dialects/formats/Activations.h"

using namespace mlir;

namespace tawny::x86 {

Affine<Value> factorsOf(Simd &b, Affine<Value> decoded) {
  return {decoded.scale, arith::NegFOp::create(b, decoded.min)};
}

void storeAffines(Simd &b, const FormatInfo &format, TileBlock &weights, Value address,
                  bool hasMins) {
  DecodeOps ops{b, true};
  for (unsigned group = 0; group < format.groups(); ++group) {
    Affine<Value> affine = factorsOf(b, decodeGroup(format.format, ops, weights, group));
    b.store(affine.scale, b.at(address, group * affineBytes), 64);
    if (hasMins)
      b.store(affine.min, b.at(address, group * affineBytes + lanes * 4), 64);
  }
}

Affine<Value> loadAffine(Simd &b, Value address) {
  return {b.load(b.f32x16, address, 64), b.load(b.f32x16, b.at(address, lanes * 4), 64)};
}

bool Bias::isInteger(const FormatInfo &format) {
  return llvm::isPowerOf2_32(format.bias) || hasHugeScales(format.format);
}

Bias::Bias(Simd &b, const FormatInfo &format) : isShift(llvm::isPowerOf2_32(format.bias)) {
  if (!isInteger(format))
    return;
  Value hidden = b.scratch(lanes * 4);
  b.store(b.i32s(isShift ? llvm::Log2_32(format.bias) : format.bias), hidden, 64);
  factor = b.loadInOrder(b.i32x16, hidden, 64);
}

Value Bias::times(Simd &b, Value offsets) const {
  return isShift ? arith::ShLIOp::create(b, offsets, factor).getResult()
                 : arith::MulIOp::create(b, offsets, factor).getResult();
}

GroupInputs::GroupInputs(Simd &b, const FormatInfo &format, Value columns, Value first)
    : b(b), format(format) {
  // The planes' offsets are linear in the columns.
  constexpr uint64_t unit = ActivationRow::groupElements;
  constexpr ActivationRow layout{unit};
  auto planeAt = [&](uint64_t offset) {
    return b.mul(b.divU(columns, unit), static_cast<int64_t>(offset));
  };
  bool isHalf = format.groupElements == 16, isOffset = Bias::isInteger(format);
  uint64_t sums = isHalf ? layout.sums16Offset() : layout.sums32Offset();
  uint64_t offsets = isHalf ? layout.offsets16Offset() : layout.offsets32Offset();
  scaleOffset =
      b.add(planeAt(layout.scalesOffset()), b.mul(b.divU(first, ActivationRow::groupElements), 4));
  sumOffset = b.add(planeAt(isOffset ? offsets : sums), b.divU(first, isHalf ? 4 : 8));
}

Value GroupInputs::addTo(Value sum, Value dot, Affine<Value> affine, const Bias &bias,
                         Value row) const {
  Value sums = b.at(row, sumOffset);
  if (Bias::isInteger(format)) {
    Value offset = bias.times(b, b.splat(b.load(b.i32, sums, 4)));
    dot = arith::AddIOp::create(b, dot, offset);
  }
  Value factor = b.mulF(affine.scale, b.splatF32At(b.at(row, scaleOffset)));
  sum = b.fma(DecodeOps{b, true}.toFloat(dot), factor, sum);
  return Bias::isInteger(format) ? sum : b.fma(affine.min, b.splatF32At(sums), sum);
}

} // namespace tawny::x86
