#include "compiler/codegen/nvptx/Lower.h"

#include "compiler/codegen/nvptx/Math.h"

#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tawny::nvptx {
namespace {

/// The first lane's value in all lanes. All lanes are active wherever emitters ask for it.
struct BroadcastToShuffle : OpRewritePattern<gpu::SubgroupBroadcastOp> {
  BroadcastToShuffle(MLIRContext *context, unsigned warpSize)
      : OpRewritePattern(context), warpSize(warpSize) {}

  LogicalResult matchAndRewrite(gpu::SubgroupBroadcastOp op,
                                PatternRewriter &rewriter) const final {
    if (op.getBroadcastType() != gpu::BroadcastType::first_active_lane)
      return failure();
    auto shuffle = gpu::ShuffleOp::create(rewriter, op.getLoc(), op.getSrc(), /*offset=*/0,
                                          static_cast<int32_t>(warpSize), gpu::ShuffleMode::IDX);
    rewriter.replaceOp(op, shuffle.getShuffleResult());
    return success();
  }

  unsigned warpSize;
};

} // namespace

llvm::Error prepareForNvvm(ModuleOp module, const TargetInfo &target) {
  RewritePatternSet patterns(module.getContext());
  populateGpuLowerSubgroupReduceToShufflePatterns(patterns, target.waveSize);
  populateGpuLowerClusteredSubgroupReduceToShufflePatterns(patterns, target.waveSize);
  patterns.add<BroadcastToShuffle>(module.getContext(), target.waveSize);
  populateMathPatterns(patterns);
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return llvm::createStringError("expanding warp reductions and math did not converge");
  return llvm::Error::success();
}

void addNvvmConversions(OpPassManager &kernels) {
  ConvertGpuOpsToNVVMOpsOptions options;
  options.indexBitwidth = 64;
  options.useBarePtrCallConv = true;
  kernels.addPass(createConvertGpuOpsToNVVMOps(options));
}

} // namespace tawny::nvptx
