// Byte-level byte-pair encoding from ranked merges, as GPT-2, Llama 3, Qwen and DeepSeek use it.
#pragma once

#include "runtime/tokenizer/PreTokenizer.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <memory>

namespace tawny {

/// A text is cut into pieces (PreTokenizer.h), a piece starts as the tokens of its bytes, and the
/// two adjacent tokens whose merge has the lowest rank are merged until none can be; of equal ranks
/// the leftmost pair comes first. Source: Radford et al., "Language Models are Unsupervised
/// Multitask Learners", section 2.2, and Sennrich et al., arXiv:1508.07909.
///
/// - Texts of tokens are the bytes they stand for, so decoding is concatenation.
/// - User-defined tokens are recognised in every text before it is cut.
/// - Every text can be encoded. A vocabulary may lack bytes that UTF-8 does not use; such a byte is
///   encoded as U+FFFD.
/// - With `nfc` a text is brought into Unicode's normal form C, so that decoding gives that form.
/// - The time is n log n in the bytes of a piece, the memory at most 64 bytes for each of them.
class BytePairTokenizer final : public Tokenizer {
public:
  /// For a vocabulary with merges that has passed check(); an error for a pre-tokenizer that is not
  /// known. The memory it views must outlive the tokenizer.
  static ErrorOr<std::unique_ptr<Tokenizer>> create(const VocabularyView &vocabulary);

private:
  BytePairTokenizer(const VocabularyView &vocabulary, const PreTokenizer &preTokenizer);

  class Merger;

  ErrorOr<void> encodeSegment(std::string_view segment, std::vector<int32_t> &ids) const override;
  void appendValidToken(int32_t id, const DecodeOptions &options, DecodePosition &position,
                        std::string &bytes) const override;

  const PreTokenizer &preTokenizer;
  TokenIndex pieces; ///< what a piece may be as a whole: empty unless MergeView::wholeTokens
};

} // namespace tawny
