// Files whose tokenizer cannot be used.
#include "models/gguf/Vocabulary.h"
#include "tests/models/gguf/Malformed.h"
#include <cmath>
#include <limits>

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

constexpr llvm::StringRef model = "tokenizer.ggml.model";
constexpr llvm::StringRef tokens = "tokenizer.ggml.tokens";
constexpr llvm::StringRef scores = "tokenizer.ggml.scores";
constexpr llvm::StringRef kinds = "tokenizer.ggml.token_type";

std::string with(llvm::StringRef key, uint32_t value) {
  return tinyLlama().u32(key, value).build();
}

std::string without(llvm::StringRef key) { return tinyLlama().erase(key).build(); }

std::string withScores(std::vector<float> values) {
  return tinyLlama().floats(scores, std::move(values)).build();
}

std::string withKinds(std::vector<int32_t> values) {
  return tinyLlama().ints(kinds, std::move(values)).build();
}

const MalformedCase cases[] = {
    {"NoModel", [] { return without(model); },
     "key 'tokenizer.ggml.model' is missing, expected a string; convert the model again with a "
     "converter that writes it"},
    {"OtherModel", [] { return tinyLlama().string(model, "bert").build(); },
     "key 'tokenizer.ggml.model' (offset 423): expected 'llama', which is SentencePiece, or "
     "'gpt2', "
     "which is byte-level BPE, as no other is supported yet, found string 'bert'"},
    {"ModelNotString", [] { return with(model, 1); },
     "key 'tokenizer.ggml.model' (offset 423): expected a string, found u32 1"},
    {"NoTokens", [] { return without(tokens); },
     "key 'tokenizer.ggml.tokens' is missing, expected an array of strings; convert the model "
     "again with a converter that writes it"},
    {"TokensNotStrings", [] { return tinyLlama().ints(tokens, {1, 2}).build(); },
     "key 'tokenizer.ggml.tokens' (offset 469): expected an array of 1 to 16777216 strings, found "
     "array of 2 i32"},
    {"TokensEmpty", [] { return tinyLlama().strings(tokens, {}).build(); },
     "key 'tokenizer.ggml.tokens' (offset 469): expected an array of 1 to 16777216 strings, found "
     "array of 0 string"},
    {"NoScores", [] { return without(scores); },
     "key 'tokenizer.ggml.scores' is missing, expected an array of 6 f32, one for each token; "
     "convert the model again with a converter that writes it"},
    {"ScoresTooFew", [] { return withScores({0, 0, 0, 0, -1}); },
     "key 'tokenizer.ggml.scores' (offset 584): expected an array of 6 f32, one for each token, "
     "found array of 5 f32"},
    {"ScoresNotF32",
     [] {
       std::string elements;
       for (int i = 0; i < 6; ++i)
         elements += f64Bytes(0);
       return tinyLlama()
           .set(scores, ValueType::Array, arrayBytes(ValueType::Float64, 6, elements))
           .build();
     },
     "key 'tokenizer.ggml.scores' (offset 584): expected an array of 6 f32, one for each token, "
     "found array of 6 f64"},
    {"ScoreNaN", [] { return withScores({0, 0, 0, 0, std::nanf(""), -2}); },
     "key 'tokenizer.ggml.scores' (offset 612): expected a finite score for token 4, "
     "'\\xe2\\x96\\x81', found f32 NaN"},
    {"ScoreInfinite",
     [] { return withScores({0, 0, 0, 0, -1, -std::numeric_limits<float>::infinity()}); },
     "key 'tokenizer.ggml.scores' (offset 616): expected a finite score for token 5, 'a', found "
     "f32 -inf"},
    {"NoTypes", [] { return without(kinds); },
     "key 'tokenizer.ggml.token_type' is missing, expected an array of 6 i32, one for each token; "
     "convert the model again with a converter that writes it"},
    {"TypesTooMany", [] { return withKinds({2, 3, 3, 6, 1, 1, 1}); },
     "key 'tokenizer.ggml.token_type' (offset 657): expected an array of 6 i32, one for each "
     "token, found array of 7 i32"},
    {"TypesNotIntegers", [] { return tinyLlama().floats(kinds, {2, 3, 3, 6, 1, 1}).build(); },
     "key 'tokenizer.ggml.token_type' (offset 657): expected an array of 6 i32, one for each "
     "token, found array of 6 f32"},
    {"TypeZero", [] { return withKinds({2, 3, 3, 6, 1, 0}); },
     "key 'tokenizer.ggml.token_type' (offset 689): expected a type from 1 to 6 for token 5, 'a', "
     "found i32 0"},
    {"TypeSeven", [] { return withKinds({7, 3, 3, 6, 1, 1}); },
     "key 'tokenizer.ggml.token_type' (offset 669): expected a type from 1 to 6 for token 0, "
     "'<unk>', found i32 7"},
    {"TypeNegative", [] { return withKinds({2, -3, 3, 6, 1, 1}); },
     "key 'tokenizer.ggml.token_type' (offset 673): expected a type from 1 to 6 for token 1, "
     "'<s>', found i32 -3"},
    {"ByteWithoutItsText", [] { return withKinds({2, 3, 3, 6, 1, 6}); },
     "key 'tokenizer.ggml.token_type' (offset 689): expected a text like '<0x0A>' in token 5, 'a', "
     "whose type, 6, says that it stands for a byte"},
    {"ByteTwice",
     [] {
       return tinyLlama()
           .strings(tokens, {"<unk>", "<s>", "</s>", "<0x0A>", "<0x0a>", "a"})
           .ints(kinds, {2, 3, 3, 6, 6, 1})
           .build();
     },
     "key 'tokenizer.ggml.token_type' (offset 688): expected one token for each byte, found "
     "token 4, '<0x0a>', for the byte of token 3"},
    {"BosOutOfRange", [] { return with("tokenizer.ggml.bos_token_id", 6); },
     "key 'tokenizer.ggml.bos_token_id' (offset 732): expected an integer from 0 to 5, found u32 "
     "6"},
    {"EosMinusOne", [] { return with("tokenizer.ggml.eos_token_id", uint32_t(-1)); },
     "key 'tokenizer.ggml.eos_token_id' (offset 775): expected an integer from 0 to 5, found u32 "
     "4294967295"},
    {"UnknownFloat", [] { return tinyLlama().f32("tokenizer.ggml.unknown_token_id", 0).build(); },
     "key 'tokenizer.ggml.unknown_token_id' (offset 822): expected an integer from 0 to 5, found "
     "f32 0"},
    {"PaddingNegative",
     [] {
       return tinyLlama()
           .set("tokenizer.ggml.padding_token_id", ValueType::Int32, u32Bytes(uint32_t(-1)))
           .build();
     },
     "key 'tokenizer.ggml.padding_token_id' (offset 869): expected an integer from 0 to 5, found "
     "i32 -1"},
    {"AddBosNotBool", [] { return with("tokenizer.ggml.add_bos_token", 1); },
     "key 'tokenizer.ggml.add_bos_token' (offset 866): expected a bool, found u32 1"},
    {"AddEosNotBool", [] { return with("tokenizer.ggml.add_eos_token", 0); },
     "key 'tokenizer.ggml.add_eos_token' (offset 866): expected a bool, found u32 0"},
    {"AddSpacePrefixNotBool",
     [] { return tinyLlama().string("tokenizer.ggml.add_space_prefix", "no").build(); },
     "key 'tokenizer.ggml.add_space_prefix' (offset 869): expected a bool, found string 'no'"},
    {"AddBosWithoutBos", [] { return without("tokenizer.ggml.bos_token_id"); },
     "key 'tokenizer.ggml.bos_token_id' is missing, expected a token's id, as "
     "'tokenizer.ggml.add_bos_token' is true or left out; convert the model again with a converter "
     "that writes it"},
    {"AddEosWithoutEos",
     [] {
       return tinyLlama()
           .flag("tokenizer.ggml.add_eos_token", 1)
           .erase("tokenizer.ggml.eos_token_id")
           .build();
     },
     "key 'tokenizer.ggml.eos_token_id' is missing, expected a token's id, as "
     "'tokenizer.ggml.add_eos_token' is true; convert the model again with a converter that writes "
     "it"},
    {"ChatTemplateNotString", [] { return with("tokenizer.chat_template", 0); },
     "key 'tokenizer.chat_template' (offset 861): expected a string, found u32 0"},
    {"WhitespaceRemoved",
     [] { return tinyLlama().flag("tokenizer.ggml.remove_extra_whitespaces", 1).build(); },
     "key 'tokenizer.ggml.remove_extra_whitespaces' (offset 877): expected false, as text "
     "normalisation is not supported yet, found bool true"},
    {"CharactersMapped",
     [] {
       return tinyLlama()
           .set("tokenizer.ggml.precompiled_charsmap", ValueType::Array,
                arrayBytes(ValueType::UInt8, 3, "map"))
           .build();
     },
     "key 'tokenizer.ggml.precompiled_charsmap' (offset 873): expected an empty array, as text "
     "normalisation is not supported yet, found array of 3 u8"},
};

class MalformedVocabulary : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedVocabulary, IsRefused) {
  auto read = [](const File &file) { return readVocabulary(file).takeError(); };
  EXPECT_EQ(errorOf(GetParam().build(), read), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(GGUF, MalformedVocabulary, testing::ValuesIn(cases), caseName);

} // namespace
