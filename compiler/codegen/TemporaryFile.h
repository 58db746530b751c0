// Files for programs and libraries that read and write paths only.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <optional>

namespace tawny {

/// A temporary file. It is removed when it goes out of scope, and by LLVM's handlers of SIGINT,
/// SIGTERM and the like.
class TemporaryFile {
public:
  /// Makes a file with these bytes whose name ends with `suffix`.
  static llvm::Expected<TemporaryFile> create(llvm::StringRef suffix, llvm::StringRef bytes);

  TemporaryFile(TemporaryFile &&other) noexcept;
  TemporaryFile &operator=(TemporaryFile &&) = delete;
  ~TemporaryFile();

  const char *path() const { return file->TmpName.c_str(); }
  /// What the file holds now.
  llvm::Expected<std::string> read() const;

private:
  explicit TemporaryFile(llvm::sys::fs::TempFile file) : file(std::move(file)) {}

  std::optional<llvm::sys::fs::TempFile> file;
};

} // namespace tawny
