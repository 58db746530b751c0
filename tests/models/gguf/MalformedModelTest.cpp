// Files that are sound but describe no llama model that can be compiled.
#include "models/gguf/Hyperparameters.h"
#include "tests/models/gguf/Malformed.h"
#include <cmath>
#include <limits>

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

std::string withU32(llvm::StringRef key, uint32_t value) {
  return tinyLlama().u32(key, value).build();
}

std::string withF32(llvm::StringRef key, float value) {
  return tinyLlama().f32(key, value).build();
}

std::string withString(llvm::StringRef key, llvm::StringRef value) {
  return tinyLlama().string(key, value).build();
}

std::string without(llvm::StringRef key) { return tinyLlama().erase(key).build(); }

constexpr llvm::StringRef epsilon = "llama.attention.layer_norm_rms_epsilon";

const MalformedCase keyCases[] = {
    {"NoArchitecture", [] { return without("general.architecture"); },
     "key 'general.architecture' is missing, expected a string; convert the model again with a "
     "converter that writes it"},
    {"ArchitectureNotString", [] { return withU32("general.architecture", 1); },
     "key 'general.architecture' (offset 56): expected a string, found u32 1"},
    {"OtherArchitecture", [] { return withString("general.architecture", "qwen2"); },
     "key 'general.architecture' (offset 56): expected a supported architecture, which is only "
     "'llama', found string 'qwen2'"},
    {"NoBlockCount", [] { return without("llama.block_count"); },
     "key 'llama.block_count' is missing, expected an integer from 1 to 4096; convert the model "
     "again with a converter that writes it"},
    {"NoBlocks", [] { return withU32("llama.block_count", 0); },
     "key 'llama.block_count' (offset 131): expected an integer from 1 to 4096, found u32 0"},
    {"TooManyBlocks", [] { return withU32("llama.block_count", uint32_t(-1)); },
     "key 'llama.block_count' (offset 131): expected an integer from 1 to 4096, found u32 "
     "4294967295"},
    {"BlockCountFloat", [] { return withF32("llama.block_count", 1); },
     "key 'llama.block_count' (offset 131): expected an integer from 1 to 4096, found f32 1"},
    {"BlockCountNegative",
     [] {
       return tinyLlama()
           .set("llama.block_count", ValueType::Int32, u32Bytes(uint32_t(-1)))
           .build();
     },
     "key 'llama.block_count' (offset 131): expected an integer from 1 to 4096, found i32 -1"},
    {"NoContextLength", [] { return without("llama.context_length"); },
     "key 'llama.context_length' is missing, expected an integer from 1 to 268435456; convert the "
     "model again with a converter that writes it"},
    {"EmbeddingLengthHuge",
     [] {
       return tinyLlama()
           .set("llama.embedding_length", ValueType::UInt64, u64Bytes(1ull << 40))
           .build();
     },
     "key 'llama.embedding_length' (offset 205): expected an integer from 1 to 1048576, found u64 "
     "1099511627776"},
    {"FeedForwardLengthByLayer",
     [] { return tinyLlama().ints("llama.feed_forward_length", {8}).build(); },
     "key 'llama.feed_forward_length' (offset 246): expected an integer from 1 to 1048576, found "
     "array of 1 i32"},
    {"NoHeads", [] { return withU32("llama.attention.head_count", 0); },
     "key 'llama.attention.head_count' (offset 288): expected an integer from 1 to 16384, found "
     "u32 0"},
    {"HeadsDoNotDivideEmbedding", [] { return withU32("llama.attention.head_count", 3); },
     "key 'llama.attention.head_count' (offset 288): expected a divisor of "
     "'llama.embedding_length', 8, as there is no 'llama.attention.key_length', found u32 3"},
    {"KVHeadsDoNotDivideHeads", [] { return withU32("llama.attention.head_count_kv", 3); },
     "key 'llama.attention.head_count_kv' (offset 333): expected a divisor of the 2 heads of "
     "'llama.attention.head_count', found u32 3"},
    {"NoKVHeads", [] { return withU32("llama.attention.head_count_kv", 0); },
     "key 'llama.attention.head_count_kv' (offset 333): expected an integer from 1 to 16384, found "
     "u32 0"},
    {"KeyLengthZero", [] { return withU32("llama.attention.key_length", 0); },
     "key 'llama.attention.key_length' (offset 864): expected an integer from 1 to 16384, found "
     "u32 0"},
    {"ValueLengthString", [] { return withString("llama.attention.value_length", "4"); },
     "key 'llama.attention.value_length' (offset 866): expected an integer from 1 to 16384, found "
     "string '4'"},
    {"NoEpsilon", [] { return without(epsilon); },
     "key 'llama.attention.layer_norm_rms_epsilon' is missing, expected a number from 1e-12 to "
     "0.1; convert the model again with a converter that writes it"},
    {"EpsilonZero", [] { return withF32(epsilon, 0); },
     "key 'llama.attention.layer_norm_rms_epsilon' (offset 387): expected a number from 1e-12 to "
     "0.1, found f32 0"},
    {"EpsilonNegative", [] { return withF32(epsilon, -0.5f); },
     "key 'llama.attention.layer_norm_rms_epsilon' (offset 387): expected a number from 1e-12 to "
     "0.1, found f32 -0.5"},
    {"EpsilonNaN", [] { return withF32(epsilon, std::nanf("")); },
     "key 'llama.attention.layer_norm_rms_epsilon' (offset 387): expected a number from 1e-12 to "
     "0.1, found f32 NaN"},
    {"EpsilonInfinite", [] { return withF32(epsilon, std::numeric_limits<float>::infinity()); },
     "key 'llama.attention.layer_norm_rms_epsilon' (offset 387): expected a number from 1e-12 to "
     "0.1, found f32 inf"},
    {"EpsilonInteger", [] { return withU32(epsilon, 1); },
     "key 'llama.attention.layer_norm_rms_epsilon' (offset 387): expected a number from 1e-12 to "
     "0.1, found u32 1"},
    {"RopeThetaZero", [] { return withF32("llama.rope.freq_base", 0); },
     "key 'llama.rope.freq_base' (offset 858): expected a number from 1 to 1e+12, found f32 0"},
    {"RopeThetaInfinite",
     [] { return withF32("llama.rope.freq_base", std::numeric_limits<float>::infinity()); },
     "key 'llama.rope.freq_base' (offset 858): expected a number from 1 to 1e+12, found f32 inf"},
    {"RopeDimOdd", [] { return withU32("llama.rope.dimension_count", 3); },
     "key 'llama.rope.dimension_count' (offset 864): expected an even number, as elements are "
     "rotated in pairs, found u32 3"},
    {"RopeDimAboveHead", [] { return withU32("llama.rope.dimension_count", 6); },
     "key 'llama.rope.dimension_count' (offset 864): expected an integer from 1 to 4, found u32 6"},
    {"HeadOdd", [] { return withU32("llama.attention.key_length", 3); },
     "key 'llama.rope.dimension_count' is missing, expected an even number, as heads have 3 "
     "elements and are rotated in pairs; convert the model again with a converter that writes it"},
    {"Experts", [] { return withU32("llama.expert_count", 8); },
     "key 'llama.expert_count' (offset 856): expected the integer 0, as experts are not supported "
     "yet, found u32 8"},
    {"QuantizationVersion", [] { return withU32("general.quantization_version", 3); },
     "key 'general.quantization_version' (offset 866): expected the integer 2, as block formats of "
     "another version are not supported yet, found u32 3"},
    {"SplitFile",
     [] {
       return tinyLlama().set("split.count", ValueType::UInt16, std::string("\3\0", 2)).build();
     },
     "key 'split.count' (offset 849): expected a model in one file (merge the parts first), found "
     "u16 3"},
    {"UnknownKey", [] { return withF32("llama.logit_scale", 0.5f); },
     "key 'llama.logit_scale' (offset 855): expected only keys whose effect on the model is known, "
     "found this one with f32 0.5; it is not supported yet"},
    {"VocabSizeDisagreesWithTokens", [] { return withU32("llama.vocab_size", 7); },
     "key 'llama.vocab_size' (offset 854): expected the number of tokens in "
     "'tokenizer.ggml.tokens', 6, found u32 7"},
    {"NoVocabSizeNoTokens", [] { return without("tokenizer.ggml.tokens"); },
     "key 'llama.vocab_size' is missing, expected an integer from 1 to 16777216; convert the model "
     "again with a converter that writes it"},
    {"TokensNotArray", [] { return withU32("tokenizer.ggml.tokens", 6); },
     "key 'tokenizer.ggml.tokens' (offset 469): expected an array of 1 to 16777216 strings, found "
     "u32 6"},
};

