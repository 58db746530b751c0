#include "compiler/codegen/SharedObject.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <mutex>
#include <optional>

LLD_HAS_DRIVER(elf);

namespace tawny {
namespace {

/// A temporary file, for lld reads and writes paths only. It is removed when it goes out of scope,
/// and by LLVM's handlers of SIGINT, SIGTERM and the like.
struct TemporaryFile {
  std::optional<llvm::sys::fs::TempFile> file;
  ~TemporaryFile() {
    if (file)
      llvm::consumeError(file->discard());
  }
  const char *path() const { return file->TmpName.c_str(); }
};

llvm::Error createTemporary(TemporaryFile &file, llvm::StringRef suffix, llvm::StringRef bytes) {
  llvm::SmallString<128> path;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, path);
  llvm::sys::path::append(path, "tawny-%%%%%%%%" + suffix);
  llvm::Expected<llvm::sys::fs::TempFile> created = llvm::sys::fs::TempFile::create(path);
  if (!created)
    return llvm::createStringError("cannot create the temporary file %s: %s", path.c_str(),
                                   llvm::toString(created.takeError()).c_str());
  file.file = std::move(*created);
  llvm::raw_fd_ostream stream(file.file->FD, /*shouldClose=*/false);
  stream << bytes;
  stream.flush();
  if (!stream.has_error())
    return llvm::Error::success();
  std::error_code code = stream.error();
  stream.clear_error();
  return llvm::createStringError(code, "cannot write the temporary file %s: %s", file.path(),
                                 code.message().c_str());
}

} // namespace

llvm::Expected<std::string> linkSharedObject(llvm::StringRef object, llvm::StringRef emulation) {
  TemporaryFile input, output;
  if (auto error = createTemporary(input, ".o", object))
    return error;
  if (auto error = createTemporary(output, ".so", ""))
    return error;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  std::string flavour = ("-m" + emulation).str();
  llvm::SmallVector<const char *> arguments{
      "ld.lld",          flavour.c_str(), "-shared", "--no-undefined", "--gc-sections",
      "--build-id=none", input.path(),    "-o",      output.path()};
  static std::mutex linker;
  {
    std::lock_guard lock(linker);
    lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
    if (result.retCode != 0 || !result.canRunAgain)
      return llvm::createStringError("linking failed: %s", messages.c_str());
  }
  auto buffer = llvm::MemoryBuffer::getFile(output.path(), /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(buffer.getError(), "cannot read the linked object %s",
                                   output.path());
  return (*buffer)->getBuffer().str();
}

llvm::Error readSymbolSizes(CodeObject &code) {
  auto file = llvm::object::ObjectFile::createELFObjectFile(
      llvm::MemoryBufferRef(code.bytes, "code object"));
  if (!file)
    return file.takeError();
  llvm::StringMap<uint64_t> sizes;
  for (const auto &symbol :
       llvm::cast<llvm::object::ELFObjectFileBase>(**file).getDynamicSymbolIterators()) {
    auto name = symbol.getName();
    if (!name)
      return name.takeError();
    sizes[*name] = llvm::object::ELFSymbolRef(symbol).getSize();
  }
  auto fill = [&](KernelCode &kernel) { kernel.codeBytes = sizes.lookup(kernel.symbol); };
  for (KernelCode &kernel : code.kernels)
    fill(kernel);
  if (code.probes) {
    fill(code.probes->read);
    fill(code.probes->peak);
  }
  return llvm::Error::success();
}

} // namespace tawny
