// llm-split-attention: ranges of a context side by side in decode programs.
#include "passes/Passes.h"

#include "dialects/llm/Llm.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMSPLITATTENTION
#include "passes/Passes.h.inc"

namespace {

struct LlmSplitAttention : impl::LlmSplitAttentionBase<LlmSplitAttention> {
  using LlmSplitAttentionBase::LlmSplitAttentionBase;

  void runOnOperation() override {
    constexpr int64_t most = 1 << 20;
    if (tiles < 1 || tiles > most || rangeTokens < 1 || maxContext < 1) {
      getOperation().emitError() << "expected tiles from 1 to " << most
                                 << " and positive range-tokens and max-context";
      return signalPassFailure();
    }
    auto program = getOperation()->getAttrOfType<llm::ProgramAttr>("llm.program");
    if (!program || program.getKind() != llm::ProgramKind::Decode)
      return;
    IRRewriter rewriter(&getContext());
    getOperation().walk(
        [&](llm::AttentionOp attention) { split(rewriter, attention, program.getSequences()); });
  }

private:
  /// The same for all buckets, or a power of two, so that the buckets of a model share kernels.
  int64_t splitsOf(llm::AttentionOp attention, int64_t sequences) {
    if (sameRanges)
      return llm::contextRanges(
          llm::windowOf(attention.getWindow(), static_cast<uint64_t>(maxContext)), maxContext);
    int64_t unsplit = cast<llm::KvType>(attention.getKv().getType()).getHeads() * sequences;
    auto wanted = llvm::bit_ceil<uint64_t>(llvm::divideCeil(tiles, unsplit));
    int64_t window = llm::windowOf(attention.getWindow(), static_cast<uint64_t>(maxContext));
    int64_t seen = window != 0 ? window : maxContext;
    auto useful = llvm::bit_floor<uint64_t>(std::max<int64_t>(seen / rangeTokens, 1));
    constexpr uint64_t most = 256; // attention_part_c4
    return static_cast<int64_t>(std::min({wanted, useful, most}));
  }

  void split(IRRewriter &rewriter, llm::AttentionOp attention, int64_t sequences) {
    rewriter.setInsertionPoint(attention);
    int64_t splits = splitsOf(attention, sequences);
    auto part = llm::AttentionPartOp::create(rewriter, attention.getLoc(), attention, splits);
    rewriter.replaceOpWithNewOp<llm::AttentionMergeOp>(attention, attention.getResult().getType(),
                                                       part.getSums(), part.getState(),
                                                       part.getSplitsAttr());
  }
};

} // namespace
} // namespace tawny
