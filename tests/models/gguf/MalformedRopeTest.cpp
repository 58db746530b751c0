// Sound files whose RoPE scaling or sliding window is not one.
#include "models/gguf/Hyperparameters.h"
#include "tests/models/gguf/Malformed.h"
#include <cmath>
#include <limits>

using namespace tawny::gguf;
using namespace tawny::gguf::test;

namespace {

std::string withFactor(float factor) {
  return tinyLlama().f32("llama.rope.scaling.factor", factor).build();
}

std::string withYarn(llvm::StringRef key, float value) {
  return tinyLlama()
      .string("llama.rope.scaling.type", "yarn")
      .f32("llama.rope.scaling.factor", 4)
      .f32(key, value)
      .build();
}

std::string withDivisors(const std::vector<float> &divisors) {
  return tinyLlama().vector("rope_freqs.weight", divisors).build();
}

const MalformedCase cases[] = {
    {"UnknownType",
     [] { return tinyLlama().string("llama.rope.scaling.type", "longrope").build(); },
     "key 'llama.rope.scaling.type' (offset 861): expected 'none', 'linear' or 'yarn', found "
     "string 'longrope'"},
    {"TypeNotString", [] { return tinyLlama().u32("llama.rope.scaling.type", 1).build(); },
     "key 'llama.rope.scaling.type' (offset 861): expected a string, found u32 1"},
    {"FactorZero", [] { return withFactor(0); },
     "key 'llama.rope.scaling.factor' (offset 863): expected a number from 1 to 1e+06, found f32 "
     "0"},
    {"FactorNegative", [] { return withFactor(-4); },
     "key 'llama.rope.scaling.factor' (offset 863): expected a number from 1 to 1e+06, found f32 "
     "-4"},
    {"FactorNaN", [] { return withFactor(std::nanf("")); },
     "key 'llama.rope.scaling.factor' (offset 863): expected a number from 1 to 1e+06, found f32 "
     "NaN"},
    {"FactorInfinite", [] { return withFactor(std::numeric_limits<float>::infinity()); },
     "key 'llama.rope.scaling.factor' (offset 863): expected a number from 1 to 1e+06, found f32 "
     "inf"},
    {"FactorString", [] { return tinyLlama().string("llama.rope.scaling.factor", "4").build(); },
     "key 'llama.rope.scaling.factor' (offset 863): expected a number from 1 to 1e+06, found "
     "string '4'"},
    {"OldFactorNaN",
     [] { return tinyLlama().f32("llama.rope.scale_linear", std::nanf("")).build(); },
     "key 'llama.rope.scale_linear' (offset 861): expected a number from 1 to 1e+06, found f32 "
     "NaN"},
    {"YarnWithoutFactor",
     [] { return tinyLlama().string("llama.rope.scaling.type", "yarn").build(); },
     "key 'llama.rope.scaling.factor' is missing, expected a number from 1 to 1e+06; convert the "
     "model again with a converter that writes it"},
    {"OriginalContextZero",
     [] { return tinyLlama().u32("llama.rope.scaling.original_context_length", 0).build(); },
     "key 'llama.rope.scaling.original_context_length' (offset 880): expected an integer from 1 to "
     "268435456, found u32 0"},
    {"YarnBaseOfOne", [] { return withYarn("llama.rope.freq_base", 1); },
     "key 'llama.rope.freq_base' (offset 946): expected a base above 1, as YaRN needs, found f32 "
     "1"},
    {"YarnFastZero", [] { return withYarn("llama.rope.scaling.yarn_beta_fast", 0); },
     "key 'llama.rope.scaling.yarn_beta_fast' (offset 959): expected a number from 0.001 to 1e+06, "
     "found f32 0"},
    {"YarnSlowAboveFast", [] { return withYarn("llama.rope.scaling.yarn_beta_slow", 33); },
     "key 'llama.rope.scaling.yarn_beta_slow' (offset 959): expected a slow beta that is not above "
     "the fast one, found f32 33"},
    {"YarnFastBelowSlow", [] { return withYarn("llama.rope.scaling.yarn_beta_fast", 0.5f); },
     "key 'llama.rope.scaling.yarn_beta_fast' (offset 959): expected a slow beta that is not above "
     "the fast one, found f32 0.5"},
    {"YarnExtrapolationNegative", [] { return withYarn("llama.rope.scaling.yarn_ext_factor", -1); },
     "key 'llama.rope.scaling.yarn_ext_factor' (offset 960): expected a number from 0 to 1, found "
     "f32 -1"},
    {"YarnExtrapolationNaN",
     [] { return withYarn("llama.rope.scaling.yarn_ext_factor", std::nanf("")); },
     "key 'llama.rope.scaling.yarn_ext_factor' (offset 960): expected a number from 0 to 1, found "
     "f32 NaN"},
    {"MagnitudeZero", [] { return withYarn("llama.rope.scaling.attn_factor", 0); },
     "key 'llama.rope.scaling.attn_factor' (offset 956): expected a number from 0.001 to 1000, "
     "found f32 0"},
    {"UnknownKey", [] { return withYarn("llama.rope.scaling.yarn_log_multiplier", 0.5f); },
     "key 'llama.rope.scaling.yarn_log_multiplier' (offset 964): expected only keys whose effect "
     "on the model is known, found this one with f32 0.5; it is not supported yet"},
    {"DivisorsTooFew", [] { return withDivisors({1}); },
     "tensor 'rope_freqs.weight' (offset 1462): expected F32 with dimensions [2], a divisor for "
     "each pair of rotated elements, found F32 with dimensions [1]"},
    {"DivisorsTooMany", [] { return withDivisors({1, 1, 8, 8}); },
     "tensor 'rope_freqs.weight' (offset 1462): expected F32 with dimensions [2], a divisor for "
     "each pair of rotated elements, found F32 with dimensions [4]"},
    {"DivisorsOfOtherType",
     [] { return tinyLlama().tensor("rope_freqs.weight", {2}, TypeF16).build(); },
     "tensor 'rope_freqs.weight' (offset 1462): expected F32 with dimensions [2], a divisor for "
     "each pair of rotated elements, found F16 with dimensions [2]"},
    {"DivisorZero", [] { return withDivisors({1, 0}); },
     "tensor 'rope_freqs.weight' (offset 1462): expected positive and finite divisors of "
     "frequencies, found f32 0 for pair 1"},
    {"DivisorNegative", [] { return withDivisors({-1, 1}); },
     "tensor 'rope_freqs.weight' (offset 1462): expected positive and finite divisors of "
     "frequencies, found f32 -1 for pair 0"},
    {"DivisorNaN", [] { return withDivisors({1, std::nanf("")}); },
     "tensor 'rope_freqs.weight' (offset 1462): expected positive and finite divisors of "
     "frequencies, found f32 NaN for pair 1"},
    {"DivisorInfinite", [] { return withDivisors({1, std::numeric_limits<float>::infinity()}); },
     "tensor 'rope_freqs.weight' (offset 1462): expected positive and finite divisors of "
     "frequencies, found f32 inf for pair 1"},
    {"WindowHuge",
     [] { return tinyLlama().u32("llama.attention.sliding_window", uint32_t(-1)).build(); },
     "key 'llama.attention.sliding_window' (offset 868): expected an integer from 0 to 268435456, "
     "found u32 4294967295"},
    {"WindowNotInteger",
     [] { return tinyLlama().f32("llama.attention.sliding_window", 16).build(); },
     "key 'llama.attention.sliding_window' (offset 868): expected an integer from 0 to 268435456, "
     "found f32 16"},
};

class MalformedRope : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedRope, IsRefused) {
  auto read = [](const File &file) { return readLlamaParameters(file).takeError(); };
  EXPECT_EQ(errorOf(GetParam().build(), read), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(GGUFRope, MalformedRope, testing::ValuesIn(cases), caseName);

} // namespace
