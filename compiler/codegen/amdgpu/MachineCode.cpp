// LLVM's part: which backend, and how hard it tries.
#include "compiler/codegen/amdgpu/Lower.h"

#include "compiler/codegen/MachineCode.h"

#include "llvm/Support/TargetSelect.h"

namespace tawny::amdgpu {

llvm::Expected<std::string> emitMachineCode(llvm::Module &module, const TargetInfo &target,
                                            CodegenStage stage) {
  LLVMInitializeAMDGPUTargetInfo();
  LLVMInitializeAMDGPUTarget();
  LLVMInitializeAMDGPUTargetMC();
  LLVMInitializeAMDGPUAsmPrinter();
  LLVMInitializeAMDGPUAsmParser(); // for the barriers, which upstream lowers to inline assembly
  // The whole O3 pipeline: without it kernels keep hidden arguments that nothing supplies.
  return tawny::emitMachineCode(
      module, target,
      {llvm::OptimizationLevel::O3, llvm::CodeGenOptLevel::Aggressive, llvm::TargetOptions()},
      stage);
}

} // namespace tawny::amdgpu
