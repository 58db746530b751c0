#include "runtime/tokenizer/Normalizer.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

std::string nfc(std::string_view text) {
  ErrorOr<std::string> composed = toNfc(text);
  EXPECT_TRUE(composed) << composed.error().message;
  return composed ? *composed : "";
}

TEST(Normalizer, Composes) {
  EXPECT_EQ(nfc("cafe\u0301"), "caf\u00e9");
  EXPECT_EQ(nfc("a\u0316\u0301"), "\u00e1\u0316");
  EXPECT_EQ(nfc("\u1112\u1161\u11ab"), "\ud55c");
  EXPECT_EQ(nfc("\u212b"), "\u00c5");
}

TEST(Normalizer, LeavesTheRestAsItIs) {
  for (std::string_view text :
       {"", "plain\n\t", "caf\u00e9", "\u4f60\u597d", "\U0001F600", "\ufb01"})
    EXPECT_EQ(nfc(text), text);
  EXPECT_EQ(nfc(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Normalizer, KeepsBytesThatAreNotUtf8) {
  EXPECT_EQ(nfc("\xff"
                "e\u0301\xc3"),
            "\xff\u00e9\xc3");
  EXPECT_EQ(nfc("e\xff\u0301"), "e\xff\u0301");
  EXPECT_EQ(nfc("\xed\xa0\x80"), "\xed\xa0\x80");
}

/// Sorting all marks of one base would need hours for this.
TEST(Normalizer, IsLinearInTheNumberOfMarks) {
  std::string text = "e";
  for (int i = 0; i < 1 << 19; ++i)
    text += "\u0301\u0316";
  std::string composed = nfc(text);
  EXPECT_TRUE(composed.starts_with("\u00e9\u0316"));
  EXPECT_EQ(composed.size(), text.size() - 1);
}

} // namespace
