#include "runtime/support/Utf8.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

std::pair<Utf8Kind, int> unitOf(std::string_view text) {
  Utf8Unit unit = firstUtf8Unit(text);
  return {unit.kind, unit.length};
}

TEST(Utf8, FindsCharacters) {
  EXPECT_EQ(unitOf("ab"), std::pair(Utf8Kind::Character, 1));
  EXPECT_EQ(unitOf(std::string_view("\0x", 2)), std::pair(Utf8Kind::Character, 1));
  EXPECT_EQ(unitOf("\u00e9x"), std::pair(Utf8Kind::Character, 2));
  EXPECT_EQ(unitOf("\u2581"), std::pair(Utf8Kind::Character, 3));
  EXPECT_EQ(unitOf("\U0001F98A"), std::pair(Utf8Kind::Character, 4));
}

// The second bytes' ranges that exclude overlong forms, surrogates and what exceeds U+10FFFF.
TEST(Utf8, RefusesWhatOnlyLooksLikeCharacters) {
  for (const char *text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                           "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"})
    EXPECT_EQ(unitOf(text), std::pair(Utf8Kind::IllFormed, 1)) << std::string(text);
}

TEST(Utf8, FindsMaximalSubparts) {
  EXPECT_EQ(unitOf("\xE2\x96x"), std::pair(Utf8Kind::IllFormed, 2));
  EXPECT_EQ(unitOf("\xF0\x9F\xA6x"), std::pair(Utf8Kind::IllFormed, 3));
  EXPECT_EQ(unitOf("\xE2\x96"), std::pair(Utf8Kind::Incomplete, 2));
  EXPECT_EQ(unitOf("\xF0"), std::pair(Utf8Kind::Incomplete, 1));
}

TEST(Utf8, EncodesEveryScalarValueSoThatItIsOneCharacter) {
  for (uint32_t codePoint = 0; codePoint <= 0x10FFFF; ++codePoint) {
    if (codePoint >= 0xD800 && codePoint < 0xE000)
      continue;
    std::string text;
    appendUtf8(codePoint, text);
    ASSERT_EQ(unitOf(text), std::pair(Utf8Kind::Character, static_cast<int>(text.size())))
        << codePoint;
  }
}

TEST(Utf8, ChecksWholeTexts) {
  EXPECT_TRUE(isUtf8(""));
  EXPECT_TRUE(isUtf8("a\u00e9\u2581\U0001F98A"));
  EXPECT_FALSE(isUtf8("a\xE2\x96"));
}

} // namespace
