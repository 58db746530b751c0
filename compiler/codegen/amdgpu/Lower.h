// From a gpu.module in upstream dialects to AMD machine code.
#pragma once

#include "compiler/codegen/Codegen.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace tawny::amdgpu {

/// Lowers the gpu.modules in `module` to the LLVM and ROCDL dialects, in place.
llvm::Error lowerToRocdl(mlir::ModuleOp module, const TargetInfo &target,
                         const CodegenOptions &options);

/// Translates a lowered gpu.module to LLVM IR, ready for optimise(): triple, data layout and
/// code-object version are set. An error if a function without a definition is left.
llvm::Expected<std::unique_ptr<llvm::Module>>
translate(mlir::gpu::GPUModuleOp module, const TargetInfo &target, llvm::LLVMContext &context);

/// Runs LLVM's optimiser on the module and, for the stages after it, emits what the stage names:
/// LLVM IR, assembly, or (Object) a relocatable object.
llvm::Expected<std::string> emitMachineCode(llvm::Module &module, const TargetInfo &target,
                                            CodegenStage stage);

} // namespace tawny::amdgpu
