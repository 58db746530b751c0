// A file mapped into memory, read-only.
#pragma once

#include "runtime/support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tawny {

/// How a range of a mapping is about to be used; a hint for the page cache.
enum class FileAdvice : uint8_t {
  Normal,
  Sequential, ///< read from front to back once
  Random,
  WillNeed, ///< start reading now
  DontNeed, ///< drop it from memory and the page cache; reading it again reads the file
};

/// Owns a descriptor and a read-only mapping of a whole regular file. Both name the file that was
/// found at the path when it was opened, whatever the path names later. Reading a page that another
/// process has cut off the file raises SIGBUS, as with any mapping.
class FileMapping {
public:
  FileMapping() = default;
  FileMapping(FileMapping &&other) noexcept { swap(other); }
  FileMapping &operator=(FileMapping &&other) noexcept {
    swap(other);
    return *this;
  }
  ~FileMapping();

  /// Maps the whole file at `path`. An empty file gives an empty mapping.
  static ErrorOr<FileMapping> open(const std::string &path);

  std::span<const std::byte> bytes() const { return {data, sizeBytes}; }
  size_t size() const { return sizeBytes; }
  /// For reading instead of using the mapping; -1 where nothing was opened.
  int descriptor() const { return file; }

  /// Advises on [offset, offset + length), which must lie within the file. The range is widened to
  /// whole pages, except for DontNeed, which keeps to pages wholly inside.
  ErrorOr<void> advise(FileAdvice advice, size_t offset, size_t length) const;
  ErrorOr<void> advise(FileAdvice advice) const { return advise(advice, 0, sizeBytes); }

private:
  void swap(FileMapping &other) noexcept;

  const std::byte *data = nullptr;
  size_t sizeBytes = 0;
  int file = -1;
};

} // namespace tawny
