// What a code object says about its kernels.
#pragma once

#include "compiler/codegen/CodeObject.h"
#include "llvm/Support/Error.h"

namespace tawny::amdgpu {

/// Fills registers, spills, LDS and scratch of all kernels from the metadata note of code.bytes
/// (LLVM, User Guide for AMDGPU Backend, "Code Object Metadata"): map `amdhsa.kernels` of a
/// MessagePack document. An error if the note or one of the kernels is missing.
llvm::Error readMetadata(CodeObject &code);

} // namespace tawny::amdgpu
