#include "compiler/codegen/nvptx/Lower.h"

#include "compiler/codegen/nvptx/Math.h"

#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tawny::nvptx {
namespace {

/// The largest of a warp's integers is one instruction, redux.sync; sums of floats have none.
struct LargestOfWarp : OpRewritePattern<gpu::SubgroupReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(gpu::SubgroupReduceOp op, PatternRewriter &rewriter) const final {
    Type i32 = rewriter.getI32Type();
    if (op.getOp() != gpu::AllReduceOperation::MAXUI || op.getClusterSize() || op.getType() != i32)
      return failure();
    Value allLanes = LLVM::ConstantOp::create(rewriter, op.getLoc(), i32, -1);
    rewriter.replaceOpWithNewOp<NVVM::ReduxOp>(op, i32, op.getValue(), NVVM::ReduxKind::UMAX,
                                               allLanes);
    return success();
  }
};

} // namespace

llvm::Error prepareForNvvm(ModuleOp module, const TargetInfo &target) {
  RewritePatternSet patterns(module.getContext());
  populateGpuLowerSubgroupReduceToShufflePatterns(patterns, target.waveSize);
  populateGpuLowerClusteredSubgroupReduceToShufflePatterns(patterns, target.waveSize);
  populateMathPatterns(patterns);
  patterns.add<LargestOfWarp>(module.getContext(), /*benefit=*/2);
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
