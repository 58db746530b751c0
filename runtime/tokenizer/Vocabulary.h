// A vocabulary as tokenizers see it.
#pragma once

#include "runtime/support/Error.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tawny {

/// What a token is for; the numbers are those of GGUF's tokenizer.ggml.token_type.
enum class TokenType : uint8_t {
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6,
};

/// What a token takes from the text around it where it is recognised, as bits.
enum TokenStrip : uint8_t { StripLeft = 1, StripRight = 2 };

/// What byte-level BPE needs besides the tokens. Merge i, of the tokens l and right[i], belongs to
/// the l for which starts[l] <= i < starts[l + 1]; right ascends among the merges of each l.
struct MergeView {
  std::string_view preTokenizer;
  std::span<const int32_t> byteTokens; ///< of each of the 256 bytes; -1: none
  std::span<const uint32_t> starts;    ///< one more than there are tokens
  std::span<const uint32_t> right;
  std::span<const uint32_t> result;
  std::span<const uint32_t> rank; ///< the lowest is merged first
  bool nfc = false;               ///< whether a text is brought into NFC first
  bool wholeTokens = false;       ///< whether a piece that is a token is never split
};

/// A vocabulary in memory that somebody else owns, such as a mapped artifact, which must outlive
/// every tokenizer made from it. The text of token i is texts[offsets[i], offsets[i + 1]).
struct VocabularyView {
  std::string_view texts;
  std::span<const uint32_t> offsets;   ///< one more than there are tokens
  std::span<const float> scores;       ///< one for each token; empty for byte-level BPE
  std::span<const uint8_t> types;      ///< TokenType, one for each token
  std::span<const uint8_t> stripFlags; ///< TokenStrip, one for each token; empty: none strips
  std::optional<MergeView> merges;     ///< of byte-level BPE
  int32_t bosId = -1;                  ///< begin of sequence; -1: none, as for those below
  int32_t eosId = -1;                  ///< end of sequence
  int32_t unkId = -1;                  ///< unknown
  int32_t padId = -1;                  ///< padding
  bool addSpacePrefix = false;         ///< whether a text is encoded as if a space stood before it

  size_t size() const { return types.size(); }
  std::string_view text(int32_t id) const {
    auto i = static_cast<size_t>(id);
    return texts.substr(offsets[i], offsets[i + 1] - offsets[i]);
  }
  TokenType type(int32_t id) const {
    return static_cast<TokenType>(types[static_cast<size_t>(id)]);
  }
  /// Whether the token stands for no text of its own: control and unknown tokens.
  bool isSpecial(int32_t id) const {
    return type(id) == TokenType::Control || type(id) == TokenType::Unknown;
  }
  bool strips(int32_t id, TokenStrip side) const {
    return !stripFlags.empty() && (stripFlags[static_cast<size_t>(id)] & side) != 0;
  }

  /// That the parts fit together: sizes, ascending offsets, known types, ordered scores, special
  /// ids in range. `merges` must be as verifyHeader (runtime/artifact) accepts them.
  ErrorOr<void> check() const;

  static constexpr size_t maxTextBytes = size_t(1) << 29; ///< of a text to encode
};

} // namespace tawny
