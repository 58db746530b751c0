#include "tools/hipsim/codeobject/Metadata.h"

#include "llvm/BinaryFormat/MsgPackReader.h"
#include "llvm/Support/Error.h"

#include <string_view>

namespace tawny::hipsim {
namespace {

using llvm::msgpack::Type;

/// A MessagePack value. LLVM's own tree of them traps on maps with odd keys, as damaged files have.
struct Value {
  Type type = Type::Nil;
  uint64_t number = 0;
  std::string text;
  std::vector<Value> items; ///< of an array; of a map, keys and values in turn

  bool isMap() const { return type == Type::Map; }
  /// The value behind a key of a map, or null.
  const Value *find(std::string_view key) const {
    for (size_t i = 0; isMap() && i + 1 < items.size(); i += 2)
      if (items[i].type == Type::String && items[i].text == key)
        return &items[i + 1];
    return nullptr;
  }
};

/// Deeper than metadata nests.
constexpr unsigned deepest = 16;

bool readValue(llvm::msgpack::Reader &reader, Value &value, unsigned depth = 0) {
  llvm::msgpack::Object object;
  llvm::Expected<bool> more = reader.read(object);
  if (!more) {
    llvm::consumeError(more.takeError());
    return false;
  }
  if (!*more || depth > deepest)
    return false;
  value.type = object.Kind;
  if (object.Kind == Type::UInt)
    value.number = object.UInt;
  if (object.Kind == Type::String)
    value.text = object.Raw.str();
  if (object.Kind != Type::Array && object.Kind != Type::Map)
    return true;
  uint64_t count = object.Kind == Type::Map ? 2 * uint64_t{object.Length} : object.Length;
  for (uint64_t i = 0; i < count; ++i)
    if (!readValue(reader, value.items.emplace_back(), depth + 1))
      return false;
  return true;
}

uint32_t number(const Value &map, std::string_view key) {
  const Value *entry = map.find(key);
  return entry && entry->type == Type::UInt ? static_cast<uint32_t>(entry->number) : 0;
}

std::string text(const Value &map, std::string_view key) {
  const Value *entry = map.find(key);
  return entry && entry->type == Type::String ? entry->text : "";
}

/// The elements of an array entry; none where it is absent.
template <typename Visit> void forEach(const Value &map, std::string_view key, Visit visit) {
  const Value *entry = map.find(key);
  if (entry && entry->type == Type::Array)
    for (const Value &item : entry->items)
      visit(item);
}

KernelMetadata readKernel(const Value &map) {
  KernelMetadata kernel;
  kernel.name = text(map, ".name");
  kernel.symbol = text(map, ".symbol");
  kernel.argumentBytes = number(map, ".kernarg_segment_size");
  kernel.ldsBytes = number(map, ".group_segment_fixed_size");
  kernel.scratchBytes = number(map, ".private_segment_fixed_size");
  kernel.vectorRegisters = number(map, ".vgpr_count");
  kernel.scalarRegisters = number(map, ".sgpr_count");
  kernel.waveSize = number(map, ".wavefront_size");
  kernel.largestWorkgroup = number(map, ".max_flat_workgroup_size");
  unsigned dimension = 0;
  forEach(map, ".reqd_workgroup_size", [&](const Value &item) {
    if (dimension < 3 && item.type == Type::UInt)
      kernel.requiredWorkgroup[dimension++] = static_cast<uint32_t>(item.number);
  });
  forEach(map, ".args", [&](const Value &item) {
    if (item.isMap())
      kernel.arguments.push_back(
          {text(item, ".value_kind"), number(item, ".offset"), number(item, ".size")});
  });
  return kernel;
}

} // namespace

ErrorOr<std::vector<KernelMetadata>> readMetadata(const std::string &note) {
  if (note.empty())
    return makeError("it has no metadata note");
  llvm::msgpack::Reader reader(llvm::StringRef{note});
  Value root;
  if (!readValue(reader, root) || !root.isMap())
    return makeError("its metadata is no MessagePack map");
  std::vector<KernelMetadata> kernels;
  forEach(root, "amdhsa.kernels", [&](const Value &item) {
    if (item.isMap())
      kernels.push_back(readKernel(item));
  });
  for (const KernelMetadata &kernel : kernels)
    for (const KernelArgument &argument : kernel.arguments)
      if (uint64_t{argument.offset} + argument.bytes > kernel.argumentBytes)
        return makeError("kernel '%s': an argument of %u bytes at %u of a segment of %u",
                         kernel.name.c_str(), argument.bytes, argument.offset,
                         kernel.argumentBytes);
  return kernels;
}

} // namespace tawny::hipsim
