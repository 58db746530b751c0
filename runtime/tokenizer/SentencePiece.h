// SentencePiece's byte-pair encoding from scores, as Llama 1 and 2, Mistral and Phi-3 use it.
#pragma once

#include "runtime/tokenizer/TokenIndex.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <memory>

namespace tawny {

/// A text becomes symbols, one for each character, and the two adjacent symbols whose concatenation
/// is the token with the best score are merged until none can be; of equal scores the leftmost pair
/// comes first. Source: Sennrich et al., arXiv:1508.07909, and the SentencePiece paper,
/// arXiv:1808.06226.
///
/// - A space is written as U+2581, and with addSpacePrefix one more stands before a text. As in
///   SentencePiece, a U+2581 of the text itself is therefore the same as a space; every other byte
///   string survives encoding and decoding. A vocabulary without the token U+2581 keeps spaces.
/// - A user-defined token is one symbol from the start and is never merged. Control, unknown and
///   byte tokens never come out of merges, whatever their text.
/// - A character without a token becomes its bytes if the vocabulary has the 256 byte tokens, and
///   so does each byte that is not UTF-8. Otherwise a run of such characters is one unknown token.
/// - What merges to an unused token is split again into the two symbols that were merged.
/// - With parseSpecial, the text after a control token is encoded as a text of its own, with its
/// own
///   space before it; encoding "<s>x" so gives what "x" gives with addBos. A user-defined token
///   that strips is treated alike, always.
/// - An unknown token decodes to U+2047 between spaces.
class SentencePieceTokenizer final : public Tokenizer {
public:
  /// Builds the indexes over a vocabulary that has passed check(); an error for byte tokens that
  /// are not those of the 256 bytes. The memory it views must outlive the tokenizer.
  static ErrorOr<std::unique_ptr<Tokenizer>> create(const VocabularyView &vocabulary);

private:
  explicit SentencePieceTokenizer(const VocabularyView &vocabulary);

  struct Symbol;
  struct Candidate;
  class Merger;

  ErrorOr<void> indexBytes();
  ErrorOr<void> encodeSegment(std::string_view segment, std::vector<int32_t> &ids) const override;
  void appendValidToken(int32_t id, const DecodeOptions &options, DecodePosition &position,
                        std::string &bytes) const override;

  std::string_view space;          ///< what a space is written as
  TokenIndex pieces;               ///< what merges may give: normal and unused tokens
  TokenMatcher userDefined;        ///< with spaces as they are written in texts
  std::vector<int32_t> byteIds;    ///< the token of each byte; empty if there are none
  std::vector<uint8_t> byteValues; ///< by token id, for byte tokens; empty if there are none
};

} // namespace tawny
