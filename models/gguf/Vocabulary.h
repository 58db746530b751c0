// The tokenizer that a GGUF file carries.
#pragma once

#include "models/gguf/Reader.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
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
  /// SentencePiece: usually UTF-8, with U+2581 for a space. Byte-level BPE: the bytes that the
  /// token stands for.
  std::string text;
  /// Log probability: of two possible merges the one with the higher score is made. Finite. Only
  /// SentencePiece has it.
  float score = 0;
  TokenKind kind = TokenKind::Normal;
  /// Whether the token takes the white space behind it.
  bool stripsRight = false;
};

/// Which algorithm a vocabulary is for.
enum class VocabularyKind : uint8_t {
  SentencePiece, ///< tokenizer.ggml.model is `llama`
  BytePair,      ///< byte-level BPE: tokenizer.ggml.model is `gpt2`
};

/// Two tokens that byte-level BPE joins to a third. Its rank is its place in the file.
struct Merge {
  uint32_t left;
  uint32_t right;
  uint32_t result;
};

/// A vocabulary. Ids are indices into `tokens`.
struct Vocabulary {
  VocabularyKind kind = VocabularyKind::SentencePiece;
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
  /// The token of each byte. SentencePiece: `<0xXX>`, which stands for text that no other token
  /// covers. Byte-level BPE: what merging starts from.
  std::array<std::optional<uint32_t>, 256> byteTokens;

  // Byte-level BPE alone.

  std::vector<Merge> merges; ///< The lowest rank first.
  /// How a text is cut before merging, by the name that the runtime knows it by.
  std::string preTokenizer;
  bool nfc = false;         ///< Whether a text is brought into Unicode's normal form C first.
  bool wholeTokens = false; ///< Whether a piece that is a token stays whole, whatever merges say.
};

/// Reads the vocabulary, for which no tensors are needed. Its arrays must be of one length; every
/// id, score, kind and merge is checked. Fails for tokenizers of another kind.
llvm::Expected<Vocabulary> readVocabulary(const File &file);

/// The byte that a token's text `<0xXX>` (two upper or lower case digits) stands for, or nullopt.
std::optional<uint8_t> parseByteToken(llvm::StringRef text);

} // namespace tawny::gguf
