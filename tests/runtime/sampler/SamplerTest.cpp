#include "runtime/sampler/Sampler.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <new>
#include <numeric>
#include <random>

using namespace tawny;

/// How often this program has asked for memory.
static size_t allocations = 0;

void *operator new(size_t size) {
  ++allocations;
  if (void *memory = std::malloc(size))
    return memory;
  std::abort();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

constexpr uint64_t seed = 12345;
constexpr size_t draws = 20000;

/// Logits of a distribution, shifted, because softmax ignores a constant.
std::vector<float> logitsOf(const std::vector<double> &probabilities) {
  std::vector<float> logits;
  for (double probability : probabilities)
    logits.push_back(static_cast<float>(std::log(probability) + 3));
  return logits;
}

/// How often each token comes out of `draws` independent draws.
std::vector<size_t> countDraws(SamplerOptions options, const std::vector<float> &logits) {
  options.seed = seed;
  auto sampler = Sampler::create(options, logits.size());
  EXPECT_TRUE(sampler) << sampler.error().message;
  std::vector<size_t> counts(logits.size());
  for (size_t i = 0; i < draws; ++i)
    ++counts[static_cast<size_t>(*sampler->sample(logits))];
  return counts;
}

/// Pearson's statistic must stay below the value that chi-square with up to four degrees of freedom
/// exceeds once in ten thousand times; what has no probability must never come.
void expectDistribution(const SamplerOptions &options, const std::vector<float> &logits,
                        const std::vector<double> &probabilities) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr double limit = 23.5;
  std::vector<size_t> counts = countDraws(options, logits);
  double total = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  double statistic = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    double expected = static_cast<double>(draws) * probabilities[i] / total;
    if (expected == 0) {
      EXPECT_EQ(counts[i], 0u) << "token " << i;
      continue;
    }
    double difference = static_cast<double>(counts[i]) - expected;
    statistic += difference * difference / expected;
  }
  EXPECT_LT(statistic, limit) << testing::PrintToString(counts);
}

int32_t sampleOnce(const SamplerOptions &options, const std::vector<float> &logits,
                   const std::vector<int32_t> &history = {}) {
  auto sampler = Sampler::create(options, logits.size());
  EXPECT_TRUE(sampler) << sampler.error().message;
  for (int32_t token : history)
    EXPECT_TRUE(sampler->accept(token));
  return *sampler->sample(logits);
}

const std::vector<float> fifths = logitsOf({0.1, 0.4, 0.2, 0.25, 0.05});

TEST(Sampler, IsGreedyByDefault) {
  EXPECT_EQ(sampleOnce({}, {1, 3, 2}), 1);
  EXPECT_EQ(sampleOnce({}, {-1, -3, -2}), 0);
  EXPECT_EQ(sampleOnce({}, {2, 5, 5, 5}), 1) << "the lowest id among equals";
  EXPECT_EQ(sampleOnce({}, {7}), 0);
  float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(sampleOnce({}, {-largest, largest, 0}), 1);
}

TEST(Sampler, DrawsFromTheSoftmax) {
  expectDistribution({.temperature = 1}, fifths, {0.1, 0.4, 0.2, 0.25, 0.05});
}

TEST(Sampler, AppliesTemperature) {
  // Temperature 1/2 squares probabilities, 2 takes their roots.
  expectDistribution({.temperature = 0.5}, fifths, {0.01, 0.16, 0.04, 0.0625, 0.0025});
  expectDistribution({.temperature = 2}, fifths,
                     {std::sqrt(0.1), std::sqrt(0.4), std::sqrt(0.2), 0.5, std::sqrt(0.05)});
  // A tiny one leaves the best alone, however small the differences.
  expectDistribution({.temperature = 1e-300}, {1, 1.0000001f, 0}, {0, 1, 0});
}

TEST(Sampler, KeepsTopK) {
  expectDistribution({.temperature = 1, .topK = 3}, fifths, {0, 0.4, 0.2, 0.25, 0});
  expectDistribution({.temperature = 1, .topK = 1}, fifths, {0, 1, 0, 0, 0});
  expectDistribution({.temperature = 1, .topK = 5}, fifths, {0.1, 0.4, 0.2, 0.25, 0.05});
  expectDistribution({.temperature = 1, .topK = 1000}, fifths, {0.1, 0.4, 0.2, 0.25, 0.05});
  // Of equals those with the lowest ids stay.
  expectDistribution({.temperature = 1, .topK = 2}, {1, 2, 2, 2}, {0, 1, 1, 0});
}

TEST(Sampler, KeepsTopP) {
  // 0.4 + 0.25 = 0.65 is below 0.7 and 0.85 is not: three stay.
  expectDistribution({.temperature = 1, .topP = 0.7}, fifths, {0, 0.4, 0.2, 0.25, 0});
  expectDistribution({.temperature = 1, .topP = 0.6}, fifths, {0, 0.4, 0, 0.25, 0});
  expectDistribution({.temperature = 1, .topP = 1e-9}, fifths, {0, 1, 0, 0, 0});
  expectDistribution({.temperature = 1, .topP = 0.999999}, fifths, {0.1, 0.4, 0.2, 0.25, 0.05});
  expectDistribution({.temperature = 1, .topP = 0.5}, {2, 2, 2, 2}, {1, 1, 0, 0});
}

