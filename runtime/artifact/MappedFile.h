// A file opened once and mapped for reading.
#pragma once

#include "runtime/support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tawny {

/// Owns a descriptor and a read-only mapping of the whole file. Both name the file that was found
/// at the path when it was opened, whatever the path names later.
class MappedFile {
public:
  /// Fails for anything but a readable, non-empty regular file.
  static ErrorOr<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {address, size}; }
  int descriptor() const { return file; }

private:
  MappedFile() = default;
  void swap(MappedFile &other);

  int file = -1;
  const std::byte *address = nullptr;
  size_t size = 0;
};

} // namespace tawny
