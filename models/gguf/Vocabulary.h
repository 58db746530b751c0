// The tokenizer that a GGUF file carries.
#pragma once

#include "models/gguf/Reader.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace tawny::gguf {

/// What a token is for, numbered as in the file (and in SentencePiece's model).
enum class TokenKind : uint8_t {
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6,
};

/// One entry of the vocabulary.
struct Token {
  /// Usually UTF-8, with U+2581 for a space; a view of the file.
  llvm::StringRef text;
  /// Log probability: of two possible merges the one with the higher score is made. Finite.
  float score;
  TokenKind kind;
};

/// A SentencePiece vocabulary (tokenizer.ggml.model is `llama`). Ids are indices into `tokens`.
struct Vocabulary {
  std::vector<Token> tokens;
  std::optional<uint32_t> bosId;
  std::optional<uint32_t> eosId;
  std::optional<uint32_t> unknownId;
  std::optional<uint32_t> paddingId;
  /// Whether a prompt gets the bos token in front and the eos token behind; a token that is added
  /// has an id.
  bool addBos = true;
  bool addEos = false;
  /// Whether a text is tokenised as if a space stood in front of it.
  bool addSpacePrefix = true;
  std::optional<llvm::StringRef> chatTemplate;
  /// The token `<0xXX>` of each byte, which stands for text that no other token covers.
  std::array<std::optional<uint32_t>, 256> byteTokens;
};

/// Reads the vocabulary, for which no tensors are needed. Its arrays must be of one length; every
/// id, score and kind is checked. Fails for tokenizers of another kind.
llvm::Expected<Vocabulary> readVocabulary(const File &file);

/// The byte that a token's text `<0xXX>` (two upper or lower case digits) stands for, or nullopt.
std::optional<uint8_t> parseByteToken(llvm::StringRef text);

} // namespace tawny::gguf
