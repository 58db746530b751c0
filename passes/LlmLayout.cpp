// llm-layout: how the blocks of each weight are permuted.
#include "passes/Passes.h"

#include "dialects/formats/Layouts.h"
#include "dialects/llm/Llm.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMLAYOUT
#include "passes/Passes.h.inc"

namespace {

struct LlmLayout : impl::LlmLayoutBase<LlmLayout> {
  using LlmLayoutBase::LlmLayoutBase;

  void runOnOperation() override {
    std::optional<LayoutInfo> matrices = layoutByName(layout);
    if (!matrices || matrices->tileRows == 0) {
      getOperation().emitError() << "expected layout to be simd16 or simt32, found '" << layout
                                 << "'";
      return signalPassFailure();
    }
    for (auto weight : getOperation().getOps<llm::WeightOp>()) {
      bool isMatrix = cast<RankedTensorType>(weight.getType()).getRank() == 2;
      weight.setLayout(StringRef((isMatrix ? *matrices : rowsLayout).name));
    }
  }
};

} // namespace
} // namespace tawny
