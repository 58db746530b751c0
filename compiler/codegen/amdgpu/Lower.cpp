#include "compiler/codegen/amdgpu/Lower.h"

#include "mlir/Conversion/AMDGPUToROCDL/AMDGPUToROCDL.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/GPUToROCDL/GPUToROCDLPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/AMDGPU/Utils/Chipset.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/ROCDL/ROCDLToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Passes/PassBuilder.h"

using namespace mlir;

namespace tawny::amdgpu {
namespace {

/// Sums over a wave become DPP moves; the pattern that upstream offers for shuffles is not used,
/// because it takes every wave for 64 lanes. tanh is written in terms of exp, which the backend
/// has.
llvm::Error expandForChip(ModuleOp module, const TargetInfo &target,
                          mlir::amdgpu::Chipset chipset) {
  RewritePatternSet patterns(module.getContext());
  populateGpuLowerSubgroupReduceToDPPPatterns(patterns, target.waveSize, chipset);
  math::populateExpansionPatterns(patterns, {"tanh", "rsqrt"});
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return llvm::createStringError("expanding wave reductions and math did not converge");
  return llvm::Error::success();
}

/// Asks for so many waves on each SIMD that 128 registers are left to a lane on the smallest chip.
/// Without it LLVM's scheduler, free to use every register, moves all loads of a block's inputs to
/// its front and spills them (LLVM 22: 457 scalar and 217 vector spills in a Q4_K linear of 8
/// tokens on gfx1151; with it, none, and 99 vector registers).
void setOccupancy(ModuleOp module, const TargetInfo &target) {
  Builder builder(module.getContext());
  module.walk([&](gpu::GPUFuncOp kernel) {
    kernel->setAttr("rocdl.waves_per_eu", builder.getI32IntegerAttr(target.waveSize == 32 ? 8 : 2));
  });
}

/// convert-gpu-to-rocdl asks each dialect how its ops become LLVM's; these are the dialects that
/// emitters and the patterns above use.
void registerConversions(MLIRContext &context) {
  DialectRegistry registry;
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertFuncToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  registerConvertMemRefToLLVMInterface(registry);
  ub::registerConvertUBToLLVMInterface(registry);
  vector::registerConvertVectorToLLVMInterface(registry);
  context.appendDialectRegistry(registry);
}

/// Code-object version of a chip, times 100. The drivers in use for the chips before RDNA read
/// version 4 without exception, and comgr of ROCm 5 no later one; RDNA 3 appeared with version 5.
unsigned codeObjectVersion(const TargetInfo &target) {
  return target.cpu.starts_with("gfx9") ? 400 : 500;
}

} // namespace

llvm::Error lowerToRocdl(ModuleOp module, const TargetInfo &target, const CodegenOptions &options) {
  FailureOr<mlir::amdgpu::Chipset> chipset = mlir::amdgpu::Chipset::parse(target.cpu);
  if (failed(chipset))
    return llvm::createStringError("'%s' is no AMD GPU", target.cpu.str().c_str());
  if (llvm::Error error = expandForChip(module, target, *chipset))
    return error;
  setOccupancy(module, target);
  registerConversions(*module.getContext());

  PassManager passes(module.getContext());
  if (options.configure && failed(options.configure(passes)))
    return llvm::createStringError("bad pass manager options");
  OpPassManager &kernels = passes.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  ConvertAMDGPUToROCDLPassOptions amdgpuOptions;
  amdgpuOptions.chipset = target.cpu.str();
  kernels.addPass(createConvertAMDGPUToROCDLPass(amdgpuOptions));
  ConvertGpuOpsToROCDLOpsOptions rocdlOptions;
  rocdlOptions.chipset = target.cpu.str();
  rocdlOptions.indexBitwidth = 64;
  rocdlOptions.useBarePtrCallConv = true;
  rocdlOptions.runtime = gpu::amd::Runtime::HIP;
  kernels.addPass(createConvertGpuOpsToROCDLOps(rocdlOptions));
  kernels.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(module)))
    return llvm::createStringError("lowering to ROCDL failed; see the diagnostics above");
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::Module>>
translate(gpu::GPUModuleOp module, const TargetInfo &target, llvm::LLVMContext &context) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerGPUDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  registerROCDLDialectTranslation(*module.getContext());
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, context);
  if (!translated)
    return llvm::createStringError("translation to LLVM IR failed; see the diagnostics above");
  for (const llvm::Function &function : *translated)
    if (function.isDeclaration() && !function.isIntrinsic())
      return llvm::createStringError("a kernel calls '%s', for which there is no code on AMD GPUs",
                                     function.getName().str().c_str());
  translated->addModuleFlag(llvm::Module::Error, "amdhsa_code_object_version",
                            codeObjectVersion(target));
  return translated;
}

} // namespace tawny::amdgpu
