// Text to token ids and back: what every kind of tokenizer has in common.
#pragma once

#include "runtime/support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// A vocabulary in memory that somebody else owns, such as a mapped artifact, which must outlive
/// every tokenizer made from it. The text of token i is texts[offsets[i], offsets[i + 1]).
struct VocabularyView {
  std::string_view texts;
  std::span<const uint32_t> offsets; ///< one more than there are tokens
  std::span<const float> scores;     ///< one for each token
  std::span<const uint8_t> types;    ///< TokenType, one for each token
  int32_t bosId = -1;                ///< begin of sequence; -1: none, as for those below
  int32_t eosId = -1;                ///< end of sequence
  int32_t unkId = -1;                ///< unknown
  int32_t padId = -1;                ///< padding
  bool addSpacePrefix = false;       ///< whether a text is encoded as if a space stood before it

  size_t size() const { return types.size(); }
  std::string_view text(int32_t id) const {
    auto i = static_cast<size_t>(id);
    return texts.substr(offsets[i], offsets[i + 1] - offsets[i]);
  }
  TokenType type(int32_t id) const {
    return static_cast<TokenType>(types[static_cast<size_t>(id)]);
  }

  /// That the parts fit together: sizes, ascending offsets, known types, ordered scores, special
  /// ids in range.
  ErrorOr<void> check() const;
};

/// How a text is encoded; the defaults give its own tokens and nothing else.
struct EncodeOptions {
  bool addBos = false;
  bool addEos = false;
  /// Recognise the texts of control and unknown tokens, such as "</s>". Off, they are plain text,
  /// so that a user's text cannot forge them. User-defined tokens are always recognised.
  bool parseSpecial = false;
};

/// How ids are decoded; the defaults give the text that was encoded.
struct DecodeOptions {
  /// Show the texts of control and unknown tokens, as parseSpecial reads them.
  bool renderSpecial = false;
  /// The ids continue a text: a space at their start belongs to it and is kept.
  bool continuation = false;
};

/// How far a text is decoded.
struct DecodePosition {
  bool atStart = true; ///< the space that encoding put in front, if any, is still to be dropped
};

/// Text to token ids and back. Immutable, so threads may share one.
class Tokenizer {
public:
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer &) = delete;
  Tokenizer &operator=(const Tokenizer &) = delete;

  /// The ids of `text`, which may hold any bytes (at most maxTextBytes).
  virtual ErrorOr<std::vector<int32_t>> encode(std::string_view text,
                                               const EncodeOptions &options = {}) const = 0;

  /// The bytes of `ids`, not necessarily UTF-8. An id out of range is an error.
  ErrorOr<std::string> decode(std::span<const int32_t> ids,
                              const DecodeOptions &options = {}) const;

  /// Appends to `bytes` what the token `id` adds to a text decoded up to `position`.
  ErrorOr<void> appendToken(int32_t id, const DecodeOptions &options, DecodePosition &position,
                            std::string &bytes) const;

  const VocabularyView &vocabulary() const { return vocabularyView; }

  /// The most bytes that one token can add to a text.
  size_t maxTokenBytes() const { return longestTokenBytes; }

  static constexpr size_t maxTextBytes = size_t(1) << 29;

protected:
  /// `vocabulary` must have passed check().
  explicit Tokenizer(const VocabularyView &vocabulary);

  virtual void appendValidToken(int32_t id, const DecodeOptions &options, DecodePosition &position,
                                std::string &bytes) const = 0;

  VocabularyView vocabularyView;

private:
  size_t longestTokenBytes = 0;
};

/// Decodes token by token into well-formed UTF-8 for a terminal or a network peer: the bytes of a
/// character are held back until it is complete, and each ill-formed sequence becomes U+FFFD.
class StreamingDecoder {
public:
  explicit StreamingDecoder(const Tokenizer &tokenizer, const DecodeOptions &options = {});

  /// What `id` completes, perhaps nothing; valid until the next call.
  ErrorOr<std::string_view> push(int32_t id);

  /// Takes `ids` as already shown, such as a prompt whose continuation is to be decoded.
  ErrorOr<void> skip(std::span<const int32_t> ids);

  /// What is left when no more tokens come: U+FFFD for a character that never was completed.
  std::string_view finish();

private:
  void moveComplete(bool isEnd);

  const Tokenizer &tokenizer;
  DecodeOptions options;
  DecodePosition position;
  std::string pending; ///< bytes that are not shown yet
  std::string shown;   ///< what the last call returned
};

} // namespace tawny
