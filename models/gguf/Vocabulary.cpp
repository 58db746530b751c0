#include "models/gguf/Vocabulary.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"
#include "models/gguf/VocabularyArrays.h"
#include "llvm/ADT/STLExtras.h"

namespace tawny::gguf {
namespace {

constexpr llvm::StringRef modelKey = "tokenizer.ggml.model";
constexpr llvm::StringRef tokensKey = "tokenizer.ggml.tokens";

/// Far above any vocabulary known, and far below what a 32-bit id can count.
constexpr uint64_t maxTokens = 1u << 24;

constexpr uint64_t leastKind = uint64_t(TokenKind::Normal);
constexpr uint64_t mostKind = uint64_t(TokenKind::Byte);

llvm::Error readModel(const File &file, Vocabulary &vocabulary) {
  llvm::Expected<llvm::StringRef> model = requireString(file, modelKey);
  if (!model)
    return model.takeError();
  if (*model == "llama")
    vocabulary.kind = VocabularyKind::SentencePiece;
  else if (*model == "gpt2")
    vocabulary.kind = VocabularyKind::BytePair;
  else
    return wrongValue(*file.find(modelKey), "'llama', which is SentencePiece, or 'gpt2', which is "
                                            "byte-level BPE, as no other is supported yet");
  return llvm::Error::success();
}

llvm::Error readTexts(const File &file, Vocabulary &vocabulary) {
  const MetadataEntry *entry = file.find(tokensKey);
  if (!entry)
    return missingKey(tokensKey, "an array of strings");
  std::optional<StringArray> texts = entry->value.getStrings();
  if (!texts || texts->size() == 0 || texts->size() > maxTokens)
    return wrongValue(*entry, "an array of 1 to " + llvm::Twine(maxTokens) + " strings");
  // The reader has seen every string in the file, so the count is no larger than the file allows.
  vocabulary.tokens.reserve(texts->size());
  for (llvm::StringRef text : *texts)
    vocabulary.tokens.push_back({text.str()});
  return llvm::Error::success();
}

llvm::Error readKinds(const File &file, Vocabulary &vocabulary) {
  // The specification says i32; older converters wrote u32.
  llvm::Expected<const MetadataEntry *> entry = requireTokenArray(
      file, kindsKey, ValueType::Int32, ValueType::UInt32, vocabulary.tokens.size());
  if (!entry)
    return entry.takeError();
  for (auto [id, token] : llvm::enumerate(vocabulary.tokens)) {
    Value kind = (*entry)->value.element(id);
    uint64_t number = kind.getUnsigned().value_or(0);
    if (number < leastKind || number > mostKind)
      return errorInKey(kindsKey, kind.offset(),
                        "expected a type from " + llvm::Twine(leastKind) + " to " +
                            llvm::Twine(mostKind) + " for " + describe(id, token) + ", found " +
                            kind.describe());
    token.kind = TokenKind(number);
  }
  return llvm::Error::success();
}

llvm::Error readIds(const File &file, Vocabulary &vocabulary) {
  const IntegerRange range = {0, vocabulary.tokens.size() - 1};
  const std::pair<llvm::StringRef, std::optional<uint32_t> *> ids[] = {
      {"tokenizer.ggml.bos_token_id", &vocabulary.bosId},
      {"tokenizer.ggml.eos_token_id", &vocabulary.eosId},
      {"tokenizer.ggml.unknown_token_id", &vocabulary.unknownId},
      {"tokenizer.ggml.padding_token_id", &vocabulary.paddingId},
  };
  for (auto [key, id] : ids) {
    llvm::Expected<std::optional<uint32_t>> found = findInteger(file, key, range);
    if (!found)
      return found.takeError();
    *id = *found;
  }
  return llvm::Error::success();
}

llvm::Error readFlags(const File &file, Vocabulary &vocabulary) {
  const std::pair<llvm::StringRef, bool *> flags[] = {
      {"tokenizer.ggml.add_bos_token", &vocabulary.addBos},
      {"tokenizer.ggml.add_eos_token", &vocabulary.addEos},
      {"tokenizer.ggml.add_space_prefix", &vocabulary.addSpacePrefix},
  };
  bool isAddBosGiven = false;
  for (auto [key, flag] : flags) {
    llvm::Expected<std::optional<bool>> found = findBool(file, key);
    if (!found)
      return found.takeError();
    *flag = found->value_or(*flag);
    isAddBosGiven |= flag == &vocabulary.addBos && found->has_value();
  }
  // What publishers do with their own models holds only for those that have such a token.
  if (!isAddBosGiven && vocabulary.kind == VocabularyKind::BytePair && !vocabulary.bosId)
    vocabulary.addBos = false;
  if (vocabulary.addBos && !vocabulary.bosId)
    return missingKey("tokenizer.ggml.bos_token_id",
                      "a token's id, as 'tokenizer.ggml.add_bos_token' is true or left out");
  if (vocabulary.addEos && !vocabulary.eosId)
    return missingKey("tokenizer.ggml.eos_token_id",
                      "a token's id, as 'tokenizer.ggml.add_eos_token' is true");
  return llvm::Error::success();
}

} // namespace

std::string describe(uint64_t id, const Token &token) {
  return ("token " + llvm::Twine(id) + ", " + quote(token.text)).str();
}

llvm::Expected<const MetadataEntry *> requireTokenArray(const File &file, llvm::StringRef key,
                                                        ValueType type, ValueType otherType,
                                                        uint64_t count) {
  const MetadataEntry *entry = file.find(key);
  std::string expected =
      ("an array of " + llvm::Twine(count) + " " + valueTypeName(type) + ", one for each token")
          .str();
  if (!entry)
    return missingKey(key, expected);
  const Value &value = entry->value;
  if ((!value.isArrayOf(type) && !value.isArrayOf(otherType)) || value.arraySize() != count)
    return wrongValue(*entry, expected);
  return entry;
}

llvm::Expected<Vocabulary> readVocabulary(const File &file) {
  Vocabulary vocabulary;
  if (llvm::Error error = readModel(file, vocabulary))
    return std::move(error);
  if (llvm::Error error = readTexts(file, vocabulary))
    return std::move(error);
  if (llvm::Error error = readKinds(file, vocabulary))
    return std::move(error);
  if (llvm::Error error = vocabulary.kind == VocabularyKind::SentencePiece
                              ? readSentencePiece(file, vocabulary)
                              : readBytePair(file, vocabulary))
    return std::move(error);
  if (llvm::Error error = readIds(file, vocabulary))
    return std::move(error);
  if (llvm::Error error = readFlags(file, vocabulary))
    return std::move(error);
  llvm::Expected<std::optional<llvm::StringRef>> chatTemplate =
      findString(file, "tokenizer.chat_template");
  if (!chatTemplate)
    return chatTemplate.takeError();
  vocabulary.chatTemplate = *chatTemplate;
  return vocabulary;
}

} // namespace tawny::gguf
