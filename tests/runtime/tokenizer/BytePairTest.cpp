#include "runtime/tokenizer/PreTokenizer.h"
#include "tests/runtime/tokenizer/TestVocabulary.h"

#include <gtest/gtest.h>
#include <random>

using namespace tawny;
using namespace tawny::testing_support;

namespace {

using Ids = std::vector<int32_t>;
using Texts = std::vector<std::string>;

/// Encodes with a vocabulary, and shows tokens as their texts.
class BytePairTest : public testing::Test {
protected:
  void use(OwnedVocabulary made) {
    vocabulary = std::move(made);
    tokenizer = vocabulary.make();
    ASSERT_NE(tokenizer, nullptr);
  }

  Ids encode(std::string_view text, const EncodeOptions &options = {}) const {
    auto ids = tokenizer->encode(text, options);
    EXPECT_TRUE(ids) << ids.error().message;
    return ids ? *ids : Ids();
  }
  Texts tokens(std::string_view text, const EncodeOptions &options = {}) const {
    Texts texts;
    for (int32_t id : encode(text, options))
      texts.emplace_back(vocabulary.view().text(id));
    return texts;
  }
  std::string decode(const Ids &ids, const DecodeOptions &options = {}) const {
    auto text = tokenizer->decode(ids, options);
    EXPECT_TRUE(text) << text.error().message;
    return text ? *text : "";
  }

  OwnedVocabulary vocabulary;
  std::unique_ptr<Tokenizer> tokenizer;
};

TEST_F(BytePairTest, MergesTheLowestRankFirst) {
  use(makeBytePairVocabulary("gpt-2", {"b+c", "a+b", "ab+c", "c+d"}));
  EXPECT_EQ(tokens("abc"), Texts({"a", "bc"}));
  EXPECT_EQ(tokens("abcd"), Texts({"a", "bc", "d"}));
  EXPECT_EQ(tokens("abab"), Texts({"ab", "ab"}));
  EXPECT_EQ(tokens("cd"), Texts({"cd"}));
}

TEST_F(BytePairTest, MergesTheLeftmostOfEqualRanks) {
  use(makeBytePairVocabulary("gpt-2", {"a+a", "aa+aa", "aaaa+a"}));
  EXPECT_EQ(tokens("aaa"), Texts({"aa", "a"}));
  EXPECT_EQ(tokens("aaaaa"), Texts({"aaaaa"}));
  EXPECT_EQ(tokens("aaaaaaa"), Texts({"aaaa", "aa", "a"}));
}

TEST_F(BytePairTest, MergesOnlyWithinPieces) {
  use(makeBytePairVocabulary("gpt-2", {"a+ ", " +a", "a+1", "a+a"}));
  EXPECT_EQ(tokens("a a1"), Texts({"a", " a", "1"}));
}

TEST_F(BytePairTest, KeepsAPieceThatIsATokenWhereToldTo) {
  OwnedVocabulary made = makeBytePairVocabulary("llama-bpe", {"b+c", "a+b", "ab+c"});
  use(made);
  EXPECT_EQ(tokens("abc"), Texts({"a", "bc"}));
  made.merges->wholeTokens = true;
  use(made);
  EXPECT_EQ(tokens("abc"), Texts({"abc"}));
  EXPECT_EQ(tokens("abcb"), Texts({"a", "bc", "b"}));
}

TEST_F(BytePairTest, EncodesEveryByte) {
  use(makeBytePairVocabulary("qwen2", {"\xc3+\xa9", "\xff+\xfe"}));
  EXPECT_EQ(tokens("\u00e9"), Texts({"\u00e9"}));
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all += static_cast<char>(byte);
  EXPECT_EQ(decode(encode(all)), all);
  EXPECT_EQ(tokens("\xff\xfe"), Texts({"\xff\xfe"}));
}

TEST_F(BytePairTest, WritesBytesItLacksAsReplacementCharacters) {
  OwnedVocabulary made = makeBytePairVocabulary("gpt-2", {"\xef+\xbf", "\xef\xbf+\xbd"});
  made.merges->byteTokens[0xff] = -1;
  use(made);
  EXPECT_EQ(tokens("a\xff"), Texts({"a", "\uFFFD"}));
}

TEST_F(BytePairTest, RecognisesUserDefinedTokensAlwaysAndControlTokensOnRequest) {
  OwnedVocabulary made = makeBytePairVocabulary("gpt-2", {"a+b"});
  int32_t eot = made.add("<|end|>", 0, TokenType::Control);
  int32_t tool = made.add("<tool>", 0, TokenType::UserDefined);
  made.bosId = made.eosId = eot;
  made.merges->finish(made.types.size());
  use(made);
  EXPECT_EQ(encode("ab<tool>ab"), Ids({256, tool, 256}));
  EXPECT_EQ(encode("ab<|end|>").size(), 8u);
  EXPECT_EQ(encode("ab<|end|>", {.parseSpecial = true}), Ids({256, eot}));
  EXPECT_EQ(encode("a", {.addBos = true, .addEos = true}), Ids({eot, 'a', eot}));
  EXPECT_EQ(decode({eot, 256, tool, eot}), "ab<tool>");
  EXPECT_EQ(decode({eot, 256, tool}, {.renderSpecial = true}), "<|end|>ab<tool>");
}

TEST_F(BytePairTest, StripsWhiteSpaceAroundTokensThatTakeIt) {
  OwnedVocabulary made = makeBytePairVocabulary("gpt-2", {});
  int32_t left = made.add("<l>", 0, TokenType::UserDefined);
  int32_t right = made.add("<r>", 0, TokenType::UserDefined);
  made.strips.assign(made.types.size(), 0);
  made.strips[left] = StripLeft;
  made.strips[right] = StripRight;
  made.merges->finish(made.types.size());
  use(made);
  EXPECT_EQ(encode("a \n\u3000<l> b"), Ids({'a', left, ' ', 'b'}));
  EXPECT_EQ(encode("a <r> \n\u00a0b"), Ids({'a', ' ', right, 'b'}));
  EXPECT_EQ(encode(" <l>"), Ids({left}));
  EXPECT_EQ(encode("<r> \t"), Ids({right}));
}

TEST_F(BytePairTest, PutsASpaceInFrontWhereToldTo) {
  OwnedVocabulary made = makeBytePairVocabulary("gpt-2", {" +a"});
  made.addSpacePrefix = true;
  use(made);
  EXPECT_EQ(tokens("a"), Texts({" a"}));
  for (std::string_view text : {"a", " a", "  ", "a a"})
    EXPECT_EQ(decode(encode(text)), text);
  EXPECT_EQ(decode(encode("a"), {.continuation = true}), " a");
}

TEST_F(BytePairTest, ComposesTextWhereToldTo) {
  OwnedVocabulary made = makeBytePairVocabulary("qwen2", {});
  use(made);
  EXPECT_EQ(decode(encode("e\u0301")), "e\u0301");
  made.merges->nfc = true;
  use(made);
  EXPECT_EQ(decode(encode("e\u0301")), "\u00e9");
}

TEST_F(BytePairTest, NeedsAPreTokenizerThatIsKnown) {
  OwnedVocabulary made = makeBytePairVocabulary("gpt-5", {});
  auto tokenizer = makeTokenizer(made.view());
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().message,
            "pre_tokenizer: expected one of " + PreTokenizer::names() + ", found 'gpt-5'");
}

