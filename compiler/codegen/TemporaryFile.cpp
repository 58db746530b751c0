#include "compiler/codegen/TemporaryFile.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

namespace tawny {

llvm::Expected<TemporaryFile> TemporaryFile::create(llvm::StringRef suffix, llvm::StringRef bytes) {
  llvm::SmallString<128> path;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, path);
  llvm::sys::path::append(path, "tawny-%%%%%%%%" + suffix);
  llvm::Expected<llvm::sys::fs::TempFile> created = llvm::sys::fs::TempFile::create(path);
  if (!created)
    return llvm::createStringError("cannot create the temporary file %s: %s", path.c_str(),
                                   llvm::toString(created.takeError()).c_str());
  TemporaryFile file(std::move(*created));
  llvm::raw_fd_ostream stream(file.file->FD, /*shouldClose=*/false);
  stream << bytes;
  stream.flush();
  if (!stream.has_error())
    return file;
  std::error_code code = stream.error();
  stream.clear_error();
  return llvm::createStringError(code, "cannot write the temporary file %s: %s", file.path(),
                                 code.message().c_str());
}

TemporaryFile::TemporaryFile(TemporaryFile &&other) noexcept : file(std::move(other.file)) {
  other.file.reset();
}

TemporaryFile::~TemporaryFile() {
  if (file)
    llvm::consumeError(file->discard());
}

llvm::Expected<std::string> TemporaryFile::read() const {
  auto buffer = llvm::MemoryBuffer::getFile(path(), /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(buffer.getError(), "cannot read the temporary file %s", path());
  return (*buffer)->getBuffer().str();
}

} // namespace tawny