TEST(Sampler, KeepsMinP) {
  // A quarter of the best's 0.4 is 0.1; slightly more excludes the token that has exactly that.
  expectDistribution({.temperature = 1, .minP = 0.24}, fifths, {0.1, 0.4, 0.2, 0.25, 0});
  expectDistribution({.temperature = 1, .minP = 0.26}, fifths, {0, 0.4, 0.2, 0.25, 0});
  expectDistribution({.temperature = 1, .minP = 1}, fifths, {0, 1, 0, 0, 0});
}

// With another order of steps each of these would come out differently.
TEST(Sampler, KeepsItsOrderOfSteps) {
  // Top-k before top-p: of 0.4, 0.25, 0.2 (total 0.85) the first two have 76%.
  expectDistribution({.temperature = 1, .topK = 3, .topP = 0.75}, fifths, {0, 0.4, 0, 0.25, 0});
  // Temperature before top-p: squared, 0.4 has 58% and 0.4 with 0.25 has 81%.
  expectDistribution({.temperature = 0.5, .topP = 0.8}, fifths, {0, 0.16, 0, 0.0625, 0});
  // Temperature before min-p: 0.25 is 0.625 of the best, squared 0.39.
  expectDistribution({.temperature = 0.5, .minP = 0.5}, fifths, {0, 1, 0, 0, 0});
  // The penalty before top-k: it pushes the best out of it.
  std::vector<float> logits = {4, 3, 2, 1};
  EXPECT_EQ(sampleOnce({.temperature = 1, .topK = 1, .repeatPenalty = 2}, logits, {0}), 1);
  // Top-p before min-p: min-p first would leave 0.4, 0.25, 0.2, of which 0.4 has 47%.
  expectDistribution({.temperature = 1, .topP = 0.45, .minP = 0.45}, fifths, {0, 0.4, 0, 0.25, 0});
}

TEST(Sampler, PenalisesRepetition) {
  EXPECT_EQ(sampleOnce({.repeatPenalty = 2}, {4, 3, 1}, {0}), 1);
  EXPECT_EQ(sampleOnce({.repeatPenalty = 1.3}, {4, 3, 1}, {0}), 0);
  // Negative logits are multiplied: dividing would favour what was seen.
  EXPECT_EQ(sampleOnce({.repeatPenalty = 2}, {-4, -3, -9}, {1}), 0);
  // Once, however often it occurs: 4 / 1.3 is above 3, 4 / 1.3 / 1.3 is not.
  EXPECT_EQ(sampleOnce({.repeatPenalty = 1.3}, {4, 3, 1}, {0, 0, 0}), 0);
  // A penalty below 1 is a bonus.
  EXPECT_EQ(sampleOnce({.repeatPenalty = 0.5}, {4, 3, 1}, {1}), 1);
}

TEST(Sampler, ForgetsWhatLeavesTheWindow) {
  SamplerOptions options = {.repeatPenalty = 2, .repeatWindow = 2};
  EXPECT_EQ(sampleOnce(options, {4, 3, 1}, {0, 2}), 1);
  EXPECT_EQ(sampleOnce(options, {4, 3, 1}, {0, 2, 2}), 0);
  EXPECT_EQ(sampleOnce(options, {4, 3, 1}, {0, 2, 0, 2}), 1);
  options.repeatWindow = 0;
  EXPECT_EQ(sampleOnce(options, {4, 3, 1}, {0}), 0);
  // What it sampled itself counts too.
  auto sampler = Sampler::create({.repeatPenalty = 2}, 3);
  std::vector<float> logits = {4, 3, 1};
  EXPECT_EQ(*sampler->sample(logits), 0);
  EXPECT_EQ(*sampler->sample(logits), 1);
  EXPECT_EQ(*sampler->sample(logits), 0);
  sampler->reset();
  EXPECT_EQ(*sampler->sample(logits), 0);
  EXPECT_EQ(*sampler->sample(logits), 1);
}

TEST(Sampler, DependsOnTheSeedAlone) {
  auto drawSome = [](uint64_t someSeed) {
    auto sampler = Sampler::create({.temperature = 1, .seed = someSeed}, fifths.size());
    std::vector<int32_t> tokens;
    for (int i = 0; i < 32; ++i)
      tokens.push_back(*sampler->sample(fifths));
    sampler->reset();
    for (int i = 0; i < 32; ++i)
      EXPECT_EQ(*sampler->sample(fifths), tokens[static_cast<size_t>(i)]);
    return tokens;
  };
  EXPECT_EQ(drawSome(1), drawSome(1));
  EXPECT_NE(drawSome(1), drawSome(2));
  EXPECT_NE(drawSome(0), drawSome(UINT64_MAX));
}

