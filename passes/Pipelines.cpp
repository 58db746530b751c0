#include "passes/Pipelines.h"

#include "passes/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace tawny {
namespace {

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

void addCleanup(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

LlmSpecialiseOptions specialiseOptions(const LowerToRtOptions &options) {
  LlmSpecialiseOptions result;
  result.maxBatch = options.maxBatch;
  result.maxTokens = options.maxTokens;
  result.maxSequences = options.maxSequences;
  result.maxLogitRows = options.maxLogitRows;
  result.attentionBlockRows = options.attentionBlockRows;
  result.attentionQueryRows = options.attentionQueryRows;
  result.candidates = options.candidates;
  return result;
}

} // namespace

void buildFusePipeline(OpPassManager &manager, const FuseOptions &options) {
  // CSE first: fusions compare inputs by value and count uses.
  addCleanup(manager);
  manager.addNestedPass<func::FuncOp>(createLlmFuseNorm());
  manager.addNestedPass<func::FuncOp>(createLlmFuseLinears({options.fuseResidual}));
  // Needs the concatenated q, k and v.
  manager.addNestedPass<func::FuncOp>(createLlmFuseRopeAppend());
  addCleanup(manager);
}

void buildLowerToRtPipeline(OpPassManager &manager, const LowerToRtOptions &options) {
  manager.addPass(createLlmSpecialise(specialiseOptions(options)));
  // Without llm.logit_rows between them, the last addition meets the last norm.
  if (options.fuse)
    manager.addNestedPass<func::FuncOp>(createLlmFuseNorm());
  manager.addNestedPass<func::FuncOp>(
      createLlmDecide({options.activations, options.kv, options.dequant}));
  // After llm-decide, which looks for llm.attention to write what linears read.
  if (options.attentionTiles != 0 || options.attentionSameRanges) {
    LlmSplitAttentionOptions split;
    split.tiles = std::max<int64_t>(options.attentionTiles, 1);
    split.sameRanges = options.attentionSameRanges;
    split.maxContext = options.maxContext;
    manager.addNestedPass<func::FuncOp>(createLlmSplitAttention(split));
  }
  manager.addPass(createLlmLayout({options.layout}));
  manager.addPass(createRtDispatch({options.target, options.layout, options.activations}));
  manager.addPass(createRtPlan({options.maxContext, options.kvTokens, options.pageTokens}));
  manager.addPass(createRtVerifyProgram());
}

void registerTawnyPasses() {
  registerDeclaredPasses();
  PassPipelineRegistration<FuseOptions>("tawny-fuse", "Fuse the ops of a model.",
                                        buildFusePipeline);
  PassPipelineRegistration<LowerToRtOptions>(
      "tawny-lower-to-rt", "From a model to planned programs.", buildLowerToRtPipeline);
}

} // namespace tawny
