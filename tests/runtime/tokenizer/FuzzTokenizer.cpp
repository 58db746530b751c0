// Any bytes must survive encoding and decoding with small vocabularies that have every kind of
// token. The first byte of the input chooses the tokenizer and whether special tokens are
// recognised.
#include "runtime/support/Utf8.h"
#include "runtime/tokenizer/PreTokenizer.h"
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

/// Streamed text is whole characters, and all of `expected` where that is UTF-8.
static void checkStreaming(const Tokenizer &tokenizer, const std::vector<int32_t> &ids,
                           const DecodeOptions &options, std::string_view expected) {
  StreamingDecoder decoder(tokenizer, options);
  std::string streamed;
  for (int32_t id : ids) {
    auto shown = decoder.push(id);
    require(shown && isUtf8(*shown));
    streamed += *shown;
  }
  streamed += decoder.finish();
  require(isUtf8(expected) ? streamed == expected : isUtf8(streamed));
}

static void checkText(const Tokenizer &tokenizer, std::string_view text, bool parseSpecial) {
  auto ids = tokenizer.encode(text, {.parseSpecial = parseSpecial});
  require(static_cast<bool>(ids));
  DecodeOptions options = {.renderSpecial = parseSpecial};
  auto decoded = tokenizer.decode(*ids, options);
  require(static_cast<bool>(decoded));
  const std::optional<MergeView> &merges = tokenizer.vocabulary().merges;
  std::string expected(text);
  if (!merges)
    // SentencePiece's mark for a space is the same as a space.
    replaceAll(expected, "\u2581", " ");
  else if (merges->nfc)
    // What is normal already stays.
    expected = *decoded;
  require(*decoded == expected);
  if (merges && merges->nfc) {
    auto again = tokenizer.encode(*decoded, {.parseSpecial = parseSpecial});
    require(again && *tokenizer.decode(*again, options) == *decoded);
  }
  checkStreaming(tokenizer, *ids, options, expected);
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

/// Every kind of token, and merges of letters, blanks, digits and parts of characters.
static OwnedVocabulary makeBytePair(std::string_view preTokenizer, bool nfc, bool wholeTokens) {
  OwnedVocabulary vocabulary = makeBytePairVocabulary(
      preTokenizer, {" +t", "h+e", " t+he", "a+a", "aa+aa", " + ", "  +  ", "\n+\n", "1+2", "12+3",
                     "'+s", "\xc3+\xa9", "\xe4+\xbd", "\xe4\xbd+\xa0", "\xff+\xfe"});
  vocabulary.add("<|user|>", 0, TokenType::Control);
  vocabulary.add("<|user|><|end|>", 0, TokenType::Control);
  vocabulary.add("<unk>", 0, TokenType::Unknown);
  vocabulary.add("then", 0, TokenType::UserDefined);
  vocabulary.add("then a", 0, TokenType::UserDefined);
  vocabulary.add("unused", 0, TokenType::Unused);
  vocabulary.merges->nfc = nfc;
  vocabulary.merges->wholeTokens = wholeTokens;
  vocabulary.merges->finish(vocabulary.types.size());
  return vocabulary;
}

/// Tokenizers with the vocabularies they view.
struct Made {
  explicit Made(OwnedVocabulary made) : vocabulary(std::move(made)), tokenizer(vocabulary.make()) {}
  OwnedVocabulary vocabulary;
  std::unique_ptr<Tokenizer> tokenizer;
};

/// SentencePiece twice, then byte-level BPE with each pre-tokenizer in turn.
static std::vector<std::unique_ptr<Made>> makeAll() {
  std::vector<std::unique_ptr<Made>> all;
  for (bool addSpacePrefix : {true, false}) {
    OwnedVocabulary vocabulary = makeSmallVocabulary();
    vocabulary.addSpacePrefix = addSpacePrefix;
    all.push_back(std::make_unique<Made>(std::move(vocabulary)));
  }
  std::string names = PreTokenizer::names() + ", ";
  for (size_t begin = 0, end; (end = names.find(", ", begin)) != std::string::npos;
       begin = end + 2) {
    std::string name = names.substr(begin, end - begin);
    all.push_back(std::make_unique<Made>(makeBytePair(name, name == "qwen2", name == "llama-bpe")));
  }
  return all;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<std::unique_ptr<Made>> all = makeAll();
  if (size == 0)
    return 0;
  const Tokenizer &tokenizer = *all[data[0] / 2 % all.size()]->tokenizer;
  bool special = data[0] & 1;
  std::string_view rest(reinterpret_cast<const char *>(data) + 1, size - 1);
  checkText(tokenizer, rest, special);
  checkIds(tokenizer, rest, special);
  return 0;
}
