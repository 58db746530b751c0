#include "models/gguf/Keys.h"
#include "models/gguf/Diagnostics.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cassert>
#include <limits>

namespace tawny::gguf {
namespace {

std::string describe(IntegerRange range) {
  return ("an integer from " + llvm::Twine(range.least) + " to " + llvm::Twine(range.most)).str();
}

std::string describe(FloatRange range) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("a number from %g to %g", range.least, range.most);
  return text;
}

template <typename T>
llvm::Expected<T> required(llvm::Expected<std::optional<T>> found, llvm::StringRef key,
                           const llvm::Twine &expected) {
  if (!found)
    return found.takeError();
  if (!*found)
    return missingKey(key, expected);
  return **found;
}

} // namespace

llvm::Error wrongValue(const MetadataEntry &entry, const llvm::Twine &expected) {
  return errorInKey(entry.key, entry.value.offset(),
                    "expected " + expected + ", found " + entry.value.describe());
}

llvm::Error missingKey(llvm::StringRef key, const llvm::Twine &expected) {
  return errorInFile("key " + quote(key) + " is missing, expected " + expected +
                     "; convert the model again with a converter that writes it");
}

llvm::Expected<std::optional<uint32_t>> findInteger(const File &file, llvm::StringRef key,
                                                    IntegerRange range) {
  assert(range.most <= std::numeric_limits<uint32_t>::max() && "the result has 32 bits");
  const MetadataEntry *entry = file.find(key);
  if (!entry)
    return std::nullopt;
  std::optional<uint64_t> value = entry->value.getUnsigned();
  if (!value || *value < range.least || *value > range.most)
    return wrongValue(*entry, describe(range));
  return uint32_t(*value);
}

llvm::Expected<std::optional<double>> findFloat(const File &file, llvm::StringRef key,
                                                FloatRange range) {
  const MetadataEntry *entry = file.find(key);
  if (!entry)
    return std::nullopt;
  std::optional<double> value = entry->value.getFloat();
  // Written so that NaN fails.
  if (!value || !(*value >= range.least && *value <= range.most))
    return wrongValue(*entry, describe(range));
  return value;
}

llvm::Expected<std::optional<bool>> findBool(const File &file, llvm::StringRef key) {
  const MetadataEntry *entry = file.find(key);
  if (!entry)
    return std::nullopt;
  std::optional<bool> value = entry->value.getBool();
  if (!value)
    return wrongValue(*entry, "a bool");
  return value;
}

llvm::Expected<std::optional<llvm::StringRef>> findString(const File &file, llvm::StringRef key) {
  const MetadataEntry *entry = file.find(key);
  if (!entry)
    return std::nullopt;
  std::optional<llvm::StringRef> value = entry->value.getString();
  if (!value)
    return wrongValue(*entry, "a string");
  return value;
}

llvm::Expected<uint32_t> requireInteger(const File &file, llvm::StringRef key, IntegerRange range) {
  return required(findInteger(file, key, range), key, describe(range));
}

llvm::Expected<double> requireFloat(const File &file, llvm::StringRef key, FloatRange range) {
  return required(findFloat(file, key, range), key, describe(range));
}

llvm::Expected<llvm::StringRef> requireString(const File &file, llvm::StringRef key) {
  return required(findString(file, key), key, "a string");
}

} // namespace tawny::gguf
