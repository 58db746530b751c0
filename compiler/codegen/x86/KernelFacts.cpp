#include "compiler/codegen/x86/KernelFacts.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/DataExtractor.h"

namespace tawny::x86 {
namespace {

struct FunctionFacts {
  uint64_t codeBytes = 0, stackBytes = 0;
};

/// Stack of each function by its address (LLVM, "Emitting function stack size information").
llvm::Expected<llvm::DenseMap<uint64_t, uint64_t>>
readStackSizes(const llvm::object::ObjectFile &file) {
  llvm::DenseMap<uint64_t, uint64_t> sizes;
  for (const llvm::object::SectionRef &section : file.sections()) {
    auto name = section.getName();
    if (!name)
      return name.takeError();
    if (*name != ".stack_sizes")
      continue;
    auto contents = section.getContents();
    if (!contents)
      return contents.takeError();
    llvm::DataExtractor extractor(*contents, /*IsLittleEndian=*/true, /*AddressSize=*/8);
    llvm::DataExtractor::Cursor cursor(0);
    while (cursor && !extractor.eof(cursor)) {
      uint64_t address = extractor.getAddress(cursor);
      sizes[address] = extractor.getULEB128(cursor);
    }
    if (llvm::Error error = cursor.takeError())
      return error;
  }
  return sizes;
}

llvm::Expected<llvm::StringMap<FunctionFacts>>
readFunctions(const llvm::object::ELFObjectFileBase &file) {
  auto stacks = readStackSizes(file);
  if (!stacks)
    return stacks.takeError();
  llvm::StringMap<FunctionFacts> functions;
  for (const llvm::object::ELFSymbolRef symbol : file.symbols()) {
    if (symbol.getELFType() != llvm::ELF::STT_FUNC)
      continue;
    auto name = symbol.getName();
    if (!name)
      return name.takeError();
    auto address = symbol.getAddress();
    if (!address)
      return address.takeError();
    functions[*name] = {symbol.getSize(), stacks->lookup(*address)};
  }
  return functions;
}

} // namespace

llvm::Error readKernelFacts(CodeObject &code) {
  auto file = llvm::object::ObjectFile::createELFObjectFile(
      llvm::MemoryBufferRef(code.bytes, "code object"));
  if (!file)
    return file.takeError();
  auto functions = readFunctions(llvm::cast<llvm::object::ELFObjectFileBase>(**file));
  if (!functions)
    return functions.takeError();
  uint64_t dotStack = 0;
  for (const auto &entry : *functions)
    if (entry.first().starts_with("dot."))
      dotStack = std::max(dotStack, entry.second.stackBytes);
  auto fill = [&](KernelCode &kernel) {
    FunctionFacts wrapper = functions->lookup(kernel.symbol);
    FunctionFacts body = functions->lookup(kernel.symbol + ".body"); // absent where it is inlined
    kernel.codeBytes = wrapper.codeBytes + body.codeBytes;
    kernel.scratchBytes = wrapper.stackBytes + body.stackBytes + dotStack;
  };
  for (KernelCode &kernel : code.kernels)
    fill(kernel);
  if (code.probes) {
    fill(code.probes->read);
    fill(code.probes->peak);
  }
  return llvm::Error::success();
}

} // namespace tawny::x86
