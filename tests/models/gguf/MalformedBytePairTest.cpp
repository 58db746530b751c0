// Files whose byte-level BPE vocabulary cannot be used.
#include "models/gguf/Vocabulary.h"
#include "tests/models/gguf/Malformed.h"

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

constexpr llvm::StringRef tokens = "tokenizer.ggml.tokens";
constexpr llvm::StringRef kinds = "tokenizer.ggml.token_type";
constexpr llvm::StringRef merges = "tokenizer.ggml.merges";

/// The 256 bytes and two more tokens, with types and merges.
std::string with(const std::vector<std::string> &more, std::vector<int32_t> moreKinds,
                 const std::vector<std::string> &mergeTexts) {
  std::vector<std::string> texts = byteTexts();
  texts.insert(texts.end(), more.begin(), more.end());
  std::vector<int32_t> allKinds(256, 1);
  allKinds.insert(allKinds.end(), moreKinds.begin(), moreKinds.end());
  return tinyBytePair()
      .strings(tokens, texts)
      .ints(kinds, allKinds)
      .strings(merges, mergeTexts)
      .erase("tokenizer.ggml.eos_token_id")
      .build();
}

std::string withMerge(const std::string &merge) { return with({"ab"}, {1}, {"a b", merge}); }

const MalformedCase cases[] = {
    {"PreTokenizerUnknown",
     [] { return tinyBytePair().string("tokenizer.ggml.pre", "gpt-5").build(); },
     "key 'tokenizer.ggml.pre' (offset 142): expected one of default, gpt-2, llama-bpe, "
     "llama3, llama-v3, qwen2, deepseek-llm, deepseek-coder, falcon, starcoder, refact, as no "
     "other is supported yet, found string 'gpt-5'"},
    {"PreTokenizerNotString", [] { return tinyBytePair().u32("tokenizer.ggml.pre", 2).build(); },
     "key 'tokenizer.ggml.pre' (offset 142): expected a string, found u32 2"},
    {"NoMerges", [] { return tinyBytePair().erase(merges).build(); },
     "key 'tokenizer.ggml.merges' is missing, expected an array of strings, as the tokenizer "
     "is byte-level BPE; convert the model again with a converter that writes it"},
    {"MergesNotStrings", [] { return tinyBytePair().ints(merges, {1}).build(); },
     "key 'tokenizer.ggml.merges' (offset 3854): expected an array of strings, found array of "
     "1 i32"},
    {"MergeWithoutSpace", [] { return withMerge("ab"); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected two texts with one space "
     "between them, found 'ab'"},
    {"MergeOfNothing", [] { return withMerge(" b"); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected two texts with one space "
     "between them, found ' b'"},
    {"MergeOfThree", [] { return withMerge("a b c"); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected two texts with one space "
     "between them, found 'a b c'"},
    {"MergeEmpty", [] { return withMerge(""); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected two texts with one space "
     "between them, found ''"},
    {"MergeOfUnknownLeft", [] { return withMerge("xy a"); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected a merge of two tokens to a "
     "third, found 'xy a', where no normal token has the text 'xy'"},
    {"MergeOfUnknownRight", [] { return withMerge("a xy"); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected a merge of two tokens to a "
     "third, found 'a xy', where no normal token has the text 'xy'"},
    {"MergeToUnknown", [] { return withMerge("b a"); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected a merge of two tokens to a "
     "third, found 'b a', where no normal token has the text 'ba'"},
    {"MergeToControlToken", [] { return with({"ab"}, {3}, {"a b"}); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 0: expected a merge of two tokens to a "
     "third, found 'a b', where no normal token has the text 'ab'"},
    {"MergeTwice", [] { return withMerge("a b"); },
     "key 'tokenizer.ggml.merges' (offset 3786): merge 1: expected each pair of tokens once, "
     "found 'a b' again"},
    {"TypesShorter",
     [] { return tinyBytePair().ints(kinds, std::vector<int32_t>(256, 1)).build(); },
     "key 'tokenizer.ggml.token_type' (offset 2765): expected an array of 261 i32, one for "
     "each token, found array of 256 i32"},
    {"TokenOutsideTheAlphabet", [] { return with({"a b"}, {1}, {}); },
     "key 'tokenizer.ggml.tokens' (offset 188): expected characters that stand for bytes in "
     "token 256, 'a b', whose type, 1, says that it is made of them"},
    {"TokenNotUtf8", [] { return with({"a\xff"}, {1}, {}); },
     "key 'tokenizer.ggml.tokens' (offset 188): expected characters that stand for bytes in "
     "token 256, 'a\\xff', whose type, 1, says that it is made of them"},
    {"TokenEmpty", [] { return with({""}, {1}, {}); },
     "key 'tokenizer.ggml.tokens' (offset 188): expected characters that stand for bytes in "
     "token 256, '', whose type, 1, says that it is made of them"},
    {"TokenTwice", [] { return with({"ab", "ab"}, {1, 1}, {}); },
     "key 'tokenizer.ggml.tokens' (offset 188): expected one token of each text, found token "
     "257, 'ab', again; it is token 256 already"},
    {"ByteTwice", [] { return with({"a"}, {1}, {}); },
     "key 'tokenizer.ggml.tokens' (offset 188): expected one token of each text, found token "
     "256, 'a', again; it is token 97 already"},
    {"ByteToken", [] { return with({"<0x0A>"}, {6}, {}); },
     "key 'tokenizer.ggml.token_type' (offset 3753): expected no byte token beside 'gpt2', "
     "found token 256, '<0x0A>'"},
    {"ByteMissing",
     [] {
       std::vector<int32_t> values(261, 1);
       values['a'] = 3;
       return tinyBytePair().ints(kinds, values).build();
     },
     "key 'tokenizer.ggml.tokens' (offset 188): expected a token for each byte, found none "
     "for the byte 0x61"},
    {"AddEosWithoutEos",
     [] {
       return tinyBytePair()
           .flag("tokenizer.ggml.add_eos_token", 1)
           .erase("tokenizer.ggml.eos_token_id")
           .build();
     },
     "key 'tokenizer.ggml.eos_token_id' is missing, expected a token's id, as "
     "'tokenizer.ggml.add_eos_token' is true; convert the model again with a converter that "
     "writes it"},
};

class MalformedBytePair : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedBytePair, IsRefused) {
  auto read = [](const File &file) { return readVocabulary(file).takeError(); };
  EXPECT_EQ(errorOf(GetParam().build(), read), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(GGUF, MalformedBytePair, testing::ValuesIn(cases), caseName);

} // namespace
