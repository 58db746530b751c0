// What linked machine code says about its kernels.
#pragma once

#include "compiler/codegen/CodeObject.h"
#include "llvm/Support/Error.h"

namespace tawny::x86 {

/// Fills codeBytes and scratchBytes of every kernel, probes too, from the symbols and the
/// `.stack_sizes` of the shared object in code.bytes. A kernel's code is its wrapper and its body;
/// its scratch is the deepest stack of the two and of any dot function, which bodies may call.
llvm::Error readKernelFacts(CodeObject &code);

} // namespace tawny::x86
