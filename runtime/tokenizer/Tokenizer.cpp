#include "runtime/tokenizer/Tokenizer.h"

#include "runtime/support/Utf8.h"

#include <algorithm>
#include <cmath>

namespace tawny {

static ErrorOr<void> checkSpecialId(int32_t id, size_t count, const char *name) {
  if (id == -1 || (id >= 0 && static_cast<size_t>(id) < count))
    return {};
  return makeError("the vocabulary's %s id is %d, but its %zu tokens have ids from 0", name, id,
                   count);
}

ErrorOr<void> VocabularyView::check() const {
  size_t count = types.size();
  // One text is at most maxTextBytes long, so that counts of tokens and positions fit 31 bits too.
  if (count == 0 || count >= Tokenizer::maxTextBytes)
    return makeError("a vocabulary of %zu tokens cannot be used", count);
  if (offsets.size() != count + 1 || scores.size() != count)
    return makeError("the vocabulary has %zu token types, %zu scores and %zu text offsets; as many "
                     "scores as types and one offset more were expected",
                     count, scores.size(), offsets.size());
  if (offsets[0] != 0 || offsets[count] != texts.size())
    return makeError("the vocabulary's text offsets span %u..%u, but its texts take %zu bytes",
                     offsets[0], offsets[count], texts.size());
  for (size_t i = 0; i < count; ++i) {
    if (offsets[i] > offsets[i + 1])
      return makeError("the text of token %zu ends at offset %u, before it begins at %u", i,
                       offsets[i + 1], offsets[i]);
    if (types[i] < uint8_t(TokenType::Normal) || types[i] > uint8_t(TokenType::Byte))
      return makeError("token %zu has type %u; 1 to 6 are known", i, types[i]);
    if (std::isnan(scores[i]))
      return makeError("the score of token %zu is not a number", i);
  }
  const std::pair<int32_t, const char *> specials[] = {
      {bosId, "BOS"}, {eosId, "EOS"}, {unkId, "unknown"}, {padId, "padding"}};
  for (auto [id, name] : specials)
    if (auto valid = checkSpecialId(id, count, name); !valid)
      return valid;
  return {};
}

Tokenizer::Tokenizer(const VocabularyView &vocabulary) : vocabularyView(vocabulary) {
  // Room for what stands for an unknown token, too.
  longestTokenBytes = 8;
  for (size_t i = 0; i < vocabulary.size(); ++i)
    longestTokenBytes =
        std::max<size_t>(longestTokenBytes, vocabulary.offsets[i + 1] - vocabulary.offsets[i]);
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
