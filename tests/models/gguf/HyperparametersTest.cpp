// What is read from sound llama models.
#include "models/gguf/Hyperparameters.h"
#include "tests/models/gguf/Parameters.h"
#include <gtest/gtest.h>

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

TEST(GGUFHyperparameters, ReadsAModelAndItsDefaults) {
  LlamaParameters p = parametersOf(tinyLlama());
  EXPECT_EQ(p.numBlocks, 1u);
  EXPECT_EQ(p.contextLength, 64u);
  EXPECT_EQ(p.hiddenSize, 8u);
  EXPECT_EQ(p.intermediateSize, 8u);
  EXPECT_EQ(p.numHeads, 2u);
  EXPECT_EQ(p.numKVHeads, 1u);
  EXPECT_EQ(p.keyDim, 4u);
  EXPECT_EQ(p.valueDim, 4u);
  EXPECT_EQ(p.ropeDim, 4u);
  EXPECT_EQ(p.vocabSize, 6u);
  EXPECT_EQ(p.normEpsilon, 0x1p-17);
  EXPECT_EQ(p.ropeTheta, 10000.0);
  EXPECT_TRUE(p.tiedHead);
  EXPECT_FALSE(p.hasQueryBias || p.hasKeyBias || p.hasValueBias || p.hasOutputBias);
}

TEST(GGUFHyperparameters, ReadsWhatReplacesTheDefaults) {
  Builder builder = tinyLlama(2);
  builder.u32("llama.attention.key_length", 6)
      .u32("llama.attention.value_length", 2)
      .u32("llama.rope.dimension_count", 2)
      .set("llama.rope.freq_base", ValueType::Float64, f64Bytes(5e5))
      .set("llama.vocab_size", ValueType::UInt64, u64Bytes(6))
      .tensor("output.weight", {8, 6}, TypeF16);
  for (std::string prefix : {"blk.0.", "blk.1."})
    builder.tensor(prefix + "attn_q.weight", {8, 12}, TypeF16)
        .tensor(prefix + "attn_k.weight", {8, 6}, TypeF16)
        .tensor(prefix + "attn_v.weight", {8, 2}, TypeF16)
        .tensor(prefix + "attn_output.weight", {4, 8}, TypeF16)
        .tensor(prefix + "attn_q.bias", {12})
        .tensor(prefix + "attn_v.bias", {2})
        .tensor(prefix + "attn_output.bias", {8});
  LlamaParameters p = parametersOf(builder);
  EXPECT_EQ(p.numBlocks, 2u);
  EXPECT_EQ(p.keyDim, 6u);
  EXPECT_EQ(p.valueDim, 2u);
  EXPECT_EQ(p.ropeDim, 2u);
  EXPECT_EQ(p.ropeTheta, 5e5);
  EXPECT_FALSE(p.tiedHead);
  EXPECT_TRUE(p.hasQueryBias);
  EXPECT_FALSE(p.hasKeyBias);
  EXPECT_TRUE(p.hasValueBias);
  EXPECT_TRUE(p.hasOutputBias);
}

TEST(GGUFHyperparameters, TakesOneKVHeadForEachHeadByDefault) {
  Builder builder = tinyLlama();
  builder.erase("llama.attention.head_count_kv")
      .tensor("blk.0.attn_k.weight", {8, 8}, TypeF16)
      .tensor("blk.0.attn_v.weight", {8, 8}, TypeF16);
  EXPECT_EQ(parametersOf(builder).numKVHeads, 2u);
}

TEST(GGUFHyperparameters, NeedsNoTokensWhereTheSizeIsGiven) {
  Builder builder = tinyLlama();
  builder.erase("tokenizer.ggml.tokens").u32("llama.vocab_size", 6);
  EXPECT_EQ(parametersOf(builder).vocabSize, 6u);
}

TEST(GGUFHyperparameters, TakesFeaturesThatAreSwitchedOff) {
  Builder builder = tinyLlama();
  builder.string("llama.rope.scaling.type", "linear")
      .f32("llama.rope.scaling.factor", 1)
      .f32("llama.rope.scale_linear", 1)
      .u32("llama.rope.scaling.original_context_length", 64)
      .flag("llama.rope.scaling.finetuned", 0)
      .u32("llama.expert_count", 0)
      .u32("llama.expert_used_count", 0)
      .u32("llama.attention.sliding_window", 0)
      .u32("general.quantization_version", 2)
      .u32("split.count", 1)
      .string("llama.tensor_data_layout", "Meta AI original pth");
  LlamaParameters p = parametersOf(builder);
  EXPECT_TRUE(p.ropeDivisors.empty());
  EXPECT_EQ(p.ropeMagnitude, 1.0);
  EXPECT_EQ(p.slidingWindow, 0u);
}

TEST(GGUFHyperparameters, ReadsTheSlidingWindow) {
  EXPECT_EQ(parametersOf(tinyLlama().u32("llama.attention.sliding_window", 4096)).slidingWindow,
            4096u);
}

} // namespace
