// What a vocabulary must be like, and the indexes over it.
#include "tests/runtime/tokenizer/TestVocabulary.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace tawny;
using namespace tawny::testing_support;

namespace {

std::string createError(const VocabularyView &view) {
  auto tokenizer = makeTokenizer(view);
  return tokenizer ? "no error" : tokenizer.error().message;
}

TEST(Vocabulary, IsCheckedBeforeUse) {
  OwnedVocabulary good;
  good.add("a");
  good.add("b");
  EXPECT_EQ(createError(good.view()), "no error");
  EXPECT_EQ(createError({}), "a vocabulary of 0 tokens cannot be used");

  VocabularyView view = good.view();
  view.scores = view.scores.first(1);
  EXPECT_EQ(createError(view), "the vocabulary has 2 token types, 1 scores and 3 text offsets; as "
                               "many scores as types and one offset more were expected");
  view = good.view();
  view.texts = "abc";
  EXPECT_EQ(createError(view),
            "the vocabulary's text offsets span 0..2, but its texts take 3 bytes");
  OwnedVocabulary bad = good;
  bad.offsets[1] = 9;
  EXPECT_EQ(createError(bad.view()), "the text of token 1 ends at offset 2, before it begins at 9");
  bad = good;
  bad.types[1] = 7;
  EXPECT_EQ(createError(bad.view()), "token 1 has type 7; 1 to 6 are known");
  bad = good;
  bad.scores[0] = std::nanf("");
  EXPECT_EQ(createError(bad.view()), "the score of token 0 is not a number");
  bad = good;
  bad.eosId = 2;
  EXPECT_EQ(createError(bad.view()),
            "the vocabulary's EOS id is 2, but its 2 tokens have ids from 0");
  bad = good;
  bad.padId = -2;
  EXPECT_EQ(createError(bad.view()),
            "the vocabulary's padding id is -2, but its 2 tokens have ids from 0");
}

TEST(Vocabulary, HasAllByteTokensOrNone) {
  OwnedVocabulary one;
  one.add("<0x41>", 0, TokenType::Byte);
  EXPECT_EQ(createError(one.view()),
            "the vocabulary has tokens for 1 of the 256 bytes; all or none are needed");
  one.add("<0x41>", 0, TokenType::Byte);
  EXPECT_EQ(createError(one.view()), "the vocabulary has two tokens for the byte 0x41: 0 and 1");
  OwnedVocabulary wrong;
  wrong.add("<0x4G>", 0, TokenType::Byte);
  EXPECT_EQ(createError(wrong.view()), "the byte token 0 has the text '<0x4G>'; \"<0x00>\" to "
                                       "\"<0xFF>\" were expected");
}

TEST(TokenIndex, FindsTheFirstOfEqualTexts) {
  OwnedVocabulary vocabulary;
  for (int i = 0; i < 1000; ++i)
    vocabulary.add("t" + std::to_string(i % 500));
  vocabulary.add("");
  TokenIndex index(vocabulary.view(), vocabulary.types.size());
  for (int32_t id = 0; id < 1001; ++id)
    index.insert(id);
  for (int32_t i = 0; i < 500; ++i)
    EXPECT_EQ(index.find("t" + std::to_string(i)), i);
  EXPECT_EQ(index.find(""), 1000);
  EXPECT_EQ(index.find("t500"), -1);
  EXPECT_EQ(index.find("t1000"), -1);
}

TEST(TokenMatcher, PrefersTheLongest) {
  OwnedVocabulary vocabulary;
  for (const char *text : {"ab", "a", "abcd", "b", "a b", "", "ab", "\xFFz"})
    vocabulary.add(text, 0, TokenType::UserDefined);
  vocabulary.add("abc");
  TokenMatcher matcher(vocabulary.view(), [&](int32_t id) { return id != 8; }, "_");
  auto match = [&](std::string_view text) {
    auto found = matcher.matchPrefix(text);
    return std::pair(found.id, found.length);
  };
  EXPECT_EQ(match("abcx"), std::pair(0, size_t(2)));
  EXPECT_EQ(match("abcd"), std::pair(2, size_t(4)));
  EXPECT_EQ(match("a"), std::pair(1, size_t(1)));
  EXPECT_EQ(match("a_b"), std::pair(4, size_t(3)));
  EXPECT_EQ(match("a b"), std::pair(1, size_t(1)));
  EXPECT_EQ(match("\xFFz"), std::pair(7, size_t(2)));
  EXPECT_EQ(match("c"), std::pair(-1, size_t(0)));
  EXPECT_EQ(match(""), std::pair(-1, size_t(0)));
}

} // namespace
