#include "runtime/tokenizer/Vocabulary.h"

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
  if (count == 0 || count >= maxTextBytes)
    return makeError("a vocabulary of %zu tokens cannot be used", count);
  if (offsets.size() != count + 1 || (!merges && scores.size() != count))
    return makeError("the vocabulary has %zu token types, %zu scores and %zu text offsets; as many "
                     "scores as types and one offset more were expected",
                     count, scores.size(), offsets.size());
  if (!stripFlags.empty() && stripFlags.size() != count)
    return makeError("the vocabulary says of %zu tokens what they strip; none or all %zu were "
                     "expected",
                     stripFlags.size(), count);
  if (offsets[0] != 0 || offsets[count] != texts.size())
    return makeError("the vocabulary's text offsets span %u..%u, but its texts take %zu bytes",
                     offsets[0], offsets[count], texts.size());
  for (size_t i = 0; i < count; ++i) {
    if (offsets[i] > offsets[i + 1])
      return makeError("the text of token %zu ends at offset %u, before it begins at %u", i,
                       offsets[i + 1], offsets[i]);
    if (types[i] < uint8_t(TokenType::Normal) || types[i] > uint8_t(TokenType::Byte))
      return makeError("token %zu has type %u; 1 to 6 are known", i, types[i]);
    if (!merges && std::isnan(scores[i]))
      return makeError("the score of token %zu is not a number", i);
  }
  const std::pair<int32_t, const char *> specials[] = {
      {bosId, "BOS"}, {eosId, "EOS"}, {unkId, "unknown"}, {padId, "padding"}};
  for (auto [id, name] : specials)
    if (auto valid = checkSpecialId(id, count, name); !valid)
      return valid;
  return {};
}

} // namespace tawny
