// Attention of blocks of rows to the paged pool, and rotation, against plain fp64.
#include "dialects/formats/ScalarDecode.h"
#include "tests/compiler/x86/PagedSequence.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20263;
constexpr int64_t maxContext = 256;

struct Rotation {
  int64_t heads, headDim, rotaryDim;
  const char *pairs; // adjacent or halves
};

class AttentionTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};

  void checkRotation(const Rotation &shape, const std::vector<double> &divisors = {},
                     double magnitude = 1);
  std::vector<float> attend(const AttentionShape &shape, PagedSequence &sequence,
                            const std::vector<float> &q, int64_t context);
  void checkAttention(const AttentionShape &shape, int64_t context, int64_t queries);
};

/// The end of a rope attribute, from its kind of pairs on.
std::string scalingText(const std::vector<double> &divisors, double magnitude) {
  std::string text;
  for (double divisor : divisors)
    text += (text.empty() ? ", divisors = [" : ", ") + std::to_string(divisor);
  return text + (text.empty() ? "" : "]") + " magnitude = " + std::to_string(magnitude);
}

void AttentionTest::checkRotation(const Rotation &shape, const std::vector<double> &divisors,
                                  double magnitude) {
  constexpr int64_t tokens = 20;
  const int64_t heads = shape.heads;
  std::vector<float> x = randomActivations(tokens, heads * shape.headDim, false, random);
  std::string type = rowsType(heads * shape.headDim);
  std::string text =
      "rt.kernel @k grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>, "
      "#rt.arg<positions 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {\n"
      "^bb0(%x: " +
      type + ", %s: !llm.step):\n  %r = llm.rope %x, %s <head = " + std::to_string(shape.headDim) +
      ", rotary = " + std::to_string(shape.rotaryDim) + ", base = 1.0e+04, " + shape.pairs +
      scalingText(divisors, magnitude) + "> : " + type + "\n  rt.return %r : " + type + "\n}";
  const CompiledKernel &kernel = compiledOnce(text, GetParam(), "f32", maxContext);
  std::vector<int32_t> positions(tokens);
  for (int64_t t = 0; t < tokens; ++t)
    positions[t] = static_cast<int32_t>(t * 13 % 256);
  GuardedBuffer input = guarded(x), output(x.size() * 4), where = guarded(positions);
  GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(tokens)});
  kernel.run({count.as<void>(), where.as<void>(), input.as<void>(), output.as<void>()}, tokens);
  std::vector<double> expected(x.begin(), x.end());
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < shape.rotaryDim / 2; ++i) {
        bool adjacent = shape.pairs[0] == 'a';
        double *head = &expected[(t * heads + h) * shape.headDim];
        double &x0 = head[adjacent ? 2 * i : i];
        double &x1 = head[adjacent ? 2 * i + 1 : i + shape.rotaryDim / 2];
        double angle = positions[t] * std::pow(1e4, -2.0 * i / shape.rotaryDim);
        if (!divisors.empty())
          angle /= divisors[i];
        double y0 = x0 * std::cos(angle) - x1 * std::sin(angle);
        x1 = magnitude * (x1 * std::cos(angle) + x0 * std::sin(angle));
        x0 = magnitude * y0;
      }
  EXPECT_LE(nmse(output.as<float>(), expected), 1e-13) << shape.headDim << " " << shape.pairs;
}

/// What rows of queries, the last of `context` positions, get.
std::vector<float> AttentionTest::attend(const AttentionShape &shape, PagedSequence &sequence,
                                         const std::vector<float> &q, int64_t context) {
  int64_t queries = static_cast<int64_t>(q.size()) / shape.columns();
  std::string text = attentionKernel(shape, "llm.attention", "", {rowsType(shape.columns())});
  const CompiledKernel &kernel = compiledOnce(text, GetParam(), shape.activations, maxContext);
  std::vector<int32_t> blocks{1, 0, static_cast<int32_t>(queries),
                              static_cast<int32_t>(context - queries)};
  GuardedBuffer rows = guarded(q), block = guarded(blocks), output(q.size() * 4);
  GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(queries)});
  std::vector<void *> bindings = sequence.bindings(count, block);
  bindings.insert(bindings.end(), {rows.as<void>(), output.as<void>()});
  kernel.run(bindings, shape.kvHeads);
  return {output.as<float>(), output.as<float>() + q.size()};
}

void AttentionTest::checkAttention(const AttentionShape &shape, int64_t context, int64_t queries) {
  PagedSequence sequence(shape, GetParam(), context, maxContext, random);
  std::vector<float> q = randomActivations(queries, shape.columns(), false, random);
  std::vector<float> found = attend(shape, sequence, q, context);
  std::vector<int64_t> positions(queries);
  for (int64_t t = 0; t < queries; ++t)
    positions[t] = context - queries + t;
  EXPECT_LE(nmse(found.data(), sequence.attend(q, positions)), shape.bound())
      << shape.describe() << " context " << context << " queries " << queries << " seed " << seed;
}

constexpr Rotation rotations[] = {{2, 64, 64, "adjacent"},
                                  {1, 128, 128, "halves"},
                                  {3, 80, 32, "halves"},
                                  {2, 36, 20, "adjacent"},
                                  {2, 48, 48, "halves"}};
constexpr AttentionShape shapes[] = {
    {2, 2, 64}, {1, 8, 128}, {3, 1, 80}, {2, 5, 36}, {2, 3, 48, 0, 32}};

