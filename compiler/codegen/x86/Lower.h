// From kernels in upstream dialects to a linked shared object.
#pragma once

#include "compiler/codegen/Codegen.h"
#include "mlir/IR/BuiltinOps.h"

namespace tawny::x86 {

/// Lowers `module` to the LLVM dialect, translates, optimises and links it in process. Fills
/// code.bytes (text if options.stage stops earlier) and each kernel's codeBytes.
llvm::Error lowerAndLink(mlir::ModuleOp module, const TargetInfo &target,
                         const CodegenOptions &options, CodeObject &code);

} // namespace tawny::x86
