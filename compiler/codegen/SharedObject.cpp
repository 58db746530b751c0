#include "compiler/codegen/SharedObject.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

namespace tawny {
namespace {

/// A temporary file that is removed when it goes out of scope: lld reads and writes paths only.
struct TemporaryFile {
  llvm::SmallString<128> path;
  ~TemporaryFile() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }
};

llvm::Error createTemporary(TemporaryFile &file, llvm::StringRef suffix, llvm::StringRef bytes) {
  int descriptor = -1;
  if (auto code = llvm::sys::fs::createTemporaryFile("tawny", suffix, descriptor, file.path))
    return llvm::createStringError(code, "cannot create a temporary file: %s",
                                   code.message().c_str());
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream << bytes;
  stream.close();
  if (stream.has_error())
    return llvm::createStringError(stream.error(), "cannot write %s: %s", file.path.c_str(),
                                   stream.error().message().c_str());
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::string> linkSharedObject(llvm::StringRef object, llvm::StringRef emulation) {
  TemporaryFile input, output;
  if (auto error = createTemporary(input, "o", object))
    return error;
  if (auto error = createTemporary(output, "so", ""))
    return error;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  std::string flavour = ("-m" + emulation).str();
  llvm::SmallVector<const char *> arguments{
      "ld.lld",          flavour.c_str(),    "-shared", "--no-undefined",   "--gc-sections",
      "--build-id=none", input.path.c_str(), "-o",      output.path.c_str()};
  static std::mutex linker;
  {
    std::lock_guard lock(linker);
    lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
    if (result.retCode != 0 || !result.canRunAgain)
      return llvm::createStringError("linking failed: %s", messages.c_str());
  }
  auto buffer = llvm::MemoryBuffer::getFile(output.path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(buffer.getError(), "cannot read the linked object %s",
                                   output.path.c_str());
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
