// llm-fuse-norm: the residual addition and the norm of its sum.
#include "passes/Passes.h"

#include "dialects/llm/Llm.h"
#include "passes/Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMFUSENORM
#include "passes/Passes.h.inc"

namespace {

struct FuseAddition : OpRewritePattern<llm::RmsNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(llm::RmsNormOp norm, PatternRewriter &rewriter) const override {
    auto add = norm.getInput().getDefiningOp<arith::AddFOp>();
    if (!add)
      return rewriter.notifyMatchFailure(norm, "its input is no sum");
    // The fused op stands where the sum stood, since users of the sum may come before the norm.
    if (failed(hoistWeightLoads(rewriter, norm.getWeight(), add)))
      return rewriter.notifyMatchFailure(norm, "its weight is not available at the sum");
    rewriter.setInsertionPoint(add);
    auto fused = llm::AddRmsNormOp::create(
        rewriter, rewriter.getFusedLoc({add.getLoc(), norm.getLoc()}), add.getLhs(), add.getRhs(),
        norm.getWeight(), norm.getEpsAttr(), norm.getResult().getType());
    rewriter.replaceOp(norm, fused.getNorm());
    rewriter.replaceOp(add, fused.getSum());
    return success();
  }
};

struct LlmFuseNorm : impl::LlmFuseNormBase<LlmFuseNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseAddition>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tawny
