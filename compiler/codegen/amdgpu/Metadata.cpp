#include "compiler/codegen/amdgpu/Metadata.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/BinaryFormat/MsgPackDocument.h"
#include "llvm/Object/ELF.h"

namespace tawny::amdgpu {
namespace {

/// The MessagePack bytes of the metadata note.
llvm::Expected<std::string> metadataNote(llvm::StringRef object) {
  auto file = llvm::object::ELF64LEFile::create(object);
  if (!file)
    return file.takeError();
  auto headers = file->program_headers();
  if (!headers)
    return headers.takeError();
  for (const auto &header : *headers) {
    if (header.p_type != llvm::ELF::PT_NOTE)
      continue;
    llvm::Error error = llvm::Error::success();
    std::string found;
    for (const auto &note : file->notes(header, error))
      if (note.getName() == "AMDGPU" && note.getType() == llvm::ELF::NT_AMDGPU_METADATA)
        found = note.getDescAsStringRef(header.p_align).str();
    if (error)
      return error;
    if (!found.empty())
      return found;
  }
  return llvm::createStringError("the linked code object has no metadata note");
}

/// An unsigned entry of a kernel's map; 0 where it is absent.
uint64_t number(llvm::msgpack::MapDocNode &map, llvm::StringRef key) {
  auto entry = map.find(key);
  if (entry == map.end() || entry->second.getKind() != llvm::msgpack::Type::UInt)
    return 0;
  return entry->second.getUInt();
}

void fill(KernelCode &kernel, llvm::msgpack::MapDocNode &map) {
  kernel.scratchBytes = number(map, ".private_segment_fixed_size");
  kernel.sharedBytes = number(map, ".group_segment_fixed_size");
  kernel.scalarRegisters = static_cast<uint32_t>(number(map, ".sgpr_count"));
  kernel.vectorRegisters = static_cast<uint32_t>(number(map, ".vgpr_count"));
  kernel.spills =
      static_cast<uint32_t>(number(map, ".vgpr_spill_count") + number(map, ".sgpr_spill_count"));
}

} // namespace

llvm::Error readMetadata(CodeObject &code) {
  llvm::Expected<std::string> note = metadataNote(code.bytes);
  if (!note)
    return note.takeError();
  llvm::msgpack::Document document;
  if (!document.readFromBlob(*note, /*Multi=*/false) || !document.getRoot().isMap())
    return llvm::createStringError("the code object's metadata is no MessagePack map");
  llvm::StringMap<llvm::msgpack::MapDocNode> kernels;
  auto &root = document.getRoot().getMap();
  auto list = root.find("amdhsa.kernels");
  if (list != root.end() && list->second.isArray())
    for (llvm::msgpack::DocNode &node : list->second.getArray())
      if (node.isMap())
        if (auto name = node.getMap().find(".name");
            name != node.getMap().end() && name->second.isString())
          kernels[name->second.getString()] = node.getMap();
  for (KernelCode *kernel : code.allKernels()) {
    auto entry = kernels.find(kernel->symbol);
    if (entry == kernels.end())
      return llvm::createStringError("the code object's metadata lacks kernel '%s'",
                                     kernel->symbol.c_str());
    fill(*kernel, entry->second);
  }
  return llvm::Error::success();
}

} // namespace tawny::amdgpu
