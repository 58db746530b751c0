#include "compiler/codegen/nvptx/Lower.h"

#include "compiler/codegen/nvptx/Math.h"

#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tawny::nvptx {

llvm::Error prepareForNvvm(ModuleOp module, const TargetInfo &target) {
  RewritePatternSet patterns(module.getContext());
  populateGpuLowerSubgroupReduceToShufflePatterns(patterns, target.waveSize);
  populateGpuLowerClusteredSubgroupReduceToShufflePatterns(patterns, target.waveSize);
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
