#include "models/gguf/Reader.h"
#include "models/gguf/Cursor.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/TensorTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace tawny::gguf {
namespace {

constexpr llvm::StringRef magic = "GGUF";
/// The specification's limit.
constexpr uint64_t maxKeyBytes = 65535;
/// Length of the key, type, and a value of one byte; an empty key is reported as such, not here.
constexpr uint64_t leastEntryBytes = 8 + 4 + 1;
constexpr uint64_t stringLengthBytes = 8;
constexpr llvm::StringRef alignmentKey = "general.alignment";

struct Header {
  uint32_t version = 0;
  uint64_t tensorCount = 0;
  uint64_t metadataCount = 0;
};

llvm::Error checkVersion(uint32_t version, uint64_t offset) {
  if (version == 2 || version == 3)
    return llvm::Error::success();
  // A small version number read in the wrong byte order has its low half empty.
  if (version != 0 && (version & 0xffff) == 0)
    return errorAt(offset, "expected a little-endian file, found version 0x" +
                               llvm::Twine(llvm::utohexstr(version, true, 8)) +
                               ", a big-endian file's; convert it to little-endian");
  if (version == 1)
    return errorAt(offset, "expected GGUF version 2 or 3, found 1, whose counts have 32 bits; "
                           "convert the model again with a current converter");
  return errorAt(offset, "expected GGUF version 2 or 3, found " + llvm::Twine(version));
}

llvm::Error readHeader(Cursor &cursor, Header &header) {
  llvm::ArrayRef<uint8_t> found;
  if (llvm::Error error = cursor.readBytes(magic.size(), "the magic 'GGUF'", found))
    return error;
  if (llvm::toStringRef(found) != magic)
    return errorAt(0, "expected the magic 'GGUF', found " + quote(llvm::toStringRef(found)) +
                          "; this is not a GGUF file");
  uint64_t versionOffset = cursor.offset();
  if (llvm::Error error = cursor.readU32("the version", header.version))
    return error;
  if (llvm::Error error = checkVersion(header.version, versionOffset))
    return error;
  if (llvm::Error error =
          cursor.readCount("a tensor count", leastTensorInfoBytes, header.tensorCount))
    return error;
  return cursor.readCount("a metadata count", leastEntryBytes, header.metadataCount);
}

llvm::Error readKey(Cursor &cursor, const llvm::Twine &which, llvm::StringRef &key) {
  uint64_t offset = cursor.offset();
  if (llvm::Error error = cursor.readString("the key of " + which, key))
    return error;
  if (key.empty() || key.size() > maxKeyBytes)
    return errorAt(offset, "expected a key of 1 to " + llvm::Twine(maxKeyBytes) + " bytes in " +
                               which + ", found " + llvm::Twine(key.size()) + " bytes");
  if (!llvm::all_of(key, llvm::isPrint))
    return errorAt(offset, "expected a key of printable ASCII characters in " + which + ", found " +
                               quote(key));
  return llvm::Error::success();
}

/// Reads a value type's number; `role` says whether it is the value's or its elements'.
llvm::Error readValueType(Cursor &cursor, llvm::StringRef key, llvm::StringRef role,
                          ValueType &type) {
  uint64_t offset = cursor.offset();
  uint32_t number = 0;
  if (llvm::Error error = cursor.readU32("the " + role + " type of key " + quote(key), number))
    return error;
  if (number >= numValueTypes)
    return errorInKey(key, offset,
                      "expected " + role + " types from 0 to " + llvm::Twine(numValueTypes - 1) +
                          ", found " + llvm::Twine(number));
  type = ValueType(number);
  return llvm::Error::success();
}

llvm::Error checkBools(llvm::StringRef key, uint64_t offset, llvm::ArrayRef<uint8_t> bytes) {
  for (auto [index, byte] : llvm::enumerate(bytes))
    if (byte > 1)
      return errorInKey(key, offset + index,
                        "expected a bool of 0 or 1, found " + llvm::Twine(unsigned(byte)));
  return llvm::Error::success();
}

/// Passes over `count` strings, so that StringArray may trust every length.
llvm::Error skipStrings(Cursor &cursor, llvm::StringRef key, uint64_t count) {
  std::string name = quote(key);
  for (uint64_t i = 0; i < count; ++i) {
    llvm::StringRef ignored;
    if (llvm::Error error =
            cursor.readString("string " + llvm::Twine(i) + " of key " + name, ignored))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error readArray(Cursor &cursor, llvm::ArrayRef<uint8_t> file, llvm::StringRef key,
                      Value &value) {
  uint64_t offset = cursor.offset();
  ValueType type;
  if (llvm::Error error = readValueType(cursor, key, "element", type))
    return error;
  if (type == ValueType::Array)
    return errorInKey(key, offset,
                      "expected elements that are no arrays, found an array of arrays, which is "
                      "not supported");
  uint64_t leastBytes = type == ValueType::String ? stringLengthBytes : valueTypeBytes(type);
  uint64_t count = 0;
  if (llvm::Error error =
          cursor.readCount("an element count of key " + quote(key), leastBytes, count))
    return error;

  uint64_t begin = cursor.offset();
  if (type == ValueType::String) {
    if (llvm::Error error = skipStrings(cursor, key, count))
      return error;
  } else {
    llvm::ArrayRef<uint8_t> elements;
    // readCount() bounded the count by the bytes that are left, so the product cannot wrap.
    if (llvm::Error error =
            cursor.readBytes(count * leastBytes, "the elements of key " + quote(key), elements))
      return error;
    if (type == ValueType::Bool)
      if (llvm::Error error = checkBools(key, begin, elements))
        return error;
  }
  value = Value(type, count, file.slice(begin, cursor.offset() - begin), offset);
  return llvm::Error::success();
}

llvm::Error readValue(Cursor &cursor, llvm::ArrayRef<uint8_t> file, llvm::StringRef key,
                      Value &value) {
  ValueType type;
  if (llvm::Error error = readValueType(cursor, key, "value", type))
    return error;
  if (type == ValueType::Array)
    return readArray(cursor, file, key, value);

  uint64_t offset = cursor.offset();
  std::string what = "the value of key " + quote(key);
  if (type == ValueType::String) {
    llvm::StringRef string;
    if (llvm::Error error = cursor.readString(what, string))
      return error;
    value = Value(type, llvm::arrayRefFromStringRef(string), offset);
    return llvm::Error::success();
  }
  llvm::ArrayRef<uint8_t> bytes;
  if (llvm::Error error = cursor.readBytes(valueTypeBytes(type), what, bytes))
    return error;
  if (type == ValueType::Bool)
    if (llvm::Error error = checkBools(key, offset, bytes))
      return error;
  value = Value(type, bytes, offset);
  return llvm::Error::success();
}

llvm::Error readMetadata(Cursor &cursor, llvm::ArrayRef<uint8_t> bytes, uint64_t count,
                         File &file) {
  // Nothing is reserved: a count may fit the file's size and still be wrong by orders of magnitude.
  for (uint64_t i = 0; i < count; ++i) {
    MetadataEntry entry;
    entry.offset = cursor.offset();
    if (llvm::Error error =
            readKey(cursor, "metadata entry " + llvm::Twine(i + 1) + " of " + llvm::Twine(count),
                    entry.key))
      return error;
    auto [previous, isNew] = file.metadataIndex.try_emplace(entry.key, i);
    if (!isNew)
      return errorInKey(entry.key, entry.offset,
                        "expected unique keys, found this one also at offset " +
                            llvm::Twine(file.metadata[previous->second].offset));
    if (llvm::Error error = readValue(cursor, bytes, entry.key, entry.value))
      return error;
    file.metadata.push_back(entry);
  }
  return llvm::Error::success();
}

llvm::Error readAlignment(File &file) {
  const MetadataEntry *entry = file.find(alignmentKey);
  if (!entry)
    return llvm::Error::success();
  const Value &value = entry->value;
  uint64_t alignment = value.getUnsigned().value_or(0);
  if (value.type() != ValueType::UInt32 || !llvm::isPowerOf2_64(alignment) || alignment < 8)
    return errorInKey(entry->key, value.offset(),
                      "expected a u32 that is a power of two and at least 8, found " +
                          value.describe());
  file.alignment = uint32_t(alignment);
  return llvm::Error::success();
}

} // namespace

const MetadataEntry *File::find(llvm::StringRef key) const {
  auto found = metadataIndex.find(key);
  return found == metadataIndex.end() ? nullptr : &metadata[found->second];
}

const Tensor *File::findTensor(llvm::StringRef name) const {
  auto found = tensorIndex.find(name);
  return found == tensorIndex.end() ? nullptr : &tensors[found->second];
}

llvm::Expected<File> parseFile(llvm::ArrayRef<uint8_t> bytes) {
  Cursor cursor(bytes);
  Header header;
  if (llvm::Error error = readHeader(cursor, header))
    return std::move(error);
  File file;
  file.bytes = bytes;
  file.version = header.version;
  if (llvm::Error error = readMetadata(cursor, bytes, header.metadataCount, file))
    return std::move(error);
  if (llvm::Error error = readAlignment(file))
    return std::move(error);
  if (llvm::Error error = readTensorTable(cursor, header.tensorCount, file))
    return std::move(error);
  return file;
}

llvm::Error requireSupportedTypes(const File &file,
                                  llvm::function_ref<bool(uint32_t type)> isSupported) {
  auto unsupported =
      llvm::find_if(file.tensors, [&](const Tensor &tensor) { return !isSupported(tensor.type); });
  if (unsupported == file.tensors.end())
    return llvm::Error::success();
  std::string supported;
  for (uint32_t type = 0; type < numTypeIds; ++type)
    if (typeInfo(type) && isSupported(type))
      supported += (supported.empty() ? "" : ", ") + typeInfo(type)->name.str();
  return errorInTensor(unsupported->name, unsupported->infoOffset,
                       "expected one of the supported element types " + supported + ", found " +
                           typeInfo(unsupported->type)->name + " (type " +
                           std::to_string(unsupported->type) + ")" +
                           "; quantise the model to a supported type");
}

} // namespace tawny::gguf
