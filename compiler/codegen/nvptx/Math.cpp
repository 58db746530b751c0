#include "compiler/codegen/nvptx/Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <bit>
#include <functional>
#include <numbers>

using namespace mlir;

namespace tawny::nvptx {
namespace {

Value callIntrinsic(ImplicitLocOpBuilder &b, StringRef name, Value argument) {
  return LLVM::CallIntrinsicOp::create(b, argument.getType(), b.getStringAttr(name), argument)
      ->getResult(0);
}

Value f32c(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(static_cast<float>(value)));
}

Value i32c(ImplicitLocOpBuilder &b, int32_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
}

/// 2^exponent, for exponents of normal numbers.
Value powerOfTwo(ImplicitLocOpBuilder &b, Value exponent) {
  Value biased = arith::AddIOp::create(b, exponent, i32c(b, 127));
  Value bits = arith::ShLIOp::create(b, biased, i32c(b, 23));
  return arith::BitcastOp::create(b, b.getF32Type(), bits);
}

/// exp(x) = 2^whole * 2^rest, whole = round(x log2 e), |rest| <= 1/2. Scaling ex2.approx's argument
/// alone would round x log2 e to f32, which is 64 ulp of the result at x = 88.
Value emitExp(ImplicitLocOpBuilder &b, Value x) {
  // Beyond these the result is 0 or infinite, and NaN stays.
  x = arith::MaximumFOp::create(b, x, f32c(b, -104));
  x = arith::MinimumFOp::create(b, x, f32c(b, 89));
  constexpr float log2e = std::numbers::log2e_v<float>;
  constexpr double log2eError = std::numbers::log2e - static_cast<double>(log2e);
  // Added to a small number, 1.5 * 2^23 leaves its nearest integer in the low bits.
  constexpr float magic = 12582912;
  Value shifted = math::FmaOp::create(b, x, f32c(b, log2e), f32c(b, magic));
  Value whole =
      arith::SubIOp::create(b, arith::BitcastOp::create(b, b.getI32Type(), shifted).getResult(),
                            i32c(b, std::bit_cast<int32_t>(magic)));
  Value wholeFloat = arith::SubFOp::create(b, shifted, f32c(b, magic));
  Value rest = math::FmaOp::create(b, x, f32c(b, log2e), arith::NegFOp::create(b, wholeFloat));
  rest = math::FmaOp::create(b, x, f32c(b, log2eError), rest);
  // In two factors, for whole itself may pass the exponents of normal numbers, from -150 to 128.
  Value half = arith::ShRSIOp::create(b, whole, i32c(b, 1));
  Value otherHalf = arith::SubIOp::create(b, whole, half);
  Value scaled =
      arith::MulFOp::create(b, callIntrinsic(b, "llvm.nvvm.ex2.approx", rest), powerOfTwo(b, half));
  return arith::MulFOp::create(b, scaled, powerOfTwo(b, otherHalf));
}

using Emit = std::function<Value(ImplicitLocOpBuilder &, Value)>;

/// Rewrites an op of one f32 or a vector of them, element by element.
template <typename Op> struct ElementPattern : OpRewritePattern<Op> {
  ElementPattern(MLIRContext *context, Emit emit)
      : OpRewritePattern<Op>(context), emit(std::move(emit)) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto vector = dyn_cast<VectorType>(op.getType());
    if (!vector) {
      rewriter.replaceOp(op, emit(b, op.getOperand()));
      return success();
    }
    if (vector.getRank() != 1)
      return failure();
    SmallVector<Value> elements;
    for (int64_t i = 0; i < vector.getNumElements(); ++i)
      elements.push_back(emit(b, vector::ExtractOp::create(b, op.getOperand(), i)));
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, vector, elements);
    return success();
  }

  Emit emit;
};

/// Rewrites an op, of any type, to its like in the LLVM dialect.
template <typename Op, typename LlvmOp> struct RenamePattern : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    rewriter.replaceOpWithNewOp<LlvmOp>(op, op.getType(), op->getOperands());
    return success();
  }
};

template <typename Op> void addIntrinsic(RewritePatternSet &patterns, StringRef name) {
  patterns.add<ElementPattern<Op>>(patterns.getContext(), [name](ImplicitLocOpBuilder &b, Value x) {
    return callIntrinsic(b, name, x);
  });
}

} // namespace

void populateMathPatterns(RewritePatternSet &patterns) {
  math::populateExpansionPatterns(patterns, {"tanh", "rsqrt"});
  patterns
      .add<RenamePattern<math::FmaOp, LLVM::FMAOp>, RenamePattern<arith::MaxNumFOp, LLVM::MaxNumOp>,
           RenamePattern<arith::MinNumFOp, LLVM::MinNumOp>>(patterns.getContext());
  patterns.add<ElementPattern<math::ExpOp>>(patterns.getContext(), emitExp);
  addIntrinsic<math::Exp2Op>(patterns, "llvm.nvvm.ex2.approx");
  addIntrinsic<math::SqrtOp>(patterns, "llvm.sqrt");
  addIntrinsic<math::RoundEvenOp>(patterns, "llvm.roundeven");
  addIntrinsic<math::FloorOp>(patterns, "llvm.floor");
  addIntrinsic<math::CeilOp>(patterns, "llvm.ceil");
  addIntrinsic<math::TruncOp>(patterns, "llvm.trunc");
  addIntrinsic<math::AbsFOp>(patterns, "llvm.fabs");
}

} // namespace tawny::nvptx
