// From a gpu.module in upstream dialects to the LLVM and NVVM dialects.
#pragma once

#include "compiler/codegen/simt/Family.h"

namespace tawny::nvptx {

/// Expands what the conversion has no code for, or none without NVIDIA's libdevice: sums over a
/// warp, broadcasts, and math.
llvm::Error prepareForNvvm(mlir::ModuleOp module, const TargetInfo &target);

/// Adds the passes that leave nothing but the LLVM and NVVM dialects.
void addNvvmConversions(mlir::OpPassManager &kernels);

} // namespace tawny::nvptx
