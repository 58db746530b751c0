// The phases between an imported model and its program.
#pragma once

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace tawny {

/// Options of `tawny-fuse`.
struct FuseOptions : mlir::PassPipelineOptions<FuseOptions> {
  Option<bool> fuseResidual{*this, "fuse-residual",
                            llvm::cl::desc("Also fuse residuals with the linears they follow."),
                            llvm::cl::init(false)};
};

/// Options of `tawny-lower-to-rt`; Passes.td explains each at its pass.
struct LowerToRtOptions : mlir::PassPipelineOptions<LowerToRtOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc("The target's name."),
                             llvm::cl::init("cpu")};
  Option<std::string> layout{*this, "layout", llvm::cl::desc("The matrix layout."),
                             llvm::cl::init("simd16")};
  Option<std::string> activations{*this, "activations",
                                  llvm::cl::desc("What linears compute in: f32, f16 or i8."),
                                  llvm::cl::init("f32")};
  Option<std::string> kv{*this, "kv", llvm::cl::desc("Elements of the KV pool: f16 or f32."),
                         llvm::cl::init("f16")};
  Option<std::string> dequant{*this, "dequant", llvm::cl::desc("Where weights are dequantised."),
                              llvm::cl::init("fused")};
  Option<int64_t> maxBatch{*this, "max-batch", llvm::cl::desc("Sequences of a decode at most."),
                           llvm::cl::init(32)};
  Option<int64_t> maxTokens{*this, "max-tokens", llvm::cl::desc("Tokens of a step at most."),
                            llvm::cl::init(512)};
  Option<int64_t> maxSequences{*this, "max-sequences",
                               llvm::cl::desc("Sequences of a step at most; 0 is max-batch."),
                               llvm::cl::init(0)};
  Option<int64_t> maxLogitRows{*this, "max-logit-rows",
                               llvm::cl::desc("Tokens of a step that may want logits."),
                               llvm::cl::init(64)};
  Option<int64_t> attentionBlockRows{*this, "attention-block-rows",
                                     llvm::cl::desc("Tokens of an attention tile at most."),
                                     llvm::cl::init(16)};
  Option<int64_t> attentionQueryRows{
      *this, "attention-query-rows",
      llvm::cl::desc("Rows of an attention tile; 0: attention-block-rows."), llvm::cl::init(0)};
  Option<int64_t> attentionTiles{
      *this, "attention-tiles",
      llvm::cl::desc("Tiles that attention of a decode is split into; 0: it stays whole."),
      llvm::cl::init(0)};
  Option<bool> attentionSameRanges{
      *this, "attention-same-ranges",
      llvm::cl::desc("Split attention of decodes into ranges that all programs share."),
      llvm::cl::init(false)};
  Option<int64_t> candidates{
      *this, "candidates",
      llvm::cl::desc("Largest logits that programs return of each row; 0: none."),
      llvm::cl::init(0)};
  Option<int64_t> maxContext{*this, "max-context", llvm::cl::desc("Tokens of a sequence at most."),
                             llvm::cl::init(4096)};
  Option<int64_t> kvTokens{*this, "kv-tokens",
                           llvm::cl::desc("Tokens of the KV pool; 0 is max-context."),
                           llvm::cl::init(0)};
  Option<int64_t> pageTokens{*this, "page-tokens", llvm::cl::desc("Tokens of a KV page."),
                             llvm::cl::init(16)};
  Option<bool> fuse{*this, "fuse",
                    llvm::cl::desc("Fuse what only meets in decode programs. Off to see what an "
                                   "unfused model costs."),
                    llvm::cl::init(true)};
};

/// Fuses ops of an imported model into the ones that kernels are written for.
void buildFusePipeline(mlir::OpPassManager &manager, const FuseOptions &options);

/// From a model, fused or not, to programs whose every byte has its place. Kernels still have llm
/// bodies at the end.
void buildLowerToRtPipeline(mlir::OpPassManager &manager, const LowerToRtOptions &options);

} // namespace tawny
