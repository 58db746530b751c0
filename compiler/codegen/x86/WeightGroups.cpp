#include "compiler/codegen/x86/WeightGroups.h"

#include "dialects/formats/Activations.h"

using namespace mlir;

namespace tawny::x86 {

Affine<Value> factorsOf(Simd &b, const FormatInfo &format, Affine<Value> decoded) {
  Value min = hasHugeScales(format.format) ? decoded.scale : decoded.min;
  return {decoded.scale, arith::NegFOp::create(b, min)};
}

void storeAffines(Simd &b, const FormatInfo &format, TileBlock &weights, Value address) {
  DecodeOps ops{b, true};
  for (unsigned group = 0; group < format.groups(); ++group) {
    Affine<Value> affine = factorsOf(b, format, decodeGroup(format.format, ops, weights, group));
    b.store(affine.scale, b.at(address, group * affineBytes), 64);
    b.store(affine.min, b.at(address, group * affineBytes + lanes * 4), 64);
  }
}

Affine<Value> loadAffine(Simd &b, Value address) {
  return {b.load(b.f32x16, address, 64), b.load(b.f32x16, b.at(address, lanes * 4), 64)};
}

GroupInputs::GroupInputs(Simd &b, const FormatInfo &format, Value columns, Value first)
    : b(b), format(format) {
  // The planes' offsets are linear in the columns.
  scaleOffset = b.add(columns, b.mul(b.divU(first, ActivationRow::groupElements), 4));
  sumOffset = format.groupElements == 32
                  ? b.add(b.add(columns, b.divU(columns, 8)), b.divU(first, 8))
                  : b.add(b.add(columns, b.divU(columns, 4)), b.divU(first, 4));
}

Value GroupInputs::addTo(Value sum, Value dot, Affine<Value> affine, Value row) const {
  Value factor = b.mulF(affine.scale, b.splatF32At(b.at(row, scaleOffset)));
  sum = b.fma(DecodeOps{b, true}.toFloat(dot), factor, sum);
  Value inputs = b.splatF32At(b.at(row, sumOffset));
  if (hasHugeScales(format.format))
    inputs = b.mulF(inputs, b.f32s(format.bias));
  return b.fma(affine.min, inputs, sum);
}

} // namespace tawny::x86
