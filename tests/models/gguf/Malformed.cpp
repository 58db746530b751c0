#include "tests/models/gguf/Malformed.h"

namespace tawny::gguf::test {

std::string errorOf(const std::string &file, llvm::Error (*read)(const File &)) {
  std::vector<uint8_t> bytes(file.begin(), file.end());
  llvm::Expected<File> parsed = parseFile(bytes);
  if (!parsed)
    return llvm::toString(parsed.takeError());
  return llvm::toString(read(*parsed));
}

} // namespace tawny::gguf::test