/// Heads of every size that models have, and the window of a few, none of which divides anything.
TEST_P(AttentionTest, OfEveryHeadSizeAndWindow) {
  for (int64_t headDim : {64, 80, 96, 128, 160, 192, 256})
    checkAttention({1, 3, headDim, /*window=*/40}, 75, 21);
  for (int64_t window : {1, 16, 17})
    checkAttention({1, 2, 64, window}, 75, 21);
}

TEST_P(AttentionTest, OfManyQueryHeadsOnOneKVHead) {
  checkAttention({1, 32, 64}, 130, 1);
  checkAttention({1, 71, 64, /*window=*/33}, 40, 9);
}

/// Borders of the 8 pages that are attended to at once.
TEST_P(AttentionTest, OfLongContexts) {
  for (auto [context, queries] : {std::pair<int64_t, int64_t>{129, 2}, {256, 19}})
    for (int64_t window : {0, 100}) {
      checkAttention({1, 1, 32, window}, context, queries);
      checkAttention({2, 3, 32, window, 16, "i8"}, context, queries);
    }
}

/// Heads of every size, where pages may hold pairs for VDPBF16PS.
TEST_P(AttentionTest, OfModelsInInt8) {
  for (int64_t headDim : {64, 80, 96, 128, 160, 192, 256})
    checkAttention({1, 4, headDim, 0, 16, "i8"}, 91, 7);
  for (int64_t group : {1, 2, 8})
    checkAttention({2, group, 64, 0, 16, "i8"}, 45, 1);
  checkAttention({1, 2, 20, 0, 16, "i8"}, 45, 3);
}

TEST_P(AttentionTest, RotatesHeads) {
  for (const Rotation &rotation : rotations)
    checkRotation(rotation);
}

TEST_P(AttentionTest, RotatesHeadsOfScaledModels) {
  for (const Rotation &rotation : rotations) {
    std::vector<double> divisors(rotation.rotaryDim / 2);
    for (size_t i = 0; i < divisors.size(); ++i)
      divisors[i] = 1 + 0.25 * static_cast<double>(i);
    checkRotation(rotation, divisors, 1.25);
  }
}

TEST_P(AttentionTest, AttendsAcrossPages) {
  for (const AttentionShape &shape : shapes)
    for (auto [context, queries] : {std::pair<int64_t, int64_t>{1, 1}, {17, 1}, {33, 5}, {48, 16}})
      checkAttention(shape, context, queries);
}

/// What is no number reaches something that `--check` looks at: pages, or the rows of results.
TEST_P(AttentionTest, HidesNoNaN) {
  constexpr int64_t context = 37, queries = 3, nanHead = 1;
  for (const AttentionShape &shape : {shapes[0], AttentionShape{2, 2, 64, 0, 16, "i8"}}) {
    PagedSequence sequence(shape, GetParam(), context, maxContext, random);
    auto countNaN = [&](GuardedBuffer &pool) {
      auto *first = pool.as<uint16_t>(), *end = first + pool.size() / sizeof(uint16_t);
      return std::count_if(first, end, [](uint16_t bits) { return std::isnan(halfToFloat(bits)); });
    };
    auto keysBefore = countNaN(sequence.keyPool()), valuesBefore = countNaN(sequence.valuePool());
    std::vector<float> k = sequence.storedKeys(), v = sequence.storedValues();
    k[5] = NAN, v.back() = -NAN;
    sequence.overwrite(k, v);
    EXPECT_EQ(countNaN(sequence.keyPool()), keysBefore + 1) << shape.activations;
    EXPECT_EQ(countNaN(sequence.valuePool()), valuesBefore + 1) << shape.activations;

    sequence.overwrite(sequence.storedKeys(), sequence.storedValues());
    const int64_t width = shape.columns();
    std::vector<float> q = randomActivations(queries, width, false, random);
    q[width + nanHead * shape.headDim + 9] = NAN;
    std::vector<float> found = attend(shape, sequence, q, context);
    for (int64_t i = 0; i < queries * width; ++i)
      ASSERT_EQ(std::isnan(found[i]), i / shape.headDim == width / shape.headDim + nanHead)
          << shape.activations << " row " << i / width << " column " << i % width;
  }
}

/// Shapes, contexts and windows by chance; the count is printed.
TEST_P(AttentionTest, GeneratedCasesAgreeWithFp64) {
  auto between = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  constexpr size_t shapeCount = 4, contextsOfShape = 25;
  for (size_t i = 0; i < shapeCount; ++i) {
    int64_t headDim = 4 * between(4, 40);
    AttentionShape shape{between(1, 4), between(1, 6), headDim};
    shape.window = i % 2 == 0 ? 0 : between(1, 120);
    shape.bits = i % 4 == 3 ? 32 : 16;
    shape.activations = i % 3 == 2 ? "i8" : "f32";
    for (size_t j = 0; j < contextsOfShape; ++j) {
      int64_t context = between(1, maxContext);
      checkAttention(shape, context, between(1, std::min<int64_t>(context, 40)));
    }
    checkRotation(
        {shape.kvHeads, headDim, 2 * between(1, headDim / 2), i % 2 == 0 ? "adjacent" : "halves"});
  }
  std::printf("%s: %zu cases of appending and attention, seed %llu\n", GetParam().c_str(),
              shapeCount * contextsOfShape, static_cast<unsigned long long>(seed));
}

INSTANTIATE_TEST_SUITE_P(Targets, AttentionTest, testing::ValuesIn(runnableTargets()), targetName);

} // namespace
} // namespace tawny::test
