// Text to token ids and back: what every kind of tokenizer has in common.
#pragma once

#include "runtime/tokenizer/TokenIndex.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tawny {

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

  /// The ids of `text`, which may hold any bytes (at most
  /// VocabularyView::maxTextBytes). What stands between tokens
  /// that are recognised as a whole is encoded as a text of its own.
  ErrorOr<std::vector<int32_t>> encode(std::string_view text,
                                       const EncodeOptions &options = {}) const;

  /// The bytes of `ids`, not necessarily UTF-8. An id out of range is an error.
  ErrorOr<std::string> decode(std::span<const int32_t> ids,
                              const DecodeOptions &options = {}) const;

  /// Appends to `bytes` what the token `id` adds to a text decoded up to `position`.
  ErrorOr<void> appendToken(int32_t id, const DecodeOptions &options, DecodePosition &position,
                            std::string &bytes) const;

  const VocabularyView &vocabulary() const { return vocabularyView; }

  /// The most bytes that one token can add to a text.
  size_t maxTokenBytes() const { return longestTokenBytes; }

protected:
  /// `vocabulary` must have passed check(). Tokens for which `isWhole` holds are recognised in
  /// every text before anything else is done with it.
  Tokenizer(const VocabularyView &vocabulary, bool (*isWhole)(const VocabularyView &, int32_t id));

  /// Appends the ids of a text without special tokens.
  virtual ErrorOr<void> encodeSegment(std::string_view segment,
                                      std::vector<int32_t> &ids) const = 0;
  virtual void appendValidToken(int32_t id, const DecodeOptions &options, DecodePosition &position,
                                std::string &bytes) const = 0;

  VocabularyView vocabularyView;

private:
  ErrorOr<void> encodeBetweenTokens(std::string_view text, const TokenMatcher &matcher,
                                    std::vector<int32_t> &ids) const;

  TokenMatcher wholeTokens;   ///< those that are always recognised
  TokenMatcher specialTokens; ///< with control and unknown tokens
  size_t longestTokenBytes = 0;
};

/// Makes the tokenizer that `vocabulary` is for, after checking it. The memory it views must
/// outlive the tokenizer.
ErrorOr<std::unique_ptr<Tokenizer>> makeTokenizer(const VocabularyView &vocabulary);

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
