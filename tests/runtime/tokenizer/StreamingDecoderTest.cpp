#include "tests/runtime/tokenizer/TestVocabulary.h"

#include <gtest/gtest.h>

using namespace tawny;
using namespace tawny::testing_support;

namespace {

using Ids = std::vector<int32_t>;
using Texts = std::vector<std::string>;

class StreamingDecoderTest : public testing::Test {
protected:
  /// What each id brings, then what is left.
  Texts stream(const Ids &ids, const DecodeOptions &options = {}) const {
    StreamingDecoder decoder(*tokenizer, options);
    Texts texts;
    for (int32_t id : ids)
      texts.emplace_back(*decoder.push(id));
    texts.emplace_back(decoder.finish());
    return texts;
  }

  /// The token of a byte of the small vocabulary.
  static int32_t byte(int value) { return 3 + value; }

  OwnedVocabulary vocabulary = makeSmallVocabulary();
  std::unique_ptr<Tokenizer> tokenizer = vocabulary.make();
};

TEST_F(StreamingDecoderTest, DropsTheSpaceInFrontOnce) {
  EXPECT_EQ(stream(*tokenizer->encode("the the")), Texts({"the", " the", ""}));
  EXPECT_EQ(stream(*tokenizer->encode(" the")), Texts({"", " the", ""}));
  EXPECT_EQ(stream(*tokenizer->encode("the", {.addBos = true})), Texts({"", "the", ""}));
  EXPECT_EQ(stream(*tokenizer->encode("the"), {.continuation = true}), Texts({" the", ""}));
}

TEST_F(StreamingDecoderTest, HoldsBackIncompleteCharacters) {
  EXPECT_EQ(stream({byte(0xE4), byte(0xBD), byte(0xA0)}), Texts({"", "", "\u4f60", ""}));
  EXPECT_EQ(stream({byte('a'), byte(0xC3), byte(0xA9), byte('b')}),
            Texts({"a", "", "\u00e9", "b", ""}));
}

TEST_F(StreamingDecoderTest, ReplacesWhatIsIllFormed) {
  EXPECT_EQ(stream({byte(0xFF)}), Texts({"\uFFFD", ""}));
  // An incomplete character ends where something else begins.
  EXPECT_EQ(stream({byte(0xF0), byte(0x9F), byte('a')}), Texts({"", "", "\uFFFDa", ""}));
  EXPECT_EQ(stream({byte(0xE4), byte(0xE4), byte(0xBD)}), Texts({"", "\uFFFD", "", "\uFFFD"}));
  EXPECT_EQ(stream({byte(0xED), byte(0xA0)}), Texts({"", "\uFFFD\uFFFD", ""}));
}

TEST_F(StreamingDecoderTest, ContinuesAPrompt) {
  StreamingDecoder decoder(*tokenizer);
  ASSERT_TRUE(decoder.skip(*tokenizer->encode("a", {.addBos = true})));
  Ids the = *tokenizer->encode("the");
  EXPECT_EQ(*decoder.push(the[0]), " the");
  // Even where the prompt ends within a character.
  ASSERT_TRUE(decoder.skip(Ids({byte(0xC3)})));
  EXPECT_EQ(*decoder.push(byte(0xA9)), "\u00e9");
}

TEST_F(StreamingDecoderTest, RefusesUnknownIdsAndGoesOn) {
  StreamingDecoder decoder(*tokenizer);
  EXPECT_EQ(*decoder.push(byte(0xC3)), "");
  EXPECT_FALSE(decoder.push(-1));
  EXPECT_FALSE(decoder.push(1 << 20));
  EXPECT_EQ(*decoder.push(byte(0xA9)), "\u00e9");
  EXPECT_EQ(decoder.finish(), "");
}

} // namespace
