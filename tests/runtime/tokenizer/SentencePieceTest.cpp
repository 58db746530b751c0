#include "tests/runtime/tokenizer/TestVocabulary.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace tawny;
using namespace tawny::testing_support;

namespace {

using Ids = std::vector<int32_t>;

class SentencePiece : public testing::Test {
protected:
  /// The texts of the tokens of `text`, with '|' between them and '_' for U+2581.
  std::string pieces(std::string_view text, const EncodeOptions &options = {}) const {
    std::string joined;
    for (int32_t id : *tokenizer->encode(text, options)) {
      std::string piece(tokenizer->vocabulary().text(id));
      for (size_t at; (at = piece.find("\u2581")) != std::string::npos;)
        piece.replace(at, 3, "_");
      joined += (joined.empty() ? "" : "|") + piece;
    }
    return joined;
  }

  void expectRoundTrip(std::string_view text) const {
    EXPECT_EQ(*tokenizer->decode(*tokenizer->encode(text)), text);
    EncodeOptions parse = {.parseSpecial = true};
    EXPECT_EQ(*tokenizer->decode(*tokenizer->encode(text, parse), {.renderSpecial = true}), text);
  }

  OwnedVocabulary vocabulary = makeSmallVocabulary();
  std::unique_ptr<Tokenizer> tokenizer = vocabulary.make();
};

TEST_F(SentencePiece, MergesByScore) {
  // "_t" has the best score, so "_the" forms although "he" could have been first.
  EXPECT_EQ(pieces("the"), "_the");
  EXPECT_EQ(pieces("in the"), "_|in|_the");
  EXPECT_EQ(pieces("abc"), "_a|bc");
  EXPECT_EQ(pieces("babc"), "_|b|ab|c");
}

TEST_F(SentencePiece, MergesTheLeftmostOfEqualPairs) {
  EXPECT_EQ(pieces("baaa"), "_|b|aa|a");
  EXPECT_EQ(pieces("baaaaa"), "_|b|aaaa|a");
  EXPECT_EQ(pieces("beee"), "_|b|e|e|e");
}

TEST_F(SentencePiece, PutsASpaceInFront) {
  EXPECT_EQ(pieces(""), "");
  EXPECT_EQ(pieces(" "), "__");
  EXPECT_EQ(pieces(" the"), "_|_the");
  EXPECT_EQ(pieces("   "), "____");
  vocabulary.addSpacePrefix = false;
  tokenizer = vocabulary.make();
  EXPECT_EQ(pieces("the"), "t|he");
  EXPECT_EQ(pieces(" the"), "_the");
  EXPECT_EQ(*tokenizer->decode(*tokenizer->encode(" the")), " the");
}

TEST_F(SentencePiece, FallsBackToBytes) {
  EXPECT_EQ(pieces("x"), "_|<0x78>");
  EXPECT_EQ(pieces("\u4f60"), "_|<0xE4>|<0xBD>|<0xA0>");
  EXPECT_EQ(pieces("\u00e9\u00e9"), "_|\u00e9\u00e9");
  EXPECT_EQ(pieces("\xC3"), "_|<0xC3>");
  EXPECT_EQ(pieces(std::string_view("\0", 1)), "_|<0x00>");
}

TEST_F(SentencePiece, KeepsAnyBytes) {
  expectRoundTrip("");
  expectRoundTrip(" ");
  expectRoundTrip("  the  end ");
  expectRoundTrip(std::string_view("a\0b\xFF\xFE\xC3\x28\xF0\x9F", 9));
  expectRoundTrip("\xED\xA0\x80\xE2\x96\u00e9");
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all += static_cast<char>(byte);
  expectRoundTrip(all);
}

// As in SentencePiece, whose marker for a space cannot be told from the same character in a text.
TEST_F(SentencePiece, TakesItsMarkForASpace) {
  EXPECT_EQ(pieces("\u2581the"), pieces(" the"));
  EXPECT_EQ(*tokenizer->decode(*tokenizer->encode("a\u2581b")), "a b");
}

TEST_F(SentencePiece, NeverForgesSpecialTokens) {
  EXPECT_EQ(pieces("</s>"), "_|</|s>");
  EXPECT_EQ(pieces("<0x41>").find("<0x41>"), std::string::npos);
  EXPECT_EQ(*tokenizer->decode(*tokenizer->encode("</s>")), "</s>");
}

TEST_F(SentencePiece, ParsesSpecialTokensOnDemand) {
  EncodeOptions parse = {.parseSpecial = true};
  EXPECT_EQ(pieces("<s>the</s>", parse), "<s>|_the|</s>");
  EXPECT_EQ(pieces("a<|user|>the", parse), "_a|<|user|>|_the");
  EXPECT_EQ(pieces("<|user|><|end|>", parse), "<|user|><|end|>");
  EXPECT_EQ(pieces("<|user|><|en", parse), "<|user|>|_|<|<0x7C>|e|n");
  EXPECT_EQ(pieces("<unk>a", parse), "<unk>|_a");
  EncodeOptions bos = {.addBos = true};
  EXPECT_EQ(*tokenizer->encode("<s>the", parse), *tokenizer->encode("the", bos));
  expectRoundTrip("<s> the</s></s>  a<s>");
}

TEST_F(SentencePiece, AlwaysKnowsUserDefinedTokens) {
  EXPECT_EQ(pieces("then"), "_|then");
  EXPECT_EQ(pieces("thenthe"), "_|then|t|he");
  EXPECT_EQ(pieces("a then a"), "_a|_|then a");
  EXPECT_EQ(pieces("then  a"), "_|then|_|_a");
  expectRoundTrip("then then a a");
}

TEST_F(SentencePiece, SplitsUnusedTokens) {
  EXPECT_EQ(pieces("hi"), "_|h|i");
  // "hi" forms first because of its score, and so "in" cannot; being unused, it is split again.
  EXPECT_EQ(pieces("hin"), "_|h|i|n");
  expectRoundTrip("hihi");
}

TEST_F(SentencePiece, SplitsUnusedTokensWithinUnusedTokens) {
  OwnedVocabulary nested;
  nested.unkId = nested.add("<unk>", 0, TokenType::Unknown);
  int32_t a = nested.add("a"), b = nested.add("b"), c = nested.add("c");
  nested.add("ab", 3, TokenType::Unused);
  nested.add("abc", 2, TokenType::Unused);
  nested.add("xc", 1, TokenType::Unused);
  tokenizer = nested.make();
  EXPECT_EQ(*tokenizer->encode("abc"), Ids({a, b, c}));
  // Its left half has no token.
  EXPECT_EQ(*tokenizer->encode("xc"), Ids({nested.unkId, c}));
}

TEST_F(SentencePiece, AddsBosAndEos) {
  EXPECT_EQ(pieces("the", {.addBos = true, .addEos = true}), "<s>|_the|</s>");
  EXPECT_EQ(pieces("", {.addBos = true}), "<s>");
  vocabulary.bosId = vocabulary.eosId = -1;
  tokenizer = vocabulary.make();
  EXPECT_EQ(tokenizer->encode("a", {.addBos = true}).error().message,
            "BOS was asked for, but the vocabulary has no such token");
  EXPECT_EQ(tokenizer->encode("a", {.addEos = true}).error().message,
            "EOS was asked for, but the vocabulary has no such token");
}

TEST_F(SentencePiece, WithoutBytesGivesOneUnknownForARun) {
  OwnedVocabulary plain;
  plain.unkId = plain.add("<unk>", 0, TokenType::Unknown);
  int32_t a = plain.add("a"), space = plain.add("\u2581");
  tokenizer = plain.make();
  EXPECT_EQ(*tokenizer->encode("axya z"), Ids({a, 0, a, space, 0}));
  EXPECT_EQ(*tokenizer->decode(Ids({a, 0})), "a \u2047 ");
  EXPECT_EQ(*tokenizer->decode(Ids({a, 0}), {.renderSpecial = true}), "a<unk>");
  plain.unkId = -1;
  tokenizer = plain.make();
  EXPECT_EQ(tokenizer->encode("ax").error().message,
            "the vocabulary has no token for the byte 0x78 in the text, no byte tokens and no "
            "unknown token");
}

TEST_F(SentencePiece, WithoutAMarkKeepsSpaces) {
  OwnedVocabulary plain;
  plain.addBytes();
  plain.addSpacePrefix = true;
  int32_t a = plain.add("a");
  tokenizer = plain.make();
  EXPECT_EQ(*tokenizer->encode(" a"), Ids({' ', ' ', a}));
  for (const char *text : {"", " ", "a", "  a b", "\u2581", "\u2581 a"})
    EXPECT_EQ(*tokenizer->decode(*tokenizer->encode(text)), text);
}

TEST_F(SentencePiece, DecodesSpecialTokensOnDemand) {
  Ids ids = *tokenizer->encode("the a", {.addBos = true, .addEos = true});
  EXPECT_EQ(*tokenizer->decode(ids), "the a");
  EXPECT_EQ(*tokenizer->decode(ids, {.renderSpecial = true}), "<s>the a</s>");
  EXPECT_EQ(*tokenizer->decode(std::span(ids).subspan(1), {.continuation = true}), " the a");
}

TEST_F(SentencePiece, RefusesUnknownIds) {
  EXPECT_EQ(tokenizer->decode(Ids({300})).error().message,
            "token id 300 is not in the vocabulary, whose ids are 0 to 294");
  EXPECT_EQ(tokenizer->decode(Ids({-1})).error().message,
            "token id -1 is not in the vocabulary, whose ids are 0 to 294");
}

/// The definition, word for word: look for the best pair, merge it, start again.
std::vector<std::string> mergeSlowly(const OwnedVocabulary &vocabulary, std::string_view text) {
  std::vector<std::string> symbols;
  for (char c : text)
    symbols.emplace_back(1, c);
  VocabularyView view = vocabulary.view();
  while (true) {
    size_t best = symbols.size();
    float bestScore = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i)
      for (int32_t id = 0; id < static_cast<int32_t>(view.size()); ++id)
        if (view.text(id) == symbols[i] + symbols[i + 1] &&
            (best == symbols.size() || view.scores[static_cast<size_t>(id)] > bestScore)) {
          best = i;
          bestScore = view.scores[static_cast<size_t>(id)];
        }
    if (best == symbols.size())
      return symbols;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST_F(SentencePiece, AgreesWithItsDefinitionOnRandomVocabularies) {
  constexpr unsigned seed = 20240611;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  auto randomText = [&](size_t length) {
    std::string text;
    while (text.size() < length)
      text += static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    OwnedVocabulary small;
    for (const char *letter : {"a", "b", "c"})
      small.add(letter);
    // Few distinct scores, so that ties are common; distinct texts, so that there is one answer.
    std::set<std::string> texts;
    while (texts.size() < 12)
      if (std::string text = randomText(2 + random() % 4); texts.insert(text).second)
        small.add(text, static_cast<float>(random() % 5));
    tokenizer = small.make();
    std::string text = randomText(random() % 40);
    std::vector<std::string> actual;
    for (int32_t id : *tokenizer->encode(text))
      actual.emplace_back(small.view().text(id));
    EXPECT_EQ(actual, mergeSlowly(small, text)) << text;
  }
}

/// As Phi-3's <|user|> (a control token) and </s> (a user-defined one) do.
TEST_F(SentencePiece, StripsWhiteSpaceBehindTokensThatTakeIt) {
  OwnedVocabulary phi = makeSmallVocabulary();
  int32_t user = phi.add("<|u|>", 0, TokenType::Control);
  int32_t end = phi.add("<|e|>", 0, TokenType::UserDefined);
  phi.strips.assign(phi.types.size(), 0);
  phi.strips[user] = phi.strips[end] = StripRight;
  tokenizer = phi.make();
  std::vector<int32_t> the = *tokenizer->encode("the"), a = *tokenizer->encode("a");
  std::vector<int32_t> expected = {user, the[0], end, a[0]};
  ASSERT_EQ(the.size() + a.size(), 2u);
  EXPECT_EQ(*tokenizer->encode("<|u|>\n the<|e|> \n\u3000a", {.parseSpecial = true}), expected);
  EXPECT_EQ(*tokenizer->encode("the<|e|>\na"), std::vector<int32_t>({the[0], end, a[0]}));
  EXPECT_EQ(*tokenizer->decode(expected, {.renderSpecial = true}), "<|u|>the<|e|>a");
}

// The time must not grow with the square of the length; here that would be hours.
TEST_F(SentencePiece, HandlesALongTextOfOneCharacter) {
  constexpr size_t length = 1 << 20;
  for (char c : {'a', ' ', 'x', '\xFF'}) {
    std::string text(length, c);
    auto ids = tokenizer->encode(text);
    ASSERT_TRUE(ids);
    EXPECT_EQ(*tokenizer->decode(*ids), text);
  }
}

} // namespace
