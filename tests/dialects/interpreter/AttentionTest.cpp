// The pool and attention over it against numbers worked out by hand or by another way of computing.
#include "dialects/formats/ScalarDecode.h"
#include "tests/dialects/interpreter/MakeValues.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

using namespace tawny;
using namespace tawny::interpreter;

namespace {

TEST(KvAppend, RoundsToHalfAndLeavesTheOldPoolAlone) {
  Pool empty(1, 1, 2);
  Rows k = makeRows(1, 2, {1.0f / 3, 70000}), v = makeRows(1, 2, {-2, 1e-9f});
  llvm::Expected<Pool> pool = kvAppend(empty, k, v, stepOf(1, 2), 0);
  ASSERT_TRUE(static_cast<bool>(pool));
  EXPECT_TRUE(empty.layers[0].empty());
  const SequenceCache &cache = *pool->layers[0].at(0);
  EXPECT_EQ(cache.written, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(cache.keys[4], 0.333251953125f);
  EXPECT_EQ(cache.keys[5], std::numeric_limits<float>::infinity());
  EXPECT_EQ(cache.values[4], -2);
  EXPECT_EQ(cache.values[5], 0);
}

TEST(Attention, OfOnePositionIsItsValue) {
  Pool pool(1, 1, 2);
  llvm::Expected<Pool> one =
      kvAppend(pool, makeRows(1, 2, {5, -5}), makeRows(1, 2, {3, 4}), stepOf(1), 0);
  ASSERT_TRUE(static_cast<bool>(one));
  llvm::Expected<Rows> result =
      attention(makeRows(1, 2, {9, 9}), *one, stepOf(1), 0, 1, Accumulate::F64);
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result->values, (std::vector<float>{3, 4}));
}

TEST(Attention, IsCausalAndWeighsByTheSoftmaxOfScaledScores) {
  Pool pool(1, 1, 1);
  Rows k = makeRows(3, 1, {0, 1, 50}), v = makeRows(3, 1, {10, 20, 1000});
  llvm::Expected<Pool> three = kvAppend(pool, k, v, stepOf(3), 0);
  ASSERT_TRUE(static_cast<bool>(three));
  // Position 1 sees scores 0 and 0.5 * 4 * 1 and not the third key.
  llvm::Expected<Rows> result =
      attention(makeRows(3, 1, {4, 4, 4}), *three, stepOf(3), 0, 0.5, Accumulate::F64);
  ASSERT_TRUE(static_cast<bool>(result));
  double second = 1 / (1 + std::exp(-2.0));
  EXPECT_EQ(result->values[0], 10);
  EXPECT_FLOAT_EQ(result->values[1], float(10 * (1 - second) + 20 * second));
  EXPECT_EQ(result->values[2], 1000);
}

TEST(Attention, SharesKeysAmongTheQueryHeadsOfAGroup) {
  Pool pool(1, 2, 1);
  llvm::Expected<Pool> one =
      kvAppend(pool, makeRows(1, 2, {0, 0}), makeRows(1, 2, {7, 8}), stepOf(1), 0);
  ASSERT_TRUE(static_cast<bool>(one));
  llvm::Expected<Rows> result =
      attention(makeRows(1, 6, {1, 1, 1, 1, 1, 1}), *one, stepOf(1), 0, 1, Accumulate::F32);
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result->values, (std::vector<float>{7, 7, 7, 8, 8, 8}));
}

TEST(Attention, InPartsHasTheLargestScoreAndTheSumsOfEachRange) {
  // 18 positions in three ranges of 16, 2 and none. All keys but one are 0.
  Pool pool(1, 1, 1);
  Rows k(18, 1), v(18, 1);
  k.values[17] = 4;
  std::fill(v.values.begin(), v.values.end(), 2.0f);
  v.values[17] = 6;
  llvm::Expected<Pool> filled = kvAppend(pool, k, v, stepOf(18), 0);
  ASSERT_TRUE(static_cast<bool>(filled));
  auto parts =
      attentionPart(makeRows(1, 1, {3}), *filled, stepOf(1, 17), 0, 0.5, 3, Accumulate::F64);
  ASSERT_TRUE(static_cast<bool>(parts));
  auto &[sums, state] = *parts;
  // The last score is 0.5 * 3 * 4; maxima are in powers of two.
  double rest = std::exp(-6.0);
  EXPECT_EQ(sums.values[0], 32);
  EXPECT_FLOAT_EQ(sums.values[1], float(6 + 2 * rest));
  EXPECT_EQ(sums.values[2], 0);
  EXPECT_EQ(state.values[0], 0);
  EXPECT_EQ(state.values[1], 16);
  EXPECT_FLOAT_EQ(state.values[2], float(6 * std::numbers::log2e));
  EXPECT_FLOAT_EQ(state.values[3], float(1 + rest));
  EXPECT_EQ(state.values[4], std::numeric_limits<float>::lowest());
  EXPECT_EQ(state.values[5], 0);
  Rows merged = attentionMerge(sums, state, 3, 1, Accumulate::F64);
  EXPECT_FLOAT_EQ(merged.values[0], float((6 + 34 * rest) / (1 + 17 * rest)));
}

