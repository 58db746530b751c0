// The AMDGPU code generator: kernels of an executable to a code object.
#include "compiler/codegen/MachineCode.h"
#include "compiler/codegen/SharedObject.h"
#include "compiler/codegen/amdgpu/Comgr.h"
#include "compiler/codegen/amdgpu/Lower.h"
#include "compiler/codegen/amdgpu/Metadata.h"

#include "mlir/Dialect/AMDGPU/IR/AMDGPUDialect.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Target/LLVMIR/Dialect/ROCDL/ROCDLToLLVMIRTranslation.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace tawny {
namespace amdgpu {
namespace {

void emitSharedBarrier(OpBuilder &builder, Location loc) {
  mlir::amdgpu::LDSBarrierOp::create(builder, loc);
}

void emitScheduleFence(OpBuilder &builder, Location loc) {
  ROCDL::SchedBarrier::create(builder, loc, builder.getI32IntegerAttr(0));
}

/// WMMA for sums of a wave of 32, of which a lane has 8; MFMA for those of 64, of which it has 4.
Value emitMatrixMultiply(OpBuilder &builder, Location loc, ValueRange a, Value column, Value sums) {
  if (cast<VectorType>(sums.getType()).getNumElements() == 4)
    return mlir::amdgpu::MFMAOp::create(builder, loc, sums.getType(), 16, 16, 16, /*blocks=*/1,
                                        a[0], column, sums);
  return mlir::amdgpu::WMMAOp::create(builder, loc, sums.getType(), 16, 16, 16, a[0], column, sums);
}

/// The scalar unit's registers hold what one lane has read.
Value emitUniform(OpBuilder &builder, Location loc, Value value) {
  return mlir::gpu::SubgroupBroadcastOp::create(builder, loc, value.getType(), value, Value(),
                                                mlir::gpu::BroadcastType::first_active_lane);
}

/// v_perm_b32. For a shuffle of i8 LLVM 22 has five operations on halves of registers.
Value emitPermuteBytes(OpBuilder &builder, Location loc, Value high, Value low, Value selector) {
  return LLVM::CallIntrinsicOp::create(builder, loc, builder.getI32Type(),
                                       builder.getStringAttr("llvm.amdgcn.perm"),
                                       ValueRange{high, low, selector})
      .getResult(0);
}

constexpr simt::Backend amdBackend{.sharedBarrier = emitSharedBarrier,
                                   .scheduleFence = emitScheduleFence,
                                   .matrixMultiply = emitMatrixMultiply,
                                   .uniform = emitUniform,
                                   .permuteBytes = emitPermuteBytes};

/// Code-object version of a chip, times 100. The drivers in use for the chips before RDNA read
/// version 4 without exception, and comgr of ROCm 5 no later one; RDNA 3 appeared with version 5.
unsigned codeObjectVersion(const TargetInfo &target) {
  return target.cpu.starts_with("gfx9") ? 400 : 500;
}

class AmdFamily : public simt::Family {
public:
  StringRef name() const final { return "AMD GPUs"; }
  const simt::Backend &backend() const final { return amdBackend; }

  void loadDialects(MLIRContext &context) const final {
    context.loadDialect<mlir::amdgpu::AMDGPUDialect, ROCDL::ROCDLDialect>();
    registerROCDLDialectTranslation(context);
  }

  llvm::Error prepare(ModuleOp module, const TargetInfo &target) const final {
    return prepareForRocdl(module, target);
  }

  void addConversions(OpPassManager &kernels, const TargetInfo &target) const final {
    addRocdlConversions(kernels, target);
  }

  void finish(llvm::Module &module, const TargetInfo &target) const final {
    module.addModuleFlag(llvm::Module::Error, "amdhsa_code_object_version",
                         codeObjectVersion(target));
  }

  llvm::Expected<std::string> emit(llvm::Module &module, const TargetInfo &target,
                                   CodegenStage stage) const final {
    LLVMInitializeAMDGPUTargetInfo();
    LLVMInitializeAMDGPUTarget();
    LLVMInitializeAMDGPUTargetMC();
    LLVMInitializeAMDGPUAsmPrinter();
    LLVMInitializeAMDGPUAsmParser(); // for the barriers, which upstream lowers to inline assembly
    // The whole O3 pipeline: without it kernels keep hidden arguments that nothing supplies.
    return emitMachineCode(
        module, target,
        {llvm::OptimizationLevel::O3, llvm::CodeGenOptLevel::Aggressive, llvm::TargetOptions()},
        stage);
  }

  llvm::Error link(std::string emitted, const TargetInfo &target, CodeObject &code) const final {
    llvm::Expected<std::string> linked = linkCodeObject(emitted, target.cpu);
    if (!linked)
      return linked.takeError();
    code.bytes = std::move(*linked);
    if (llvm::Error error = readMetadata(code))
      return error;
    return readSymbolSizes(code);
  }
};

} // namespace
} // namespace amdgpu

llvm::Expected<CodeObject> compileAMDGPU(rt::ExecutableOp executable, const TargetInfo &target,
                                         const CodegenOptions &options) {
  return simt::compile(amdgpu::AmdFamily(), executable, target, options);
}

} // namespace tawny
