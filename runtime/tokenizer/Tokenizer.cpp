#include "runtime/tokenizer/Tokenizer.h"

#include "runtime/support/Utf8.h"
#include "runtime/tokenizer/BytePair.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/SentencePiece.h"

#include <algorithm>

namespace tawny {

ErrorOr<std::unique_ptr<Tokenizer>> makeTokenizer(const VocabularyView &vocabulary) {
  if (auto valid = vocabulary.check(); !valid)
    return valid.takeError();
  return vocabulary.merges ? BytePairTokenizer::create(vocabulary)
                           : SentencePieceTokenizer::create(vocabulary);
}

Tokenizer::Tokenizer(const VocabularyView &vocabulary,
                     bool (*isWhole)(const VocabularyView &, int32_t id))
    : vocabularyView(vocabulary),
      wholeTokens(vocabulary, [&](int32_t id) { return isWhole(vocabulary, id); }),
      specialTokens(vocabulary, [&](int32_t id) {
        return isWhole(vocabulary, id) || vocabulary.isSpecial(id);
      }) {
  // Room for what stands for an unknown token, too.
  longestTokenBytes = 8;
  for (size_t i = 0; i < vocabulary.size(); ++i)
    longestTokenBytes =
        std::max<size_t>(longestTokenBytes, vocabulary.offsets[i + 1] - vocabulary.offsets[i]);
}

/// The blanks that end at byte `end` of `text` begin at the result, which is at least `begin`.
static size_t beginOfBlanks(std::string_view text, size_t begin, size_t end) {
  size_t blanks = end; // where the blanks that reach to where the scan is begin
  bool isInBlanks = false;
  for (size_t at = begin; at < end;) {
    Character character = characterAt(text.substr(0, end), at);
    bool isNow = isBlank(character.codePoint);
    if (isNow && !isInBlanks)
      blanks = at;
    isInBlanks = isNow;
    at += character.length;
  }
  return isInBlanks ? blanks : end;
}

ErrorOr<void> Tokenizer::encodeBetweenTokens(std::string_view text, const TokenMatcher &matcher,
                                             std::vector<int32_t> &ids) const {
  size_t begin = 0; // of the segment that no token has ended yet
  for (size_t at = 0; at < text.size() && !matcher.empty();) {
    auto match = matcher.matchPrefix(text.substr(at));
    if (match.id < 0) {
      ++at;
      continue;
    }
    bool stripsLeft = vocabularyView.strips(match.id, StripLeft);
    size_t end = stripsLeft ? beginOfBlanks(text, begin, at) : at;
    if (auto result = encodeSegment(text.substr(begin, end - begin), ids); !result)
      return result;
    ids.push_back(match.id);
    at += match.length;
    bool stripsRight = vocabularyView.strips(match.id, StripRight);
    while (stripsRight && at < text.size() && isBlank(characterAt(text, at).codePoint))
      at += characterAt(text, at).length;
    begin = at;
  }
  return encodeSegment(text.substr(begin), ids);
}

ErrorOr<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                                const EncodeOptions &options) const {
  if (text.size() > VocabularyView::maxTextBytes)
    return makeError("a text of %zu bytes is too long; at most %zu can be encoded", text.size(),
                     VocabularyView::maxTextBytes);
  const VocabularyView &vocabulary = vocabularyView;
  if ((options.addBos && vocabulary.bosId < 0) || (options.addEos && vocabulary.eosId < 0))
    return makeError("%s was asked for, but the vocabulary has no such token",
                     options.addBos && vocabulary.bosId < 0 ? "BOS" : "EOS");
  std::vector<int32_t> ids;
  if (options.addBos)
    ids.push_back(vocabulary.bosId);
  const TokenMatcher &matcher = options.parseSpecial ? specialTokens : wholeTokens;
  if (auto result = encodeBetweenTokens(text, matcher, ids); !result)
    return result.takeError();
  if (options.addEos)
    ids.push_back(vocabulary.eosId);
  return ids;
}

ErrorOr<void> Tokenizer::appendToken(int32_t id, const DecodeOptions &options,
                                     DecodePosition &position, std::string &bytes) const {
  if (id < 0 || static_cast<size_t>(id) >= vocabularyView.size())
    return makeError("token id %d is not in the vocabulary, whose ids are 0 to %zu", id,
                     vocabularyView.size() - 1);
  appendValidToken(id, options, position, bytes);
  return {};
}

ErrorOr<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                       const DecodeOptions &options) const {
  std::string bytes;
  DecodePosition position{!options.continuation};
  for (int32_t id : ids)
    if (auto result = appendToken(id, options, position, bytes); !result)
      return result.takeError();
  return bytes;
}

StreamingDecoder::StreamingDecoder(const Tokenizer &tokenizer, const DecodeOptions &options)
    : tokenizer(tokenizer), options(options), position{!options.continuation} {
  // An incomplete character has at most 3 bytes, and every ill-formed byte may become 3.
  constexpr size_t maxHeldBack = 3, replacementBytes = 3;
  pending.reserve(tokenizer.maxTokenBytes() + maxHeldBack);
  shown.reserve(replacementBytes * pending.capacity());
}

void StreamingDecoder::moveComplete(bool isEnd) {
  shown.clear();
  std::string_view rest = pending;
  while (!rest.empty()) {
    Utf8Unit unit = firstUtf8Unit(rest);
    if (unit.kind == Utf8Kind::Incomplete && !isEnd)
      break;
    if (unit.kind == Utf8Kind::Character)
      shown.append(rest.substr(0, unit.length));
    else
      shown += "\uFFFD";
    rest.remove_prefix(unit.length);
  }
  pending.erase(0, pending.size() - rest.size());
}

ErrorOr<std::string_view> StreamingDecoder::push(int32_t id) {
  if (auto result = tokenizer.appendToken(id, options, position, pending); !result)
    return result.takeError();
  moveComplete(/*isEnd=*/false);
  return std::string_view(shown);
}

ErrorOr<void> StreamingDecoder::skip(std::span<const int32_t> ids) {
  for (int32_t id : ids)
    if (auto text = push(id); !text)
      return text.takeError();
  shown.clear();
  return {};
}

std::string_view StreamingDecoder::finish() {
  moveComplete(/*isEnd=*/true);
  return shown;
}

} // namespace tawny
