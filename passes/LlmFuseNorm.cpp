// llm-fuse-norm: the residual addition and the norm of its sum.
#include "passes/Passes.h"

#include "dialects/llm/Llm.h"
#include "passes/Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMFUSENORM
#include "passes/Passes.h.inc"

namespace {

void fuseWithSum(IRRewriter &rewriter, llm::RmsNormOp norm) {
  auto add = norm.getInput().getDefiningOp<arith::AddFOp>();
  // The fused op stands where the sum stood, since users of the sum may come before the norm.
  if (!add || failed(hoistWeightLoads(rewriter, norm.getWeight(), add)))
    return;
  rewriter.setInsertionPoint(add);
  auto fused = llm::AddRmsNormOp::create(
      rewriter, rewriter.getFusedLoc({add.getLoc(), norm.getLoc()}), add.getLhs(), add.getRhs(),
      norm.getWeight(), norm.getEpsAttr(), norm.getResult().getType());
  rewriter.replaceOp(norm, fused.getNorm());
  rewriter.replaceOp(add, fused.getSum());
}

struct LlmFuseNorm : impl::LlmFuseNormBase<LlmFuseNorm> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](llm::RmsNormOp norm) { fuseWithSum(rewriter, norm); });
  }
};

} // namespace
} // namespace tawny
