#include "runtime/artifact/Format.h"
#include "runtime/artifact/Verify.h"

#include <cinttypes>

namespace tawny::verify {

/// Token i's text is [offsets[i], offsets[i + 1]) of token_text.
static bool tokenTexts(Checker &check, const Field &where, const fb::Tokenizer &tokenizer) {
  const auto &offsets = *tokenizer.token_offsets();
  uint32_t tokens = offsets.size() - 1;
  for (uint32_t i = 0; i <= tokens; ++i) {
    uint32_t low = i == 0 ? 0 : offsets.Get(i - 1);
    uint32_t high = i == 0 ? 0 : tokenizer.token_text()->size();
    if (!check.inRange(where("token_offsets", i), offsets.Get(i), low, high))
      return false;
  }
  if (!check.expect(offsets.Get(tokens) == tokenizer.token_text()->size(),
                    where("token_offsets", tokens), "expected the end of token_text, %u, found %u",
                    tokenizer.token_text()->size(), offsets.Get(tokens)))
    return false;
  for (uint32_t i = 0; i < tokens; ++i)
    if (!check.inRange(where("types", i), tokenizer.types()->Get(i), 1, 6))
      return false;
  return true;
}

static bool specialToken(Checker &check, const Field &where, int32_t token, uint32_t tokens) {
  return check.expect(token >= -1 && token < static_cast<int64_t>(tokens), where,
                      "expected -1 to %u, found %d", tokens - 1, token);
}

/// The bytes of token `id`'s text, which tokenTexts() has accepted.
static std::string_view textOf(const fb::Tokenizer &tokenizer, uint32_t id) {
  const auto &offsets = *tokenizer.token_offsets();
  return {reinterpret_cast<const char *>(tokenizer.token_text()->data()) + offsets.Get(id),
          offsets.Get(id + 1) - offsets.Get(id)};
}

/// A vector that must have `count` elements.
template <typename Item>
static bool hasCount(Checker &check, const Field &where, const flatbuffers::Vector<Item> *vector,
                     uint32_t count, const char *what) {
  return check.present(where, vector) &&
         check.expect(vector->size() == count, where, "expected one for each of %u %s, found %u",
                      count, what, vector->size());
}

/// Every byte that UTF-8 uses, but for those of characters beyond U+3FFFF, has a token; so has what
/// stands in for the others, U+FFFD.
static bool bytesHaveTokens(Checker &check, const Field &where, const fb::Tokenizer &tokenizer,
                            uint32_t tokens) {
  if (!hasCount(check, where("byte_tokens"), tokenizer.byte_tokens(), 256, "bytes"))
    return false;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    int32_t token = tokenizer.byte_tokens()->Get(byte);
    bool mayLack = byte == 0xC0 || byte == 0xC1 || byte > 0xF0;
    Field element = where("byte_tokens", byte);
    if (!check.expect(token >= (mayLack ? -1 : 0) && token < static_cast<int64_t>(tokens), element,
                      "expected %d to %u, found %d", mayLack ? -1 : 0, tokens - 1, token))
      return false;
    auto character = static_cast<char>(byte);
    if (token >= 0 &&
        !check.expect(textOf(tokenizer, static_cast<uint32_t>(token)) ==
                          std::string_view(&character, 1),
                      element, "expected a token of that byte alone, found token %d", token))
      return false;
  }
  return true;
}

/// The merges of the token `left`: merges begin to end - 1.
static bool mergesOfToken(Checker &check, const Field &where, const fb::Tokenizer &tokenizer,
                          uint32_t left, uint32_t begin, uint32_t end) {
  uint32_t tokens = tokenizer.types()->size();
  for (uint32_t i = begin; i < end; ++i) {
    uint32_t right = tokenizer.merge_right()->Get(i), result = tokenizer.merge_result()->Get(i);
    uint32_t least = i == begin ? 0 : tokenizer.merge_right()->Get(i - 1) + 1;
    if (!check.inRange(where("merge_right", i), right, least, tokens - 1) ||
        !check.inRange(where("merge_result", i), result, 0, tokens - 1))
      return false;
    size_t bytes = textOf(tokenizer, left).size() + textOf(tokenizer, right).size();
    if (!check.expect(textOf(tokenizer, result).size() == bytes, where("merge_result", i),
                      "expected a token of %zu bytes, as tokens %u and %u have, found token %u",
                      bytes, left, right, result))
      return false;
  }
  return true;
}