// The generator's definition, so that no change of code can change what a seed gives.
TEST(RandomGenerator, GivesItsPublishedSequence) {
  RandomGenerator random(0);
  // SplitMix64 from 0 gives the state e220a8397b1dcdaf, 6e789e6aa1b965f4, 06c45d188009454f,
  // f88bb8a8724c81ec; the first result is rotl(state[1] * 5, 7) * 9.
  uint64_t product = uint64_t(0x6e789e6aa1b965f4) * 5;
  EXPECT_EQ(random.next(), (product << 7 | product >> 57) * 9);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    double value = random.nextUniform();
    ASSERT_TRUE(value >= 0 && value < 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.01);
}

TEST(PortableExp, IsAccurate) {
  EXPECT_EQ(portableExp(0), 1);
  double worst = 0;
  for (int i = 1; i < 700000; ++i) {
    double x = -i / 1000.0;
    worst = std::max(worst, std::abs(portableExp(x) / std::exp(x) - 1));
  }
  EXPECT_LT(worst, 1e-15);
  for (double x = -740; x < -708; x += 0.01)
    EXPECT_NEAR(portableExp(x), std::exp(x), std::numeric_limits<double>::denorm_min() * 2) << x;
  EXPECT_EQ(portableExp(-746), 0);
  EXPECT_EQ(portableExp(-1e308), 0);
  EXPECT_EQ(portableExp(-std::numeric_limits<double>::infinity()), 0);
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  auto sampler = Sampler::create({}, 3);
  auto error = [&](float logit) {
    return sampler->sample(std::vector<float>{1, logit, 3}).error().message;
  };
  std::string rest = "; run with --check to find where the model stops being finite";
  EXPECT_EQ(error(std::nanf("")), "the logit of token 1 is NaN" + rest);
  EXPECT_EQ(error(HUGE_VALF), "the logit of token 1 is inf" + rest);
  EXPECT_EQ(error(-HUGE_VALF), "the logit of token 1 is -inf" + rest);
  EXPECT_EQ(*sampler->sample(std::vector<float>{1, 2, 3}), 2) << "an error changes nothing";
}

TEST(Sampler, RefusesWhatDoesNotFitTheVocabulary) {
  auto sampler = Sampler::create({}, 3);
  EXPECT_EQ(sampler->sample(std::vector<float>{1, 2}).error().message,
            "2 logits were given for a vocabulary of 3 tokens");
  EXPECT_EQ(sampler->accept(3).error().message,
            "token id 3 is not in the vocabulary, whose ids are 0 to 2");
  EXPECT_FALSE(sampler->accept(-1));
  EXPECT_EQ(Sampler::create({}, 0).error().message,
            "a vocabulary of 0 tokens cannot be sampled from");
}

TEST(Sampler, NamesTheFlagThatIsWrong) {
  auto error = [](const SamplerOptions &options) {
    auto sampler = Sampler::create(options, 10);
    return sampler ? "no error" : sampler.error().message;
  };
  double nan = std::nan("");
  EXPECT_EQ(error({.temperature = -1}), "--temp must be a number from 0 (greedy) to 1000, not -1");
  EXPECT_EQ(error({.temperature = nan}).substr(0, 6), "--temp");
  EXPECT_EQ(error({.temperature = HUGE_VAL}).substr(0, 6), "--temp");
  EXPECT_EQ(error({.topK = -1}), "--top-k must be 0 (all tokens) or more, not -1");
  EXPECT_EQ(error({.topP = 0}), "--top-p must be above 0 and at most 1 (all tokens), not 0");
  EXPECT_EQ(error({.topP = 1.5}).substr(0, 7), "--top-p");
  EXPECT_EQ(error({.topP = nan}).substr(0, 7), "--top-p");
  EXPECT_EQ(error({.minP = 2}), "--min-p must be a number from 0 (all tokens) to 1, not 2");
  EXPECT_EQ(error({.minP = -0.1}).substr(0, 7), "--min-p");
  EXPECT_EQ(error({.repeatPenalty = 0}),
            "--repeat-penalty must be above 0 and at most 100 (1 is none), not 0");
  EXPECT_EQ(error({.repeatPenalty = nan}).substr(0, 16), "--repeat-penalty");
  EXPECT_EQ(error({.repeatWindow = -1}),
            "the window of --repeat-penalty must be 0 to 16777216 tokens, not -1");
}

TEST(Sampler, AllocatesNothingOnceCreated) {
  std::mt19937 random(seed);
  std::vector<float> logits(32000);
  for (float &logit : logits)
    logit = static_cast<float>(random() % 10000) / 500;
  for (SamplerOptions options :
       {SamplerOptions{}, SamplerOptions{.temperature = 0.8, .topK = 40, .topP = 0.9},
        SamplerOptions{.temperature = 1, .topP = 0.99, .minP = 0.01, .repeatPenalty = 1.1}}) {
    auto sampler = Sampler::create(options, logits.size());
    ASSERT_TRUE(sampler);
    size_t before = allocations;
    for (int i = 0; i < 100; ++i)
      (void)sampler->sample(logits);
    EXPECT_EQ(allocations, before);
  }
}

} // namespace
