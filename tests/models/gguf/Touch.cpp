#include "tests/models/gguf/Touch.h"
#include "models/gguf/Hyperparameters.h"
#include "models/gguf/Vocabulary.h"
#include "llvm/ADT/StringExtras.h"

namespace tawny::gguf::test {
namespace {

uint64_t touchText(llvm::StringRef text) {
  uint64_t sum = text.size();
  for (char c : text)
    sum = sum * 31 + uint8_t(c);
  return sum;
}

uint64_t touchValue(const Value &value) {
  uint64_t sum = touchText(value.describe()) + value.offset();
  sum += value.getUnsigned().value_or(0) + uint64_t(value.getFloat() == 1.0);
  sum += uint64_t(value.getBool().value_or(false));
  sum += touchText(value.getString().value_or(""));
  if (std::optional<StringArray> strings = value.getStrings()) {
    for (llvm::StringRef text : *strings)
      sum += touchText(text);
  } else {
    for (uint64_t i = 0; i < value.arraySize(); ++i)
      sum += touchText(value.element(i).describe());
  }
  return sum;
}

uint64_t touchVocabulary(const File &file) {
  llvm::Expected<Vocabulary> vocabulary = readVocabulary(file);
  if (!vocabulary)
    return touchText(llvm::toString(vocabulary.takeError()));
  uint64_t sum = touchText(vocabulary->chatTemplate.value_or(""));
  for (const Token &token : vocabulary->tokens)
    sum += touchText(token.text) + uint64_t(token.kind) + uint64_t(token.score > 0);
  for (std::optional<uint32_t> id : vocabulary->byteTokens)
    sum += id.value_or(0);
  for (const Merge &merge : vocabulary->merges)
    sum += merge.left + merge.right + merge.result;
  return sum;
}

} // namespace

uint64_t touchEverything(llvm::ArrayRef<uint8_t> bytes) {
  llvm::Expected<File> file = parseFile(bytes);
  if (!file)
    return touchText(llvm::toString(file.takeError()));
  uint64_t sum = file->version + file->alignment + file->dataOffset;
  for (const MetadataEntry &entry : file->metadata)
    sum += touchText(entry.key) + touchValue(entry.value);
  for (const Tensor &tensor : file->tensors) {
    sum += touchText(tensor.name) + tensor.dims().size();
    sum += bytes[tensor.offset] + bytes[tensor.offset + tensor.byteSize - 1];
  }
  sum += touchText(
      llvm::toString(requireSupportedTypes(*file, [](uint32_t type) { return type == TypeF16; })));
  llvm::Expected<LlamaParameters> parameters = readLlamaParameters(*file);
  sum += parameters ? parameters->numBlocks : touchText(llvm::toString(parameters.takeError()));
  return sum + touchVocabulary(*file);
}

} // namespace tawny::gguf::test
