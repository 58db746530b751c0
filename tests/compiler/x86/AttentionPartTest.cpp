// Attention of single rows in ranges of their contexts that are merged: against fp64, and bit for
// bit against attention of blocks of rows.
#include "tests/compiler/x86/PagedSequence.h"

#include "dialects/formats/Activations.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20266;
constexpr int64_t maxContext = 1100, rangeTokens = 256; // the last of 5 ranges is short

/// Ranges of a row of that window; 0: all of the context.
int64_t rangesOf(int64_t window) {
  int64_t all = (maxContext + rangeTokens - 1) / rangeTokens;
  return window == 0 ? all : std::min(all, (window - 1 + rangeTokens - 1) / rangeTokens + 1);
}

/// Rows of queries, each of which stands alone at some position of one sequence.
struct Rows {
  Rows(const AttentionShape &shape, const std::string &target, std::vector<int64_t> positions,
       std::mt19937_64 &random)
      : shape(shape), target(target), positions(std::move(positions)),
        sequence(shape, target, maxContext, maxContext, random),
        q(randomActivations(this->positions.size(), shape.columns(), false, random)),
        splits(rangesOf(shape.window)) {
    for (size_t row = 0; row < count(); ++row)
      for (int64_t value :
           {int64_t(1), static_cast<int64_t>(row), int64_t(1), this->positions[row]})
        blockList.push_back(static_cast<int32_t>(value));
  }

  size_t count() const { return positions.size(); }
  std::string resultType(bool isInt8) const {
    return rowsType(shape.columns(), isInt8 ? "!llm.a8" : "f32");
  }
  size_t resultBytes(bool isInt8) const {
    auto columns = static_cast<uint64_t>(shape.columns());
    return count() * (isInt8 ? ActivationRow{columns}.bytes() : columns * 4);
  }

  GuardedBuffer attendWhole(bool isInt8);
  GuardedBuffer attendInParts(bool isInt8, const std::vector<int64_t> &order);
  /// Tiles of attendInParts' first kernel.
  int64_t tiles() const { return static_cast<int64_t>(count()) * shape.kvHeads * splits; }

  AttentionShape shape;
  std::string target;
  std::vector<int64_t> positions;
  PagedSequence sequence;
  std::vector<float> q;
  int64_t splits;
  std::vector<int32_t> blockList;
};

GuardedBuffer Rows::attendWhole(bool isInt8) {
  std::string text = attentionKernel(shape, "llm.attention", "", {resultType(isInt8)});
  GuardedBuffer rows = guarded(q), blocks = guarded(blockList), output(resultBytes(isInt8));
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{static_cast<int32_t>(count())});
  std::vector<void *> bindings = sequence.bindings(rowCount, blocks);
  bindings.insert(bindings.end(), {rows.as<void>(), output.as<void>()});
  compiledOnce(text, target, shape.activations, maxContext)
      .run(bindings, static_cast<int64_t>(count()) * shape.kvHeads);
  return output;
}

/// Runs tiles one by one in that order.
GuardedBuffer Rows::attendInParts(bool isInt8, const std::vector<int64_t> &order) {
  std::string sumsType = rowsType(splits * shape.columns());
  std::string stateType = rowsType(2 * splits * shape.heads());
  std::string splitText = " splits " + std::to_string(splits);
  GuardedBuffer rows = guarded(q), blocks = guarded(blockList), output(resultBytes(isInt8));
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{static_cast<int32_t>(count())});
  GuardedBuffer sums(count() * splits * shape.columns() * 4);
  GuardedBuffer state(count() * splits * shape.heads() * 8);
  std::vector<void *> bindings = sequence.bindings(rowCount, blocks);
  bindings.insert(bindings.end(), {rows.as<void>(), sums.as<void>(), state.as<void>()});
  const CompiledKernel &parts =
      compiledOnce(attentionKernel(shape, "llm.attention_part", splitText, {sumsType, stateType}),
                   target, shape.activations, maxContext);
  for (int64_t tile : order)
    parts.run(bindings, 1, tile);
  std::string merge =
      "rt.kernel @k grid <" + std::to_string(shape.heads()) +
      " x tokens by 1> bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, "
      "#rt.arg<operand 1, read>, #rt.arg<result 0, write>] {\n^bb0(%s: " +
      sumsType + ", %t: " + stateType + "):\n  %r = llm.attention_merge %s, %t" + splitText +
      " : " + sumsType + ", " + stateType + " -> " + resultType(isInt8) +
      "\n  rt.return %r : " + resultType(isInt8) + "\n}";
  compiledOnce(merge, target, shape.activations, maxContext)
      .run({rowCount.as<void>(), sums.as<void>(), state.as<void>(), output.as<void>()},
           static_cast<int64_t>(count()) * shape.heads());
  return output;
}

class AttentionPartTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};

  void check(const AttentionShape &shape, const std::vector<int64_t> &positions);
  void expectSame(GuardedBuffer first, GuardedBuffer second, const Rows &rows, const char *what) {
    EXPECT_EQ(std::memcmp(first.as<void>(), second.as<void>(), first.size()), 0)
        << what << ": " << rows.shape.describe() << " rows " << rows.count() << " seed " << seed;
  }
  std::vector<int64_t> shuffledTiles(const Rows &rows) {
    std::vector<int64_t> order(rows.tiles());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    return order;
  }
};

void AttentionPartTest::check(const AttentionShape &shape, const std::vector<int64_t> &positions) {
  Rows rows(shape, GetParam(), positions, random);
  GuardedBuffer found = rows.attendInParts(false, shuffledTiles(rows));
  EXPECT_LE(nmse(found.as<float>(), rows.sequence.attend(rows.q, rows.positions)), shape.bound())
      << shape.describe() << " rows " << rows.count() << " seed " << seed;
  expectSame(std::move(found), rows.attendWhole(false), rows, "in parts and whole");
}

/// At the borders of pages, of blocks of 128 positions and of ranges.
const std::vector<int64_t> borders = {0,   15,  16,  127, 128, 255,  256,
                                      257, 400, 511, 512, 767, 1023, 1099};

TEST_P(AttentionPartTest, OfEveryHeadSize) {
  for (int64_t headDim : {64, 80, 96, 128, 160, 192, 256})
    check({2, 3, headDim, 0, 16, "i8"}, {700});
  check({1, 2, 80}, {700});
  check({2, 3, 48, 0, /*bits=*/32}, {700});
  check({1, 5, 36}, {300});
}

TEST_P(AttentionPartTest, AtEveryBorder) {
  check({4, 8, 64, 0, 16, "i8"}, borders);
  check({2, 1, 32}, borders);
  for (int64_t window : {1, 100, 256, 257, 600})
    check({2, 2, 32, window, 16, "i8"}, borders);
}

/// Of one KV head and of many, of which tiles take one or several.
TEST_P(AttentionPartTest, OfEveryGroup) {
  check({1, 140, 32, 0, 16, "i8"}, {0, 1099});
  check({1, 71, 64}, {640});
  check({12, 1, 64, 0, 16, "i8"}, {100, 1099});
  check({32, 1, 128, 0, 16, "i8"}, {40, 1099});
}

TEST_P(AttentionPartTest, OfBatches) {
  for (size_t batch : {2, 8, 33}) {
    std::vector<int64_t> positions(batch);
    for (int64_t &position : positions)
      position = static_cast<int64_t>(random() % maxContext);
    check({2, 4, 64, 0, 16, "i8"}, positions);
  }
}

TEST_P(AttentionPartTest, StoresInt8) {
  Rows rows({4, 8, 64, 0, 16, "i8"}, GetParam(), {3, 900}, random);
  expectSame(rows.attendInParts(true, shuffledTiles(rows)), rows.attendWhole(true), rows, "int8");
}

/// What a tile takes depends on how many ranges there are, not on who runs it or when.
TEST_P(AttentionPartTest, HasTheSameBitsInAnyOrderOfTiles) {
  Rows rows({8, 4, 128, 0, 16, "i8"}, GetParam(), {40, 300, 700, 1099}, random);
  GuardedBuffer first = rows.attendInParts(false, shuffledTiles(rows));
  expectSame(std::move(first), rows.attendInParts(false, shuffledTiles(rows)), rows, "order");
}

/// A query that is no number is the result of its own head alone.
TEST_P(AttentionPartTest, HidesNoNaN) {
  Rows rows({2, 2, 64, 0, 16, "i8"}, GetParam(), {10, 700}, random);
  constexpr int64_t nanHead = 5; // of all rows
  rows.q[nanHead * rows.shape.headDim + 9] = NAN;
  GuardedBuffer found = rows.attendInParts(false, shuffledTiles(rows));
  for (size_t i = 0; i < rows.q.size(); ++i)
    ASSERT_EQ(std::isnan(found.as<float>()[i]), i / rows.shape.headDim == nanHead) << i;
}

INSTANTIATE_TEST_SUITE_P(Targets, AttentionPartTest, testing::ValuesIn(runnableTargets()),
                         targetName);

} // namespace
} // namespace tawny::test
