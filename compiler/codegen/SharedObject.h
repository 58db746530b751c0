// Linking with lld, in process.
#pragma once

#include "compiler/codegen/CodeObject.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace tawny {

/// Links one relocatable ELF object into a shared object without undefined symbols and returns its
/// bytes. `emulation` is lld's -m (elf_x86_64, elf64_amdgpu). Serialised: lld is not reentrant.
llvm::Expected<std::string> linkSharedObject(llvm::StringRef object, llvm::StringRef emulation);

/// Fills codeBytes of every kernel (probes too) from the ELF symbol tables of code.bytes.
llvm::Error readSymbolSizes(CodeObject &code);

} // namespace tawny
