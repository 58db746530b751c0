// Reads little-endian fields from a mapping, one after another, each checked against its end.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace tawny::gguf {

/// A position in the file. Each read checks first, then advances; `what` names the field in the
/// error
/// ("the tensor count"). Nothing is copied.
class Cursor {
public:
  explicit Cursor(llvm::ArrayRef<uint8_t> bytes) : bytes(bytes) {}

  /// Bytes from the file's start, and bytes up to its end.
  uint64_t offset() const { return position; }
  uint64_t remaining() const { return bytes.size() - position; }
  uint64_t fileSize() const { return bytes.size(); }

  llvm::Error readBytes(uint64_t size, const llvm::Twine &what, llvm::ArrayRef<uint8_t> &result);
  llvm::Error readU32(const llvm::Twine &what, uint32_t &result);
  llvm::Error readU64(const llvm::Twine &what, uint64_t &result);
  /// A 64-bit length, then as many bytes.
  llvm::Error readString(const llvm::Twine &what, llvm::StringRef &result);
  /// A 64-bit count of things that take at least `leastBytes` bytes each in the rest of the file.
  llvm::Error readCount(const llvm::Twine &what, uint64_t leastBytes, uint64_t &result);

private:
  llvm::ArrayRef<uint8_t> bytes;
  uint64_t position = 0;
};

} // namespace tawny::gguf
