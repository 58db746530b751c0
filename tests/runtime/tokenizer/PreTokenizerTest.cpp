// Where each pre-tokenizer cuts texts.
#include "runtime/tokenizer/PreTokenizer.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

using Pieces = std::vector<std::string>;

struct Case {
  const char *preTokenizer;
  std::string text;
  Pieces pieces;
};

void PrintTo(const Case &value, std::ostream *out) { *out << value.preTokenizer; }

Pieces split(std::string_view name, std::string_view text) {
  const PreTokenizer *preTokenizer = PreTokenizer::find(name);
  EXPECT_NE(preTokenizer, nullptr) << name;
  Pieces pieces;
  size_t begin = 0;
  for (uint32_t end : preTokenizer->split(text)) {
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  EXPECT_EQ(begin, text.size());
  return pieces;
}

const Case cases[] = {
    // Words with a space before them, contractions in lower case, runs of one kind.
    {"gpt-2",
     "We've got 12 apples,they'll rot",
     {"We", "'ve", " got", " 12", " apples", ",", "they", "'ll", " rot"}},
    {"gpt-2", "IT'S 'tis", {"IT", "'", "S", " '", "tis"}},
    {"gpt-2", "a  b", {"a", " ", " b"}},
    {"gpt-2", "a \n\tb", {"a", " \n", "\t", "b"}},
    {"gpt-2", "end  \n", {"end", "  \n"}},
    {"gpt-2", "x2\u00b2\u2167", {"x", "2\u00b2\u2167"}},
    {"gpt-2", "\u4f60\u597d\uff0c\u4e16\u754c", {"\u4f60\u597d", "\uff0c", "\u4e16\u754c"}},
    {"gpt-2", "e\u0301", {"e", "\u0301"}},
    {"gpt-2", "ok \U0001F99C!", {"ok", " \U0001F99C!"}},
    {"gpt-2", "a\u00a0\u00a0b", {"a", "\u00a0", "\u00a0", "b"}},
    {"gpt-2", "a\xff\xc3 b", {"a", "\xff\xc3", " b"}},
    {"gpt-2", "'", {"'"}},
    // Contractions in any case, one character that is no letter with a word, numbers of three.
    {"llama-bpe", "IT'S she'Ll we'\u017f", {"IT", "'S", " she", "'Ll", " we", "'\u017f"}},
    {"llama-bpe", "12345 (six)", {"123", "45", " (", "six", ")"}},
    {"llama-bpe", "\tfoo(bar);\n\n  x", {"\tfoo", "(bar", ");\n\n", " ", " x"}},
    {"llama-bpe", "a  \r\n \n  b", {"a", "  \r\n \n", " ", " b"}},
    {"llama-bpe", "a   ", {"a", "   "}},
    {"llama-bpe", "!!\u4f60", {"!!", "\u4f60"}},
    {"llama-bpe", "\u2026\u4f60\u597d\U0001F600", {"\u2026\u4f60\u597d", "\U0001F600"}},
    {"llama-bpe", "\xffword", {"\xffword"}},
    // The same, but every number stands alone.
    {"qwen2", "I'M 2025", {"I", "'M", " ", "2", "0", "2", "5"}},
    {"qwen2", "x\u0661\u0662", {"x", "\u0661", "\u0662"}},
    {"qwen2", "'They", {"'T", "hey"}},
    // Line ends, words, signs, blanks at the end, scripts without case, numbers: in this order.
    // What is published as signs has all letters of ASCII among them.
    {"deepseek-llm", "a\n\nb", {"a", "\n", "\n", "b"}},
    {"deepseek-llm", "Gr\u00fc\u00dfe, Welt", {"Gr", "\u00fc\u00df", "e", ",", " Welt"}},
    {"deepseek-llm", "x  y  ", {"x", " ", " y", "  "}},
    {"deepseek-llm", "\u6211\u60f3\uff0c3kg", {"\u6211\u60f3", "\uff0c", "3", "kg"}},
    {"deepseek-llm", "\u3000\u3000a", {"\u3000", "\u3000", "a"}},
    {"deepseek-llm", "a\u3000", {"a", "\u3000"}},
    {"deepseek-llm", "20", {"2", "0"}},
    {"deepseek-llm", "\ud55c\uae00 \u05d0\u05d1", {"\ud55c\uae00", " \u05d0\u05d1"}},
    {"deepseek-llm", "\u0e01\U0001F600", {"\u0e01", "\U0001F600"}},
    {"deepseek-coder", "if (x1 != 22)\n", {"if", " (", "x", "1", " !", "= ", "2", "2", ")", "\n"}},
    {"deepseek-coder", "a\t\tb", {"a", "\t", "\tb"}},
    {"deepseek-coder", "\u4f60\u597d\u3002", {"\u4f60\u597d", "\u3002"}},
    // Signs apart from their space, then GPT-2's, then three digits of ASCII.
    {"falcon", "a (b)", {"a", " ", "(", "b", ")"}},
    {"falcon", "1234567", {"123", "456", "7"}},
    {"falcon", "x=`y`", {"x", "=`", "y", "`"}},
    {"falcon", "don't \u0661\u0662\u0663\u0664", {"don", "'", "t", " \u0661\u0662\u0663\u0664"}},
    {"default", "x=`y`", {"x", "=", "`", "y", "`"}},
    {"default", "a 12345", {"a", " ", "123", "45"}},
    // Every number alone, then GPT-2's.
    {"starcoder", "v10 a-1", {"v", "1", "0", " a", "-", "1"}},
    {"starcoder", "  x 9", {" ", " x", " ", "9"}},
    {"refact", "\u00bd\u4e09'd", {"\u00bd", "\u4e09", "'d"}},
};

class PreTokenizerCuts : public testing::TestWithParam<Case> {};

TEST_P(PreTokenizerCuts, AsPublished) {
  EXPECT_EQ(split(GetParam().preTokenizer, GetParam().text), GetParam().pieces) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(PreTokenizer, PreTokenizerCuts, testing::ValuesIn(cases));

TEST(PreTokenizer, IsFoundByItsName) {
  EXPECT_EQ(PreTokenizer::find("gpt2"), nullptr);
  EXPECT_EQ(PreTokenizer::find(""), nullptr);
  EXPECT_EQ(PreTokenizer::names(), "default, gpt-2, llama-bpe, qwen2, deepseek-llm, "
                                   "deepseek-coder, falcon, starcoder, refact");
  EXPECT_TRUE(split("gpt-2", "").empty());
}

/// A quadratic search would need hours for these.
TEST(PreTokenizer, IsLinearInAnyText) {
  const std::string blanks(1 << 17, ' '), lines(1 << 17, '\n'), quotes(1 << 17, '\'');
  for (const char *name : {"default", "gpt-2", "llama-bpe", "qwen2", "deepseek-llm",
                           "deepseek-coder", "falcon", "starcoder"})
    for (const std::string &run : {blanks, lines, quotes})
      EXPECT_FALSE(split(name, run + "x" + run + "\t.").empty()) << name;
}

} // namespace
