// RoPE scaling of sound models. Expected numbers were computed apart, in Python, from the papers
// and the YaRN authors' definition of the ramp.
#include "models/gguf/RopeScaling.h"
#include "tests/models/gguf/Parameters.h"

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

void expectNear(const std::vector<double> &found, const std::vector<double> &expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-12 * expected[i]) << "pair " << i;
}

/// tinyLlama with one head of 16 elements, so that there are 8 pairs.
Builder wideHeads() {
  Builder builder = tinyLlama();
  builder.u32("llama.attention.key_length", 16)
      .tensor("blk.0.attn_q.weight", {8, 32}, TypeF16)
      .tensor("blk.0.attn_k.weight", {8, 16}, TypeF16);
  return builder;
}

TEST(RopeScaling, LinearDividesAllFrequencies) {
  for (const char *key : {"llama.rope.scaling.factor", "llama.rope.scale_linear"}) {
    Builder builder = tinyLlama();
    builder.f32(key, 4);
    expectNear(parametersOf(builder).ropeDivisors, {4, 4});
    builder.string("llama.rope.scaling.type", "linear");
    LlamaParameters p = parametersOf(builder);
    expectNear(p.ropeDivisors, {4, 4});
    EXPECT_EQ(p.ropeMagnitude, 1.0);
    builder.string("llama.rope.scaling.type", "none");
    EXPECT_TRUE(parametersOf(builder).ropeDivisors.empty());
  }
}

TEST(RopeScaling, NewerKeyWins) {
  Builder builder = tinyLlama();
  builder.f32("llama.rope.scale_linear", 2).f32("llama.rope.scaling.factor", 8);
  expectNear(parametersOf(builder).ropeDivisors, {8, 8});
}

TEST(RopeScaling, YarnMixesBetweenTheTwoTurns) {
  Builder builder = wideHeads();
  builder.string("llama.rope.scaling.type", "yarn")
      .f32("llama.rope.scaling.factor", 4)
      .u32("llama.rope.scaling.original_context_length", 4096);
  LlamaParameters p = parametersOf(builder);
  expectNear(p.ropeDivisors, {1, 1, 1, 16.0 / 13, 1.6, 16.0 / 7, 4, 4});
  EXPECT_NEAR(p.ropeMagnitude, 1.138629436111989, 1e-15);
}

TEST(RopeScaling, YarnTakesTheContextLengthWhereNoOtherIsGiven) {
  Builder builder = wideHeads();
  builder.string("llama.rope.scaling.type", "yarn").f32("llama.rope.scaling.factor", 4);
  expectNear(parametersOf(builder).ropeDivisors, {1, 4.0 / 3, 2, 4, 4, 4, 4, 4});
}

TEST(RopeScaling, YarnOfRealSize) {
  std::vector<double> divisors = yarnDivisors(128, 1e4, {16, 4096});
  ASSERT_EQ(divisors.size(), 64u);
  EXPECT_EQ(divisors[20], 1);
  EXPECT_NEAR(divisors[21], 1.0374064837905237, 1e-14);
  EXPECT_NEAR(divisors[32], 1.7627118644067796, 1e-14);
  EXPECT_NEAR(divisors[45], 10.146341463414636, 1e-13);
  EXPECT_EQ(divisors[46], 16);
  EXPECT_EQ(divisors[63], 16);
}

TEST(RopeScaling, YarnReadsAllOfItsKeys) {
  Builder builder = tinyLlama();
  builder.u32("llama.attention.key_length", 32)
      .tensor("blk.0.attn_q.weight", {8, 64}, TypeF16)
      .tensor("blk.0.attn_k.weight", {8, 32}, TypeF16)
      .f32("llama.rope.freq_base", 5e5f)
      .string("llama.rope.scaling.type", "yarn")
      .f32("llama.rope.scaling.factor", 8)
      .u32("llama.rope.scaling.original_context_length", 2048)
      .f32("llama.rope.scaling.yarn_beta_fast", 16)
      .f32("llama.rope.scaling.yarn_beta_slow", 2)
      .f32("llama.rope.scaling.yarn_ext_factor", 0.5)
      .f32("llama.rope.scaling.yarn_attn_factor", 0.5)
      .f32("llama.rope.scaling.attn_factor", 3);
  LlamaParameters p = parametersOf(builder);
  std::vector<double> expected(16, 8);
  std::fill_n(expected.begin(), 4, 16.0 / 9);
  expected[4] = 64.0 / 29;
  expected[5] = 32.0 / 11;
  expected[6] = 64.0 / 15;
  expectNear(p.ropeDivisors, expected);
  EXPECT_NEAR(p.ropeMagnitude, 1.5 * 1.2079441541679836, 1e-14);
  builder.f32("llama.rope.scaling.yarn_ext_factor", 0);
  p = parametersOf(builder);
  expectNear(p.ropeDivisors, std::vector<double>(16, 8));
  EXPECT_EQ(p.ropeMagnitude, 1.5);
}

TEST(RopeScaling, TensorHasADivisorForEachPair) {
  Builder builder = wideHeads();
  builder.vector("rope_freqs.weight", {1, 1, 1, 1, 2.694529687894733f, 8, 8, 8});
  expectNear(parametersOf(builder).ropeDivisors, {1, 1, 1, 1, 2.694529687894733f, 8, 8, 8});
  builder.f32("llama.rope.scaling.factor", 2);
  expectNear(parametersOf(builder).ropeDivisors, {2, 2, 2, 2, 2 * 2.694529687894733f, 16, 16, 16});
}

TEST(RopeScaling, OfOneIsNone) {
  Builder builder = tinyLlama();
  builder.vector("rope_freqs.weight", {1, 1}).string("llama.rope.scaling.type", "linear");
  EXPECT_TRUE(parametersOf(builder).ropeDivisors.empty());
}

} // namespace
