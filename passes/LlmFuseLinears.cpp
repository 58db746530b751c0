// llm-fuse-linears: gate with up, q with k and v, and, if asked to, the residual with its linear.
#include "passes/Passes.h"

#include "dialects/llm/Llm.h"
#include "passes/Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMFUSELINEARS
#include "passes/Passes.h.inc"

namespace {

/// Whether nothing but one weight and perhaps a bias has been put into a linear.
bool isPlain(llm::LinearOp linear) {
  return linear && linear.getWeights().size() == 1 && linear.getEpilogue().empty() &&
         linear.getReads().empty() && linear.getState().empty() &&
         cast<RankedTensorType>(linear.getResult(0).getType()).getElementType().isF32();
}

/// The weights, first rows and biases of plain linears as parts of one.
struct Parts {
  SmallVector<Value> weights, biases;
  SmallVector<int64_t> firstRows, biasParts;

  /// Adds `linear` as the part that begins at output row `firstRow`.
  void add(llm::LinearOp linear, int64_t firstRow) {
    if (Value bias = linear.biasOf(0)) {
      biases.push_back(bias);
      biasParts.push_back(static_cast<int64_t>(weights.size()));
    }
    weights.push_back(linear.getWeights().front());
    firstRows.push_back(firstRow);
  }

  llm::LinearOp create(OpBuilder &builder, Location location, TypeRange results, Value input,
                       ValueRange reads = {}) const {
    return llm::LinearOp::create(
        builder, location, results, input, weights, builder.getDenseI64ArrayAttr(firstRows), biases,
        biases.empty() ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(biasParts), reads,
        /*state=*/ValueRange(), /*rope_append=*/llm::RopeAttr(), /*layer=*/IntegerAttr());
  }
};

/// Gives a linear an empty epilogue of `arguments` scalars and returns its block.
Block *addEpilogue(llm::LinearOp linear, unsigned arguments) {
  Block &block = linear.getEpilogue().emplaceBlock();
  Type f32 = Float32Type::get(linear.getContext());
  for (unsigned i = 0; i < arguments; ++i)
    block.addArgument(f32, linear.getLoc());
  return &block;
}

/// Ends the block with the yield of gate / (1 + exp(-gate)) * up.
void writeSiluProduct(OpBuilder &builder, Location location, Block *block) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(block);
  Value gate = block->getArgument(0), up = block->getArgument(1);
  Value one = arith::ConstantOp::create(builder, location, builder.getF32FloatAttr(1.0F));
  Value negated = arith::NegFOp::create(builder, location, gate);
  Value exponential = math::ExpOp::create(builder, location, negated);
  Value denominator = arith::AddFOp::create(builder, location, exponential, one);
  Value silu = arith::DivFOp::create(builder, location, gate, denominator);
  Value product = arith::MulFOp::create(builder, location, silu, up);
  llm::YieldOp::create(builder, location, product);
}

/// silu(gate) * up, in either order.
struct FuseGateAndUp : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::MulFOp product, PatternRewriter &rewriter) const override {
    auto silu = product.getLhs().getDefiningOp<llm::SiluOp>();
    Value other = product.getRhs();
    if (!silu) {
      silu = product.getRhs().getDefiningOp<llm::SiluOp>();
      other = product.getLhs();
    }
    if (!silu || !silu->hasOneUse())
      return rewriter.notifyMatchFailure(product, "no silu that is used only here");
    auto gate = silu.getInput().getDefiningOp<llm::LinearOp>();
    auto up = other.getDefiningOp<llm::LinearOp>();
    if (!isPlain(gate) || !isPlain(up) || gate == up || !gate->hasOneUse() || !up->hasOneUse() ||
        gate.getInput() != up.getInput())
      return rewriter.notifyMatchFailure(product, "no two plain linears of one input");
    Parts parts;
    parts.add(gate, 0);
    parts.add(up, 0);
    Location location = rewriter.getFusedLoc({gate.getLoc(), up.getLoc(), product.getLoc()});
    llm::LinearOp fused =
        parts.create(rewriter, location, product.getResult().getType(), gate.getInput());
    writeSiluProduct(rewriter, location, addEpilogue(fused, 2));
    rewriter.replaceOp(product, fused);
    for (Operation *dead : {silu.getOperation(), gate.getOperation(), up.getOperation()})
      rewriter.eraseOp(dead);
    return success();
  }
};

/// linear(x) + residual, in either order.
struct FuseResidual : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp sum, PatternRewriter &rewriter) const override {
    auto linear = sum.getLhs().getDefiningOp<llm::LinearOp>();
    Value residual = sum.getRhs();
    if (!isPlain(linear) || !linear->hasOneUse()) {
      linear = sum.getRhs().getDefiningOp<llm::LinearOp>();
      residual = sum.getLhs();
    }
    if (!isPlain(linear) || !linear->hasOneUse())
      return rewriter.notifyMatchFailure(sum, "no plain linear that is used only here");
    Parts parts;
    parts.add(linear, 0);
    Location location = rewriter.getFusedLoc({linear.getLoc(), sum.getLoc()});
    llm::LinearOp fused =
        parts.create(rewriter, location, sum.getResult().getType(), linear.getInput(), residual);
    Block *block = addEpilogue(fused, 2);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToEnd(block);
      Value stored =
          arith::AddFOp::create(rewriter, location, block->getArgument(0), block->getArgument(1));
      llm::YieldOp::create(rewriter, location, stored);
    }
    rewriter.replaceOp(sum, fused);
    rewriter.eraseOp(linear);
    return success();
  }
};

/// Makes the parts of one concatenated linear, at the place of the first, of plain `linears` of the
/// same input.
void concatenate(RewriterBase &rewriter, ArrayRef<llm::LinearOp> linears) {
  Parts parts;
  SmallVector<Type> results;
  SmallVector<Location> locations;
  int64_t rows = 0;
  for (llm::LinearOp linear : linears) {
    parts.add(linear, rows);
    rows += linear.outputRows();
    results.push_back(linear.getResult(0).getType());
    locations.push_back(linear.getLoc());
  }
  llm::LinearOp first = linears.front();
  SmallVector<Value> needed(parts.weights);
  needed.append(parts.biases);
  if (failed(hoistWeightLoads(rewriter, needed, first)))
    return;
  rewriter.setInsertionPoint(first);
  llm::LinearOp fused =
      parts.create(rewriter, rewriter.getFusedLoc(locations), results, first.getInput());
  for (auto [linear, result] : llvm::zip_equal(linears, fused.getResults()))
    rewriter.replaceOp(linear, result);
}

struct LlmFuseLinears : impl::LlmFuseLinearsBase<LlmFuseLinears> {
  using LlmFuseLinearsBase::LlmFuseLinearsBase;

  void runOnOperation() override {
    // Gate and up go first: concatenated, they would no longer meet element by element.
    if (failed(applyPattern<FuseGateAndUp>()))
      return signalPassFailure();
    llvm::MapVector<Value, SmallVector<llm::LinearOp>> byInput;
    getOperation().walk([&](llm::LinearOp linear) {
      if (isPlain(linear))
        byInput[linear.getInput()].push_back(linear);
    });
    IRRewriter rewriter(&getContext());
    for (auto &[input, linears] : byInput)
      if (linears.size() > 1)
        concatenate(rewriter, linears);
    if (fuseResidual && failed(applyPattern<FuseResidual>()))
      signalPassFailure();
  }

private:
  template <typename Pattern> LogicalResult applyPattern() {
    RewritePatternSet patterns(&getContext());
    patterns.add<Pattern>(&getContext());
    return applyPatternsGreedily(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace tawny
