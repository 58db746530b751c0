#include "compiler/codegen/SharedObject.h"

#include "compiler/codegen/TemporaryFile.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"

#include <mutex>

LLD_HAS_DRIVER(elf);

namespace tawny {

llvm::Expected<std::string> linkSharedObject(llvm::StringRef object, llvm::StringRef emulation) {
  llvm::Expected<TemporaryFile> input = TemporaryFile::create(".o", object);
  if (!input)
    return input.takeError();
  llvm::Expected<TemporaryFile> output = TemporaryFile::create(".so", "");
  if (!output)
    return output.takeError();
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  std::string flavour = ("-m" + emulation).str();
  llvm::SmallVector<const char *> arguments{
      "ld.lld",          flavour.c_str(), "-shared", "--no-undefined", "--gc-sections",
      "--build-id=none", input->path(),   "-o",      output->path()};
  static std::mutex linker;
  {
    std::lock_guard lock(linker);
    lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
    if (result.retCode != 0 || !result.canRunAgain)
      return llvm::createStringError("linking failed: %s", messages.c_str());
  }
  return output->read();
}

llvm::Error readSymbolSizes(CodeObject &code) {
  auto file = llvm::object::ObjectFile::createELFObjectFile(
      llvm::MemoryBufferRef(code.bytes, "code object"));
  if (!file)
    return file.takeError();
  llvm::StringMap<uint64_t> sizes;
  auto &elf = llvm::cast<llvm::object::ELFObjectFileBase>(**file);
  for (const auto &symbols : {elf.getDynamicSymbolIterators(), elf.symbols()})
    for (const auto &symbol : symbols) {
      auto name = symbol.getName();
      if (!name)
        return name.takeError();
      sizes[*name] = llvm::object::ELFSymbolRef(symbol).getSize();
    }
  for (KernelCode *kernel : code.allKernels())
    kernel->codeBytes = sizes.lookup(kernel->symbol);
  return llvm::Error::success();
}

} // namespace tawny