static bool merges(Checker &check, const Field &where, const fb::Tokenizer &tokenizer) {
  uint32_t tokens = tokenizer.types()->size();
  if (!check.present(where("merge_right"), tokenizer.merge_right()))
    return false;
  uint32_t count = tokenizer.merge_right()->size();
  if (!hasCount(check, where("merge_result"), tokenizer.merge_result(), count, "merges") ||
      !hasCount(check, where("merge_rank"), tokenizer.merge_rank(), count, "merges") ||
      !check.present(where("merge_starts"), tokenizer.merge_starts()) ||
      !check.expect(tokenizer.merge_starts()->size() == tokens + 1, where("merge_starts"),
                    "expected one more than %u tokens, found %u", tokens,
                    tokenizer.merge_starts()->size()))
    return false;
  const auto &starts = *tokenizer.merge_starts();
  if (!check.inRange(where("merge_starts", 0), starts.Get(0), 0, 0) ||
      !check.inRange(where("merge_starts", tokens), starts.Get(tokens), count, count))
    return false;
  for (uint32_t left = 0; left < tokens; ++left)
    if (!check.inRange(where("merge_starts", left + 1), starts.Get(left + 1), starts.Get(left),
                       count) ||
        !mergesOfToken(check, where, tokenizer, left, starts.Get(left), starts.Get(left + 1)))
      return false;
  return true;
}

/// What only one of the kinds has.
static bool algorithm(Checker &check, const Field &where, const fb::Tokenizer &tokenizer,
                      uint32_t tokens) {
  if (tokenizer.kind() == fb::TokenizerKind::SentencePiece)
    return hasCount(check, where("scores"), tokenizer.scores(), tokens, "tokens");
  return check.text(where("pre_tokenizer"), tokenizer.pre_tokenizer()) &&
         bytesHaveTokens(check, where, tokenizer, tokens) && merges(check, where, tokenizer);
}

static bool strips(Checker &check, const Field &where, const fb::Tokenizer &tokenizer,
                   uint32_t tokens) {
  if (!tokenizer.strips() || tokenizer.strips()->size() == 0)
    return true;
  if (!hasCount(check, where("strips"), tokenizer.strips(), tokens, "tokens"))
    return false;
  for (uint32_t i = 0; i < tokens; ++i)
    if (!check.inRange(where("strips", i), tokenizer.strips()->Get(i), 0, 3))
      return false;
  return true;
}

bool tokenizer(Checker &check, const Field &where, const fb::Tokenizer &tokenizer) {
  if (!(check.enumeration(where("kind"), tokenizer.kind(), fb::TokenizerKind::MAX) &&
        check.present(where("token_text"), tokenizer.token_text()) &&
        check.present(where("token_offsets"), tokenizer.token_offsets()) &&
        check.expect(tokenizer.token_offsets()->size() >= 2 &&
                         tokenizer.token_offsets()->size() <= format::maxVocabulary + 1,
                     where("token_offsets"), "expected 2 to %" PRIu64 " offsets, found %u",
                     format::maxVocabulary + 1, tokenizer.token_offsets()->size())))
    return false;
  uint32_t tokens = tokenizer.token_offsets()->size() - 1;
  return hasCount(check, where("types"), tokenizer.types(), tokens, "tokens") &&
         tokenTexts(check, where, tokenizer) && algorithm(check, where, tokenizer, tokens) &&
         strips(check, where, tokenizer, tokens) &&
         specialToken(check, where("bos"), tokenizer.bos(), tokens) &&
         specialToken(check, where("eos"), tokenizer.eos(), tokens) &&
         specialToken(check, where("unk"), tokenizer.unk(), tokens) &&
         specialToken(check, where("pad"), tokenizer.pad(), tokens);
}

} // namespace tawny::verify
