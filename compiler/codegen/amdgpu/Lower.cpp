#include "compiler/codegen/amdgpu/Lower.h"
#include "compiler/codegen/simt/Simt.h"

#include "mlir/Conversion/AMDGPUToROCDL/AMDGPUToROCDL.h"
#include "mlir/Conversion/GPUToROCDL/GPUToROCDLPass.h"
#include "mlir/Dialect/AMDGPU/Utils/Chipset.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tawny::amdgpu {
namespace {

/// exp2 of an f32 is an instruction, of which upstream makes a call of the device library.
struct Exp2ToInstruction : OpRewritePattern<math::Exp2Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::Exp2Op op, PatternRewriter &rewriter) const final {
    if (!op.getType().isF32())
      return failure();
    rewriter.replaceOpWithNewOp<ROCDL::ROCDLExp2>(op, op.getType(), op.getOperand());
    return success();
  }
};

/// Sums over a wave become DPP moves; the pattern that upstream offers for shuffles is not used,
/// because it takes every wave for 64 lanes. tanh is written in terms of exp, which the backend
/// has.
llvm::Error expandForChip(ModuleOp module, const TargetInfo &target,
                          mlir::amdgpu::Chipset chipset) {
  RewritePatternSet patterns(module.getContext());
  populateGpuLowerSubgroupReduceToDPPPatterns(patterns, target.waveSize, chipset);
  populateGpuLowerClusteredSubgroupReduceToDPPPatterns(patterns, target.waveSize, chipset);
  patterns.add<Exp2ToInstruction>(module.getContext());
  math::populateExpansionPatterns(patterns, {"tanh", "rsqrt"});
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return llvm::createStringError("expanding wave reductions and math did not converge");
  return llvm::Error::success();
}

/// Asks for so many waves on each SIMD that a lane has the registers its kernel asks for, 128
/// unless it says otherwise, on the smallest chip. Without it LLVM's scheduler, free to use every
/// register, moves all loads of a block's inputs to its front and spills them (LLVM 22: 457 scalar
/// and 217 vector spills in a Q4_K linear of 8 tokens on gfx1151; with it, none, and 99 vector
/// registers).
void setOccupancy(ModuleOp module, const TargetInfo &target) {
  // A SIMD has 1024 registers for each lane of a wave of 32, and 256 of 64, at least.
  const unsigned registers = target.waveSize == 32 ? 1024 : 256;
  Builder builder(module.getContext());
  module.walk([&](gpu::GPUFuncOp kernel) {
    auto lane = kernel->getAttrOfType<IntegerAttr>(simt::laneRegistersAttr);
    kernel->setAttr("rocdl.waves_per_eu",
                    builder.getI32IntegerAttr(registers / (lane ? lane.getInt() : 128)));
  });
}

} // namespace

llvm::Error prepareForRocdl(ModuleOp module, const TargetInfo &target) {
  FailureOr<mlir::amdgpu::Chipset> chipset = mlir::amdgpu::Chipset::parse(target.cpu);
  if (failed(chipset))
    return llvm::createStringError("'%s' is no AMD GPU", target.cpu.str().c_str());
  if (llvm::Error error = expandForChip(module, target, *chipset))
    return error;
  setOccupancy(module, target);
  return llvm::Error::success();
}

void addRocdlConversions(OpPassManager &kernels, const TargetInfo &target) {
  ConvertAMDGPUToROCDLPassOptions amdgpuOptions;
  amdgpuOptions.chipset = target.cpu.str();
  kernels.addPass(createConvertAMDGPUToROCDLPass(amdgpuOptions));
  ConvertGpuOpsToROCDLOpsOptions rocdlOptions;
  rocdlOptions.chipset = target.cpu.str();
  rocdlOptions.indexBitwidth = 64;
  rocdlOptions.useBarePtrCallConv = true;
  rocdlOptions.runtime = gpu::amd::Runtime::HIP;
  kernels.addPass(createConvertGpuOpsToROCDLOps(rocdlOptions));
}

} // namespace tawny::amdgpu
