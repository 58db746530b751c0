#include "models/gguf/Cursor.h"
#include "models/gguf/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

namespace tawny::gguf {

using namespace llvm::support;

llvm::Error Cursor::readBytes(uint64_t size, const llvm::Twine &what,
                              llvm::ArrayRef<uint8_t> &result) {
  if (size > remaining())
    return errorAt(position,
                   "expected " + llvm::Twine(size) + " bytes of " + what + ", found " +
                       llvm::Twine(remaining()) +
                       " before the end of the file; it is truncated or damaged, fetch it "
                       "again");
  result = bytes.slice(position, size);
  position += size;
  return llvm::Error::success();
}

llvm::Error Cursor::readU32(const llvm::Twine &what, uint32_t &result) {
  llvm::ArrayRef<uint8_t> field;
  if (llvm::Error error = readBytes(4, what, field))
    return error;
  result = endian::read32le(field.data());
  return llvm::Error::success();
}

llvm::Error Cursor::readU64(const llvm::Twine &what, uint64_t &result) {
  llvm::ArrayRef<uint8_t> field;
  if (llvm::Error error = readBytes(8, what, field))
    return error;
  result = endian::read64le(field.data());
  return llvm::Error::success();
}

llvm::Error Cursor::readString(const llvm::Twine &what, llvm::StringRef &result) {
  uint64_t size = 0;
  if (llvm::Error error = readU64("the length of " + what, size))
    return error;
  llvm::ArrayRef<uint8_t> content;
  if (llvm::Error error = readBytes(size, what, content))
    return error;
  result = llvm::toStringRef(content);
  return llvm::Error::success();
}

llvm::Error Cursor::readCount(const llvm::Twine &what, uint64_t leastBytes, uint64_t &result) {
  uint64_t start = position;
  uint64_t count = 0;
  if (llvm::Error error = readU64(what, count))
    return error;
  if (count > remaining() / leastBytes)
    return errorAt(start, "expected " + what + " of at most " +
                              llvm::Twine(remaining() / leastBytes) + ", as each takes at least " +
                              llvm::Twine(leastBytes) + " of the " + llvm::Twine(remaining()) +
                              " bytes that follow, found " + llvm::Twine(count) +
                              "; the file is truncated or damaged, fetch it "
                              "again");
  result = count;
  return llvm::Error::success();
}

} // namespace tawny::gguf
