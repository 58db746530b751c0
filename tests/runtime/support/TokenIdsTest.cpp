#include "runtime/support/TokenIds.h"

#include "tests/runtime/support/TestFolder.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace tawny;

namespace {

using Ids = std::vector<int32_t>;

std::string jsonError(std::string_view text, const TokenIdLimits &limits = {}) {
  auto ids = parseTokenJson(text, "ids.json", limits);
  return ids ? "no error" : ids.error().message;
}

std::string listError(std::string_view text, const TokenIdLimits &limits = {}) {
  auto ids = parseTokenList(text, "--tokens", limits);
  return ids ? "no error" : ids.error().message;
}

TEST(TokenIds, ReadsJson) {
  EXPECT_EQ(*parseTokenJson("[1, 2,3]\n", "ids.json"), Ids({1, 2, 3}));
  EXPECT_EQ(*parseTokenJson(" [ ] ", "ids.json"), Ids());
  EXPECT_EQ(*parseTokenJson("[0,2147483647]", "ids.json"), Ids({0, 2147483647}));
}

TEST(TokenIds, SaysWhatIsWrongWithJson) {
  EXPECT_EQ(jsonError(""), "ids.json: expected '[' at the start of a list of token ids at offset 0,"
                           " found the end of the text");
  EXPECT_EQ(jsonError("{\"tokens\":[1]}"),
            "ids.json: expected '[' at the start of a list of token ids at offset 0, found '{'");
  EXPECT_EQ(jsonError("[1 2]"),
            "ids.json: expected ']' or ',' after a token id at offset 3, found '2'");
  EXPECT_EQ(jsonError("[1,]"), "ids.json: expected a token id at offset 3, found ']'");
  EXPECT_EQ(jsonError("[[1]]"), "ids.json: expected a token id at offset 1, found '['");
  EXPECT_EQ(jsonError("[\"1\"]"), "ids.json: expected a token id at offset 1, found '\"'");
  EXPECT_EQ(jsonError("[1] x"), "ids.json: expected nothing more at offset 4, found 'x'");
  EXPECT_EQ(jsonError(std::string_view("[\0]", 3)),
            "ids.json: expected a token id at offset 1, found byte 0x00");
}

TEST(TokenIds, ChecksNumbers) {
  EXPECT_EQ(jsonError("[1.0]"), "ids.json: a token id at offset 1 must be an integer without "
                                "fraction or exponent");
  EXPECT_EQ(jsonError("[1e3]"), "ids.json: a token id at offset 1 must be an integer without "
                                "fraction or exponent");
  EXPECT_EQ(jsonError("[01]"),
            "ids.json: a token id at offset 1 has a leading zero, which JSON does not allow");
  EXPECT_EQ(jsonError("[-1]", {.vocabularySize = 10}),
            "ids.json: a token id at offset 1 is -1, which is not in 0..9");
  EXPECT_EQ(jsonError("[10]", {.vocabularySize = 10}),
            "ids.json: a token id at offset 1 is 10, which is not in 0..9");
  EXPECT_EQ(jsonError("[2147483648]"),
            "ids.json: a token id at offset 1 is 2147483648, which is not in 0..2147483647");
  EXPECT_EQ(jsonError("[-9223372036854775808]"),
            "ids.json: a token id at offset 1 is -9223372036854775808, which is not in "
            "0..2147483647");
  EXPECT_NE(jsonError("[99999999999999999999999999]"), "no error");
  EXPECT_NE(jsonError("[-]"), "no error");
}

TEST(TokenIds, LimitsTheirNumber) {
  EXPECT_EQ(jsonError("[1,2,3]", {.maxCount = 3}), "no error");
  EXPECT_EQ(jsonError("[1,2,3]", {.maxCount = 2}),
            "ids.json: more than 2 token ids; split the input");
  EXPECT_EQ(listError("1,2,3", {.maxCount = 2}),
            "--tokens: more than 2 token ids; split the input");
}

TEST(TokenIds, ReadsLists) {
  EXPECT_EQ(*parseTokenList("1,2,3", "--tokens"), Ids({1, 2, 3}));
  EXPECT_EQ(*parseTokenList(" 7 ", "--tokens"), Ids({7}));
  EXPECT_EQ(*parseTokenList("1 2\t3\n4 , 5\n", "--tokens"), Ids({1, 2, 3, 4, 5}));
  EXPECT_EQ(listError(""), "--tokens: expected a token id at offset 0, found the end of the text");
  EXPECT_EQ(listError("1,,2"), "--tokens: expected a token id at offset 2, found ','");
  EXPECT_EQ(listError("1,2,"),
            "--tokens: expected a token id at offset 4, found the end of the text");
  EXPECT_EQ(listError("1;2"), "--tokens: expected a token id at offset 1, found ';'");
}

class TokenIdFiles : public test::TestFolder {};

TEST_F(TokenIdFiles, AreToldFromLists) {
  EXPECT_EQ(*readTokenArgument("4,5"), Ids({4, 5}));
  std::string file = path("ids.json");
  std::ofstream(file) << "[6, 7]\n";
  EXPECT_EQ(*readTokenArgument(file), Ids({6, 7}));
  for (const char *list : {"6,7\n", "\n6 7", "6\n7\n"}) {
    std::ofstream(file) << list;
    EXPECT_EQ(*readTokenArgument(file), Ids({6, 7})) << list;
  }
  for (const char *other : {"", "\n", "six 7", ",6", "{6}"}) {
    std::ofstream(file) << other;
    auto refused = readTokenArgument(file);
    ASSERT_FALSE(refused) << other;
    EXPECT_TRUE(refused.error().message.starts_with(
        "'" + file + "': expected '[' at the start of a list of token ids at offset "))
        << refused.error().message;
  }
  std::ofstream(file) << "[6, 7]\n";
  auto limited = readTokenArgument(file, {.maxFileBytes = 3});
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.error().message,
            "'" + file + "' has more than the 3 bytes that are allowed here");
  std::remove(file.c_str());
  auto absent = readTokenArgument(file);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().message, "cannot open '" + file + "': No such file or directory");
}

} // namespace
