// How the GGUF library words its errors: place, what was expected, what was found, what to do.
#pragma once

#include "models/gguf/Reader.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace tawny::gguf {

/// "offset 24: `message`".
llvm::Error errorAt(uint64_t offset, const llvm::Twine &message);

/// "key 'llama.block_count' (offset 24): `message`".
llvm::Error errorInKey(llvm::StringRef key, uint64_t offset, const llvm::Twine &message);

/// "tensor 'output.weight' (offset 24): `message`"; the offset is that of its description.
llvm::Error errorInTensor(llvm::StringRef name, uint64_t infoOffset, const llvm::Twine &message);

/// An error that no place in the file explains, such as a missing key.
llvm::Error errorInFile(const llvm::Twine &message);

/// "[256, 1024]".
std::string formatDims(llvm::ArrayRef<uint64_t> dims);

} // namespace tawny::gguf
