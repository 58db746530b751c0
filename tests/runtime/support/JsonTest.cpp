#include "runtime/support/Json.h"
#include "runtime/support/JsonScanner.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

std::string stringError(std::string_view text, size_t maxBytes = 100) {
  auto value = JsonScanner(text, "t").readString("a name", maxBytes);
  return value ? "no error" : value.error().message;
}

std::string readString(std::string_view text) {
  return *JsonScanner(text, "t").readString("a name", 100);
}

TEST(JsonScanner, ReadsStrings) {
  EXPECT_EQ(readString("\"\""), "");
  EXPECT_EQ(readString(" \"a\u00e9\U0001F98A\" "), "a\u00e9\U0001F98A");
  EXPECT_EQ(readString(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(readString(R"("\u00e9\u2581\ud83e\udd8a\u0000x")"),
            std::string("\u00e9\u2581\U0001F98A\0x", 11));
}

TEST(JsonScanner, RefusesBadStrings) {
  EXPECT_EQ(stringError("name"), "t: expected a name, a string, at offset 0, found 'n'");
  EXPECT_EQ(stringError("\"abc"),
            "t: expected '\"' at the end of a name at offset 4, found the end of the text");
  EXPECT_EQ(stringError("\"a\nb\""), "t: expected an escape instead of a control character in a "
                                     "name at offset 2, found byte 0x0A");
  EXPECT_EQ(stringError("\"\xE2\x96\""),
            "t: expected well-formed UTF-8 in a name at offset 1, found byte 0xE2");
  EXPECT_EQ(stringError(R"("\x")"),
            "t: expected one of \"\\/bfnrtu after a backslash at offset 2, found 'x'");
  EXPECT_EQ(stringError(R"("\u12g4")"),
            "t: expected four hexadecimal digits after \\u at offset 5, found 'g'");
  std::string half = "t: the escape at offset 2 is half of a surrogate pair";
  EXPECT_EQ(stringError(R"("\ud83e")"), half);
  EXPECT_EQ(stringError(R"("\udd8a")"), half);
  EXPECT_EQ(stringError(R"("\ud83e\u0041")"), half);
  EXPECT_EQ(stringError("\"abcd\"", 3), "t: a name at offset 1 is longer than 3 bytes");
  EXPECT_NE(stringError("\"\\"), "no error");
  EXPECT_NE(stringError("\"\\u"), "no error");
}

TEST(Json, KeepsKeysInOrder) {
  EXPECT_EQ(dumpJson({{"b", {1, 2.5}}, {"a", nullptr}}), R"({"b":[1,2.5],"a":null})");
}

TEST(Json, WritesAnyBytes) {
  EXPECT_EQ(dumpJson(Json("a\xFF"
                          "b\u00e9")),
            "\"a\uFFFDb\u00e9\"");
}

} // namespace
