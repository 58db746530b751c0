// llm-fuse-rope-append: rotation and KV append at the linear that makes q, k and v.
#include "passes/Passes.h"

#include "dialects/formats/Layouts.h"
#include "dialects/llm/Llm.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMFUSEROPEAPPEND
#include "passes/Passes.h.inc"

namespace {

/// What stands around a linear that makes q, k and v.
struct Attention {
  llm::LinearOp linear;
  llm::RopeOp ropeQ, ropeK;
  llm::KvAppendOp append;
  unsigned parts[3]; ///< The linear's parts that are q, k and v.
};

/// Finds the ops around an append, or says why it cannot be fused.
FailureOr<Attention> matchAttention(llm::KvAppendOp append, PatternRewriter &rewriter) {
  Attention found;
  found.append = append;
  found.ropeK = append.getK().getDefiningOp<llm::RopeOp>();
  found.linear = append.getV().getDefiningOp<llm::LinearOp>();
  if (!found.ropeK || !found.linear || !found.ropeK->hasOneUse())
    return rewriter.notifyMatchFailure(append,
                                       "k is not rotated for it alone, or v is no linear's");
  llm::LinearOp linear = found.linear;
  bool concatenated = linear.getNumResults() == 3 && linear.getState().empty();
  if (!concatenated || found.ropeK.getInput().getDefiningOp() != linear ||
      !llvm::all_of(linear.getResults(), [](Value result) { return result.hasOneUse(); }))
    return rewriter.notifyMatchFailure(append, "no linear of three parts, each used once");
  unsigned k = cast<OpResult>(found.ropeK.getInput()).getResultNumber();
  unsigned v = cast<OpResult>(append.getV()).getResultNumber();
  unsigned q = 3 - k - v;
  found.ropeQ = dyn_cast<llm::RopeOp>(*linear.getResult(q).getUsers().begin());
  if (!found.ropeQ || found.ropeQ.getRope() != found.ropeK.getRope() ||
      found.ropeQ.getStep() != append.getStep() || found.ropeK.getStep() != append.getStep())
    return rewriter.notifyMatchFailure(append, "q is not rotated as k is");
  auto kv = cast<llm::KvType>(append.getKv().getType());
  int64_t kvRows = kv.getHeads() * kv.getHeadDim();
  if (found.ropeQ.getRope().getHeadDim() != kv.getHeadDim() || linear.partRows(q) % kvRows != 0)
    return rewriter.notifyMatchFailure(append, "q does not have the pool's heads");
  // A tile of the linear's rows is rotated and appended as it is stored.
  if (kv.getHeadDim() % maxTileRows != 0)
    return rewriter.notifyMatchFailure(append, "heads are no whole tiles of rows");
  // The fused op stands where the append stood, so nothing may read the rotated q before that.
  for (Operation *user : found.ropeQ->getUsers())
    if (user->getBlock() != append->getBlock() || user->isBeforeInBlock(append))
      return rewriter.notifyMatchFailure(append, "the rotated q is read before the append");
  found.parts[0] = q;
  found.parts[1] = k;
  found.parts[2] = v;
  return found;
}

struct FuseRopeAppend : OpRewritePattern<llm::KvAppendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(llm::KvAppendOp append, PatternRewriter &rewriter) const override {
    FailureOr<Attention> found = matchAttention(append, rewriter);
    if (failed(found))
      return failure();
    llm::LinearOp linear = found->linear;
    SmallVector<Value> weights, biases;
    SmallVector<int64_t> firstRows, biasParts;
    int64_t rows = 0;
    for (unsigned part : found->parts) {
      if (Value bias = linear.biasOf(part)) {
        biases.push_back(bias);
        biasParts.push_back(static_cast<int64_t>(weights.size()));
      }
      weights.push_back(linear.getWeights()[part]);
      firstRows.push_back(rows);
      rows += linear.partRows(part);
    }
    Type results[] = {found->ropeQ.getResult().getType(), append.getResult().getType()};
    Value state[] = {append.getStep(), append.getKv()};
    auto fused = llm::LinearOp::create(
        rewriter, rewriter.getFusedLoc({linear.getLoc(), append.getLoc()}), results,
        linear.getInput(), weights, rewriter.getDenseI64ArrayAttr(firstRows), biases,
        biases.empty() ? DenseI64ArrayAttr() : rewriter.getDenseI64ArrayAttr(biasParts),
        /*reads=*/ValueRange(), state, found->ropeQ.getRope(), append.getLayerAttr());
    rewriter.replaceOp(append, fused.getResult(1));
    rewriter.replaceOp(found->ropeQ, fused.getResult(0));
    rewriter.eraseOp(found->ropeK);
    rewriter.eraseOp(linear);
    return success();
  }
};

struct LlmFuseRopeAppend : impl::LlmFuseRopeAppendBase<LlmFuseRopeAppend> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseRopeAppend>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace tawny
