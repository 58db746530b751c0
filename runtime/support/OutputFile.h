// A file that appears complete or not at all.
#pragma once

#include "runtime/support/Error.h"

#include <cstddef>
#include <string>

namespace tawny {

/// Writes beside the destination under a temporary name and renames at the end, so that a failure
/// half way leaves the old file or none. A destination that exists and is no regular file
/// (/dev/null, a pipe) is written directly.
class OutputFile {
public:
  OutputFile(OutputFile &&other) noexcept;
  OutputFile &operator=(OutputFile &&other) = delete;
  /// Removes what was written, unless it was committed.
  ~OutputFile();

  /// Starts to write `path`, whose folder must exist.
  static ErrorOr<OutputFile> create(const std::string &path);

  /// Appends `size` bytes. After an error the file cannot be committed.
  ErrorOr<void> write(const void *data, size_t size);

  /// Makes the file appear under its name. Nothing may be written afterwards.
  ErrorOr<void> commit();

private:
  OutputFile() = default;
  Error failure(const char *action);

  std::string path;          ///< as the user gave it, for messages
  std::string finalPath;     ///< symbolic links resolved
  std::string temporaryPath; ///< empty when written directly
  int descriptor = -1;
  bool failed = false;
};

} // namespace tawny
