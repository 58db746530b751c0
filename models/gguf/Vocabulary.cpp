#include "models/gguf/Vocabulary.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tawny::gguf {
namespace {

constexpr llvm::StringRef modelKey = "tokenizer.ggml.model";
constexpr llvm::StringRef tokensKey = "tokenizer.ggml.tokens";
constexpr llvm::StringRef scoresKey = "tokenizer.ggml.scores";
constexpr llvm::StringRef kindsKey = "tokenizer.ggml.token_type";

/// Far above any vocabulary known, and far below what a 32-bit id can count.
constexpr uint64_t maxTokens = 1u << 24;

constexpr uint64_t leastKind = uint64_t(TokenKind::Normal);
constexpr uint64_t mostKind = uint64_t(TokenKind::Byte);

/// "token 4, 'text'": the token that an element of one of the arrays belongs to.
std::string describe(uint64_t id, const Token &token) {
  return ("token " + llvm::Twine(id) + ", " + quote(token.text)).str();
}

llvm::Error checkModel(const File &file) {
  llvm::Expected<llvm::StringRef> model = requireString(file, modelKey);
  if (!model)
    return model.takeError();
  if (*model != "llama")
    return wrongValue(*file.find(modelKey),
                      "'llama', the SentencePiece tokenizer, as no other is supported yet");
  // Both change the text before it is tokenised.
  llvm::Expected<std::optional<bool>> collapse =
      findBool(file, "tokenizer.ggml.remove_extra_whitespaces");
  if (!collapse)
    return collapse.takeError();
  if (collapse->value_or(false))
    return wrongValue(*file.find("tokenizer.ggml.remove_extra_whitespaces"),
                      "false, as text normalisation is not supported yet");
  const MetadataEntry *charsMap = file.find("tokenizer.ggml.precompiled_charsmap");
  if (charsMap && charsMap->value.arraySize() != 0)
    return wrongValue(*charsMap, "an empty array, as text normalisation is not supported yet");
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
    vocabulary.tokens.push_back({text, 0, TokenKind::Normal});
  return llvm::Error::success();
}

/// Finds an array that must have one element, of type `type` or `otherType`, for each token.
llvm::Expected<const MetadataEntry *> requireArray(const File &file, llvm::StringRef key,
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

llvm::Error readScores(const File &file, Vocabulary &vocabulary) {
  llvm::Expected<const MetadataEntry *> entry = requireArray(
      file, scoresKey, ValueType::Float32, ValueType::Float32, vocabulary.tokens.size());
  if (!entry)
    return entry.takeError();
  for (auto [id, token] : llvm::enumerate(vocabulary.tokens)) {
    Value score = (*entry)->value.element(id);
    token.score = float(*score.getFloat());
    if (!std::isfinite(token.score))
      return errorInKey(scoresKey, score.offset(),
                        "expected a finite score for " + describe(id, token) + ", found " +
                            score.describe());
  }
  return llvm::Error::success();
}

llvm::Error readKinds(const File &file, Vocabulary &vocabulary) {
  // The specification says i32; older converters wrote u32.
  llvm::Expected<const MetadataEntry *> entry =
      requireArray(file, kindsKey, ValueType::Int32, ValueType::UInt32, vocabulary.tokens.size());
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
    if (token.kind != TokenKind::Byte)
      continue;
    std::optional<uint8_t> byte = parseByteToken(token.text);
    if (!byte)
      return errorInKey(kindsKey, kind.offset(),
                        "expected a text like '<0x0A>' in " + describe(id, token) +
                            ", whose type, 6, says that it stands for a byte");
    std::optional<uint32_t> &slot = vocabulary.byteTokens[*byte];
    if (slot)
      return errorInKey(kindsKey, kind.offset(),
                        "expected one token for each byte, found " + describe(id, token) +
                            ", for the byte of token " + llvm::Twine(*slot));
    slot = uint32_t(id);
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
  for (auto [key, flag] : flags) {
    llvm::Expected<std::optional<bool>> found = findBool(file, key);
    if (!found)
      return found.takeError();
    *flag = found->value_or(*flag);
  }
  if (vocabulary.addBos && !vocabulary.bosId)
    return missingKey("tokenizer.ggml.bos_token_id",
                      "a token's id, as 'tokenizer.ggml.add_bos_token' is true or left out");
  if (vocabulary.addEos && !vocabulary.eosId)
    return missingKey("tokenizer.ggml.eos_token_id",
                      "a token's id, as 'tokenizer.ggml.add_eos_token' is true");
  return llvm::Error::success();
}

} // namespace

std::optional<uint8_t> parseByteToken(llvm::StringRef text) {
  uint8_t byte = 0;
  if (text.size() != 6 || !text.consume_front("<0x") || !text.consume_back(">") ||
      text.getAsInteger(16, byte))
    return std::nullopt;
  return byte;
}

llvm::Expected<Vocabulary> readVocabulary(const File &file) {
  Vocabulary vocabulary;
  if (llvm::Error error = checkModel(file))
    return std::move(error);
  if (llvm::Error error = readTexts(file, vocabulary))
    return std::move(error);
  if (llvm::Error error = readScores(file, vocabulary))
    return std::move(error);
  if (llvm::Error error = readKinds(file, vocabulary))
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
