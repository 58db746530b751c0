// Any bytes must survive encoding and decoding with a small vocabulary that has every kind of
// token. The first byte of the input chooses the options.
#include "runtime/support/Utf8.h"
#include "tests/runtime/tokenizer/TestVocabulary.h"

#include <cstdlib>

using namespace tawny;
using namespace tawny::testing_support;

static void require(bool condition) {
  if (!condition)
    std::abort();
}

static void replaceAll(std::string &text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

static void checkText(const Tokenizer &tokenizer, std::string_view text, bool parseSpecial) {
  auto ids = tokenizer.encode(text, {.parseSpecial = parseSpecial});
  require(static_cast<bool>(ids));
  DecodeOptions options = {.renderSpecial = parseSpecial};
  auto decoded = tokenizer.decode(*ids, options);
  std::string expected(text);
  // SentencePiece's mark for a space is the same as a space.
  replaceAll(expected, "\u2581", " ");
  require(decoded && *decoded == expected);

  StreamingDecoder decoder(tokenizer, options);
  std::string streamed;
  for (int32_t id : *ids) {
    auto shown = decoder.push(id);
    require(shown && isUtf8(*shown));
    streamed += *shown;
  }
  streamed += decoder.finish();
  require(isUtf8(expected) ? streamed == expected : isUtf8(streamed));
}

/// Ids that no encoding gave: any that is in the vocabulary can be decoded.
static void checkIds(const Tokenizer &tokenizer, std::string_view bytes, bool renderSpecial) {
  std::vector<int32_t> ids;
  auto count = static_cast<int32_t>(tokenizer.vocabulary().size());
  for (size_t i = 0; i + 1 < bytes.size(); i += 2)
    ids.push_back((static_cast<uint8_t>(bytes[i]) << 8 | static_cast<uint8_t>(bytes[i + 1])) %
                  count);
  auto text = tokenizer.decode(ids, {.renderSpecial = renderSpecial});
  require(text && text->size() <= ids.size() * tokenizer.maxTokenBytes());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const OwnedVocabulary withPrefix = makeSmallVocabulary();
  static const OwnedVocabulary withoutPrefix = [] {
    OwnedVocabulary vocabulary = makeSmallVocabulary();
    vocabulary.addSpacePrefix = false;
    return vocabulary;
  }();
  static const std::unique_ptr<Tokenizer> tokenizers[] = {withPrefix.make(), withoutPrefix.make()};
  if (size == 0)
    return 0;
  const Tokenizer &tokenizer = *tokenizers[data[0] & 1];
  bool special = data[0] & 2;
  std::string_view rest(reinterpret_cast<const char *>(data) + 1, size - 1);
  checkText(tokenizer, rest, special);
  checkIds(tokenizer, rest, special);
  return 0;
}
