#include "models/gguf/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

namespace tawny::gguf {

llvm::Error errorInFile(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Error errorAt(uint64_t offset, const llvm::Twine &message) {
  return errorInFile("offset " + llvm::Twine(offset) + ": " + message);
}

llvm::Error errorInKey(llvm::StringRef key, uint64_t offset, const llvm::Twine &message) {
  return errorInFile("key " + quote(key) + " (offset " + llvm::Twine(offset) + "): " + message);
}

llvm::Error errorInTensor(llvm::StringRef name, uint64_t infoOffset, const llvm::Twine &message) {
  return errorInFile("tensor " + quote(name) + " (offset " + llvm::Twine(infoOffset) +
                     "): " + message);
}

std::string formatDims(llvm::ArrayRef<uint64_t> dims) {
  std::string text = "[";
  llvm::ListSeparator separator;
  for (uint64_t size : dims) {
    text += separator;
    text += llvm::utostr(size);
  }
  return text + "]";
}

} // namespace tawny::gguf