/// The algorithm as it is published: look for the best merge, make it, look again.
Ids mergeByScanning(const OwnedMerges &merges, std::string_view piece) {
  Ids ids;
  for (char byte : piece)
    ids.push_back(static_cast<unsigned char>(byte));
  while (true) {
    size_t best = ids.size();
    std::pair<uint32_t, uint32_t> bestMerge(0, UINT32_MAX);
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      auto found = merges.table.find({ids[i], ids[i + 1]});
      if (found != merges.table.end() && found->second.second < bestMerge.second) {
        best = i;
        bestMerge = found->second;
      }
    }
    if (best == ids.size())
      return ids;
    ids[best] = static_cast<int32_t>(bestMerge.first);
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST_F(BytePairTest, AgreesWithAScanForTheBestMerge) {
  use(makeBytePairVocabulary("gpt-2", {"c+a", "a+b", "b+c", "a+a", "ab+c", "bc+a", "c+c", "ab+ab",
                                       "ca+b", "aa+aa", "abc+ab", "cc+a", "b+b", "bb+ab"}));
  std::minstd_rand random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t length = 1 + random() % 24; length > 0; --length)
      text += static_cast<char>('a' + random() % 3);
    EXPECT_EQ(encode(text), mergeByScanning(*vocabulary.merges, text)) << text;
  }
}

/// A scan for the best merge after each merge would need hours for this.
TEST_F(BytePairTest, TakesNLogNInALongPiece) {
  use(makeBytePairVocabulary("gpt-2", {"a+a", "aa+aa", "b+a", "aaaa+aaaa"}));
  std::string text(1 << 20, 'a');
  Ids ids = encode(text);
  EXPECT_EQ(ids.size(), text.size() / 8);
  EXPECT_EQ(decode(ids), text);
}

TEST_F(BytePairTest, StreamsWholeCharacters) {
  use(makeBytePairVocabulary("gpt-2", {"\xf0+\x9f", "\x90+\xa6"}));
  StreamingDecoder decoder(*tokenizer);
  Texts shown;
  for (int32_t id : encode("\U0001F426\xff"))
    shown.emplace_back(*decoder.push(id));
  EXPECT_EQ(shown, Texts({"", "\U0001F426", "\uFFFD"}));
  EXPECT_EQ(decoder.finish(), "");
}

} // namespace
