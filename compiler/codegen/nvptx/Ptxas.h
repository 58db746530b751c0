// NVIDIA's assembler, where it is installed.
#pragma once

#include "compiler/codegen/CodeObject.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace tawny::nvptx {

/// The path of ptxas: on PATH, in $CUDA_HOME/bin or in /usr/local/cuda/bin, in this order.
std::optional<std::string> findPtxas();

/// Assembles PTX into a cubin for a chip (sm_90). Fills registers, spills and stack of
/// all kernels from what ptxas reports; their symbols are the entry points' names. An error carries
/// ptxas's messages.
llvm::Expected<std::string> assemble(llvm::StringRef ptxas, llvm::StringRef ptx,
                                     llvm::StringRef chip, CodeObject &code);

} // namespace tawny::nvptx
