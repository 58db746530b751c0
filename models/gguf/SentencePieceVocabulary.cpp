// What only SentencePiece vocabularies have: scores and byte tokens.
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"
#include "models/gguf/VocabularyArrays.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tawny::gguf {
namespace {

constexpr llvm::StringRef scoresKey = "tokenizer.ggml.scores";

llvm::Error checkNormalisation(const File &file) {
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

llvm::Error readScores(const File &file, Vocabulary &vocabulary) {
  llvm::Expected<const MetadataEntry *> entry = requireTokenArray(
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

llvm::Error readBytes(const File &file, Vocabulary &vocabulary) {
  // The array has been read before.
  const Value &kinds = file.find(kindsKey)->value;
  for (auto [id, token] : llvm::enumerate(vocabulary.tokens)) {
    if (token.kind != TokenKind::Byte)
      continue;
    Value kind = kinds.element(id);
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

/// Phi-3's tokenizer.json says that its special tokens take the white space behind them; GGUF has
/// no key for that.
void setPhi3Strips(Vocabulary &vocabulary) {
  for (Token &token : vocabulary.tokens) {
    bool isMarker = token.kind == TokenKind::Control || token.kind == TokenKind::UserDefined;
    token.stripsRight =
        isMarker && token.text != "<unk>" && token.text != "<s>" && token.text != "<|endoftext|>";
  }
}

} // namespace

std::optional<uint8_t> parseByteToken(llvm::StringRef text) {
  uint8_t byte = 0;
  if (text.size() != 6 || !text.consume_front("<0x") || !text.consume_back(">") ||
      text.getAsInteger(16, byte))
    return std::nullopt;
  return byte;
}

llvm::Error readSentencePiece(const File &file, Vocabulary &vocabulary) {
  if (llvm::Error error = checkNormalisation(file))
    return error;
  if (llvm::Error error = readScores(file, vocabulary))
    return error;
  if (llvm::Error error = readBytes(file, vocabulary))
    return error;
  const MetadataEntry *architecture = file.find("general.architecture");
  if (architecture && architecture->value.getString() == llvm::StringRef("phi3"))
    setPhi3Strips(vocabulary);
  return llvm::Error::success();
}

} // namespace tawny::gguf