const MalformedCase tensorCases[] = {
    {"NoEmbedding", [] { return tinyLlama().eraseTensor("token_embd.weight").build(); },
     "tensor 'token_embd.weight' is missing, expected dimensions [8, 6]; the file is incomplete, "
     "convert the model again"},
    {"EmbeddingRowsDisagreeWithTokens",
     [] { return tinyLlama().tensor("token_embd.weight", {8, 5}, TypeF16).build(); },
     "tensor 'token_embd.weight' (offset 826): expected dimensions [8, 6], found [8, 5]"},
    {"NoOutputNorm", [] { return tinyLlama().eraseTensor("output_norm.weight").build(); },
     "tensor 'output_norm.weight' is missing, expected dimensions [8]; the file is incomplete, "
     "convert the model again"},
    {"HeadOfOtherShape",
     [] { return tinyLlama().tensor("output.weight", {6, 8}, TypeF16).build(); },
     "tensor 'output.weight' (offset 1462): expected dimensions [8, 6], found [6, 8]"},
    {"NoQuery", [] { return tinyLlama().eraseTensor("blk.0.attn_q.weight").build(); },
     "tensor 'blk.0.attn_q.weight' is missing, expected dimensions [8, 8]; the file is incomplete, "
     "convert the model again"},
    {"SecondBlockMissing", [] { return withU32("llama.block_count", 2); },
     "tensor 'blk.1.attn_norm.weight' is missing, expected dimensions [8]; the file is incomplete, "
     "convert the model again"},
    {"KeyOfOtherShape",
     [] { return tinyLlama().tensor("blk.0.attn_k.weight", {8, 8}, TypeF16).build(); },
     "tensor 'blk.0.attn_k.weight' (offset 996): expected dimensions [8, 4], found [8, 8]"},
    {"ValueOfOtherRank",
     [] { return tinyLlama().tensor("blk.0.attn_v.weight", {8, 4, 1}, TypeF16).build(); },
     "tensor 'blk.0.attn_v.weight' (offset 1055): expected dimensions [8, 4], found [8, 4, 1]"},
    {"FeedForwardOfOtherShape", [] { return withU32("llama.feed_forward_length", 16); },
     "tensor 'blk.0.ffn_gate.weight' (offset 1231): expected dimensions [8, 16], found [8, 8]"},
    {"NormNotF32",
     [] { return tinyLlama().tensor("blk.0.attn_norm.weight", {8}, TypeF16).build(); },
     "tensor 'blk.0.attn_norm.weight' (offset 883): expected a vector of type F32, found F16"},
    {"ExtraTensor", [] { return tinyLlama().tensor("blk.0.attn_q_norm.weight", {4}).build(); },
     "tensor 'blk.0.attn_q_norm.weight' (offset 1462): expected only the tensors of a llama model "
     "with 'llama.block_count' 1, found this one, whose part in the model is unknown"},
    {"ExtraBlock", [] { return tinyLlama().tensor("blk.1.attn_norm.weight", {8}).build(); },
     "tensor 'blk.1.attn_norm.weight' (offset 1462): expected only the tensors of a llama model "
     "with 'llama.block_count' 1, found this one, whose part in the model is unknown"},
    {"BiasOfOtherShape", [] { return tinyLlama().tensor("blk.0.attn_q.bias", {4}).build(); },
     "tensor 'blk.0.attn_q.bias' (offset 1462): expected dimensions [8], found [4]"},
    {"BiasNotF32", [] { return tinyLlama().tensor("blk.0.attn_v.bias", {4}, TypeF16).build(); },
     "tensor 'blk.0.attn_v.bias' (offset 1462): expected a vector of type F32, found F16"},
    {"BiasInFirstBlockOnly", [] { return tinyLlama(2).tensor("blk.0.attn_k.bias", {4}).build(); },
     "tensor 'blk.1.attn_k.bias' is missing, expected biases in all blocks or in none, found one "
     "in block 0"},
    {"BiasInSecondBlockOnly",
     [] { return tinyLlama(2).tensor("blk.1.attn_output.bias", {8}).build(); },
     "tensor 'blk.1.attn_output.bias' (offset 1991): expected biases in all blocks or in none, "
     "found this one but none in block 0"},
};

class MalformedModel : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedModel, IsRefused) {
  auto read = [](const File &file) { return readLlamaParameters(file).takeError(); };
  EXPECT_EQ(errorOf(GetParam().build(), read), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(GGUFKeys, MalformedModel, testing::ValuesIn(keyCases), caseName);
INSTANTIATE_TEST_SUITE_P(GGUFTensors, MalformedModel, testing::ValuesIn(tensorCases), caseName);

} // namespace
