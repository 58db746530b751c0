// From a gpu.module in upstream dialects to the LLVM and ROCDL dialects.
#pragma once

#include "compiler/codegen/simt/Family.h"

namespace tawny::amdgpu {

/// Expands what the conversion has no code for, and bounds the registers of each kernel.
llvm::Error prepareForRocdl(mlir::ModuleOp module, const TargetInfo &target);

/// Adds the passes that leave nothing but the LLVM and ROCDL dialects.
void addRocdlConversions(mlir::OpPassManager &kernels, const TargetInfo &target);

} // namespace tawny::amdgpu
