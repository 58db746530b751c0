#include "compiler/codegen/x86/AttentionProducts.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::x86 {

AttentionProducts::AttentionProducts(KernelContext &context, llm::KvType kv)
    : b(context.b), kv(kv), isPaired(hasPairedPages(context, kv)) {}

Value AttentionProducts::operand(Value address, int64_t lanes) {
  if (!isPaired)
    return loadElements(b, kv, address, lanes);
  auto type = b.vectorOf(b.i16, 2 * lanes);
  auto splat = [&](uint16_t bits) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, APInt(16, bits)));
  };
  // Sign, 5 bits of exponent, 10 of fraction: round to 7 of fraction, move 3 down, and let the sign
  // (which the shift has copied) stand where it was.
  Value words = arith::AddIOp::create(b, b.load(type, address, 2), splat(4));
  words = arith::ShRSIOp::create(b, words, splat(3));
  words = arith::AndIOp::create(b, words, splat(0x8FFF));
  return LLVM::BitcastOp::create(b, b.vectorOf(b.getBF16Type(), 2 * lanes), words);
}

Value AttentionProducts::multiply(Value sums, Value operand, Value input) {
  auto type = cast<VectorType>(sums.getType());
  if (!isPaired) {
    Value shared = vector::BroadcastOp::create(b, type, b.load(b.f32, input, 4));
    return b.fma(shared, operand, sums);
  }
  Value pair = b.splat(b.load(b.i32, input, 4));
  return b.dotBf16(sums, operand, LLVM::BitcastOp::create(b, operand.getType(), pair));
}

void AttentionProducts::storeInputs(Value values, Value address) {
  if (isPaired)
    values = arith::TruncFOp::create(b, cast<VectorType>(values.getType()).clone(b.getBF16Type()),
                                     values);
  b.store(values, address, static_cast<unsigned>(inputBytes()));
}

Value emitExp2(Simd &b, Value x, int64_t exponent) {
  auto type = cast<VectorType>(x.getType());
  auto splat = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, APFloat(static_cast<float>(value))));
  };
  // The fraction's polynomial has the least relative error, 9e-8, on [-1/2, 1/2] of degree 5.
  constexpr double coefficients[] = {1.0,
                                     0.6931469775964954,
                                     0.24022242083573803,
                                     0.055507337470890206,
                                     0.009671512722286071,
                                     0.0013264726042915044};
  x = b.greaterOf(splat(-126), x);
  Value whole = math::RoundEvenOp::create(b, x);
  Value fraction = b.subF(x, whole);
  Value power = splat(coefficients[5]);
  for (int i = 4; i >= 0; --i)
    power = b.fma(power, fraction, splat(coefficients[i]));
  auto intType = type.clone(b.i32);
  auto intSplat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(intType, APInt(32, value)));
  };
  // A product, because what is added to the bits of a NaN may make them those of a number.
  Value bits = arith::FPToSIOp::create(b, intType, whole);
  bits = arith::AddIOp::create(b, bits, intSplat(exponent + 127));
  bits = arith::ShLIOp::create(b, bits, intSplat(23));
  return b.mulF(power, LLVM::BitcastOp::create(b, type, bits));
}

} // namespace tawny::x86