TEST(Attention, MergedFromPartsIsThatOfTheWhole) {
  // Two query heads to each of two KV heads, rows at different positions.
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  auto rows = [&](int64_t count, int64_t columns) {
    Rows result(count, columns);
    for (float &x : result.values)
      x = normal(random);
    return result;
  };
  Pool pool(1, 2, 8);
  llvm::Expected<Pool> filled = kvAppend(pool, rows(40, 16), rows(40, 16), stepOf(40), 0);
  ASSERT_TRUE(static_cast<bool>(filled));
  Step step = stepOf(3);
  step.positions = {0, 39, 16};
  step.sequences = {0, 0, 0};
  Rows q = rows(3, 32);
  for (int64_t window : {0, 3, 20, 33}) {
    llvm::Expected<Rows> whole = attention(q, *filled, step, 0, 0.35, Accumulate::F64, window);
    ASSERT_TRUE(static_cast<bool>(whole));
    for (int64_t splits : {1, 2, 5}) {
      auto parts = attentionPart(q, *filled, step, 0, 0.35, splits, Accumulate::F64, window);
      ASSERT_TRUE(static_cast<bool>(parts));
      Rows merged = attentionMerge(parts->first, parts->second, splits, 4, Accumulate::F64);
      for (size_t i = 0; i < merged.values.size(); ++i)
        EXPECT_NEAR(merged.values[i], whole->values[i], 1e-6)
            << splits << " splits, window " << window << ", element " << i;
    }
  }
}

TEST(Attention, OfAWindowSeesItsLastPositions) {
  Pool pool(1, 1, 1);
  Rows k(6, 1), v = makeRows(6, 1, {1, 2, 4, 8, 16, 32});
  llvm::Expected<Pool> filled = kvAppend(pool, k, v, stepOf(6), 0);
  ASSERT_TRUE(static_cast<bool>(filled));
  Rows q(6, 1);
  llvm::Expected<Rows> result =
      attention(q, *filled, stepOf(6), 0, 1, Accumulate::F64, /*window=*/2);
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result->values, (std::vector<float>{1, 1.5, 3, 6, 12, 24}));
}

TEST(Attention, OfAWindowNeedsNothingBeforeIt) {
  Pool pool(1, 1, 1);
  llvm::Expected<Pool> late =
      kvAppend(pool, makeRows(2, 1, {0, 0}), makeRows(2, 1, {3, 5}), stepOf(2, 7), 0);
  ASSERT_TRUE(static_cast<bool>(late));
  Rows q(1, 1);
  llvm::Expected<Rows> result = attention(q, *late, stepOf(1, 8), 0, 1, Accumulate::F64, 2);
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result->values, (std::vector<float>{4}));
  llvm::Expected<Rows> refused = attention(q, *late, stepOf(1, 8), 0, 1, Accumulate::F64, 3);
  EXPECT_EQ(messageOf(refused.takeError()),
            "sequence 0 has no key at position 6 of layer 0, which position 8 sees");
}

TEST(Attention, KeepsSequencesApart) {
  Pool pool(1, 1, 1);
  Step step = stepOf(2);
  step.positions = {0, 0};
  step.sequences = {4, 9};
  llvm::Expected<Pool> both =
      kvAppend(pool, makeRows(2, 1, {0, 0}), makeRows(2, 1, {1, 2}), step, 0);
  ASSERT_TRUE(static_cast<bool>(both));
  llvm::Expected<Rows> result =
      attention(makeRows(2, 1, {1, 1}), *both, step, 0, 1, Accumulate::F64);
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result->values, (std::vector<float>{1, 2}));
}

TEST(Attention, RefusesPositionsThatWereNeverWritten) {
  Pool pool(2, 1, 1);
  llvm::Expected<Pool> gap =
      kvAppend(pool, makeRows(1, 1, {0}), makeRows(1, 1, {1}), stepOf(1, 1), 1);
  ASSERT_TRUE(static_cast<bool>(gap));
  llvm::Expected<Rows> result =
      attention(makeRows(1, 1, {1}), *gap, stepOf(1, 1), 1, 1, Accumulate::F64);
  EXPECT_EQ(messageOf(result.takeError()),
            "sequence 0 has no key at position 0 of layer 1, which position 1 sees");
}

} // namespace
