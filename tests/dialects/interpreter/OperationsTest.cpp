// Each op against numbers worked out by hand or by an independent formula.
#include "dialects/formats/ScalarDecode.h"
#include "tests/dialects/interpreter/MakeValues.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstring>
#include <limits>

using namespace tawny;
using namespace tawny::interpreter;

namespace {

Weight f32Weight(int64_t rows, int64_t columns, const std::vector<float> &values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  Weight weight;
  weight.rows = rows;
  weight.columns = columns;
  weight.storage = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  weight.bytes = *weight.storage;
  return weight;
}

Rows runLinear(const Rows &x, const LinearPart &part, Accumulate accumulate = Accumulate::F64) {
  Rows result(x.rows, part.weight.rows);
  linear(x, part, accumulate,
         [&](int64_t t, int64_t r, llvm::ArrayRef<float> sums) { result.row(t)[r] = sums[0]; });
  return result;
}

TEST(Embed, TakesTheRowsOfTheTokens) {
  Weight table = f32Weight(3, 2, {1, 2, 3, 4, 5, 6});
  Step step = stepOf(2);
  step.tokens = {2, 0};
  llvm::Expected<Rows> rows = embed(step, table);
  ASSERT_TRUE(static_cast<bool>(rows));
  EXPECT_EQ(rows->values, (std::vector<float>{5, 6, 1, 2}));
}

TEST(Embed, RefusesTokensThatTheTableDoesNotHave) {
  Weight table = f32Weight(3, 2, {1, 2, 3, 4, 5, 6});
  for (int32_t token : {-1, 3}) {
    Step step = stepOf(1);
    step.tokens = {token};
    llvm::Expected<Rows> rows = embed(step, table);
    ASSERT_FALSE(static_cast<bool>(rows));
    EXPECT_EQ(messageOf(rows.takeError()),
              "expects tokens from 0 to 2, found " + std::to_string(token) + " at row 0");
  }
}

TEST(RmsNorm, DividesByTheRootMeanSquare) {
  // The mean square of 3 and 4 is 12.5; with eps 3.5 its root is 4.
  Rows result = rmsNorm(makeRows(1, 2, {3, 4}), {2, 0.5}, 3.5, Accumulate::F64);
  EXPECT_EQ(result.values, (std::vector<float>{1.5, 0.5}));
}

TEST(RmsNorm, KeepsRowsApartAndZerosFinite) {
  Rows result = rmsNorm(makeRows(2, 2, {0, 0, 5, 5}), {1, 1}, 1e-12, Accumulate::F32);
  EXPECT_EQ(result.row(0)[0], 0);
  EXPECT_FLOAT_EQ(result.row(1)[1], 1);
}

TEST(Silu, IsXTimesSigmoid) {
  EXPECT_EQ(silu(0), 0);
  EXPECT_FLOAT_EQ(silu(1), 0.7310585786300049f);
  EXPECT_FLOAT_EQ(silu(-2), -0.2384058440442351f);
  EXPECT_EQ(silu(100), 100);
  // exp(100) passes f32's range; the quotient must not become a NaN.
  EXPECT_EQ(silu(-100), 0);
}

TEST(Rope, TurnsAdjacentPairsAsComplexNumbers) {
  Rotation rotation{6, 4, 100, Pairs::Adjacent};
  Rows x = makeRows(
      2, 12, {1, 2, 3, 4, 5, 6, -1, 0.5, 2, -3, 7, 8, 1, 2, 3, 4, 5, 6, -1, 0.5, 2, -3, 7, 8});
  Step step = stepOf(2, 3);
  llvm::Expected<Rows> result = rope(x, step, rotation);
  ASSERT_TRUE(static_cast<bool>(result));
  for (int64_t t = 0; t < 2; ++t)
    for (int64_t head : {0, 6}) {
      for (int64_t i = 0; i < 2; ++i) {
        // base^(-2 i / 4) is 1 and 1 / 10.
        double angle = (3 + double(t)) * (i == 0 ? 1.0 : 0.1);
        std::complex<double> before(x.row(t)[head + 2 * i], x.row(t)[head + 2 * i + 1]);
        std::complex<double> after = before * std::polar(1.0, angle);
        EXPECT_FLOAT_EQ(result->row(t)[head + 2 * i], float(after.real()));
        EXPECT_FLOAT_EQ(result->row(t)[head + 2 * i + 1], float(after.imag()));
      }
      EXPECT_EQ(result->row(t)[head + 4], x.row(t)[head + 4]);
      EXPECT_EQ(result->row(t)[head + 5], x.row(t)[head + 5]);
    }
}

TEST(Rope, OfHalvesIsThatOfAdjacentPairsReordered) {
  Rows halves = makeRows(1, 4, {1, 2, 3, 4});
  Rows adjacent = makeRows(1, 4, {1, 3, 2, 4});
  Step step = stepOf(1, 7);
  llvm::Expected<Rows> a = rope(halves, step, {4, 4, 1e4, Pairs::Halves});
  llvm::Expected<Rows> b = rope(adjacent, step, {4, 4, 1e4, Pairs::Adjacent});
  ASSERT_TRUE(static_cast<bool>(a) && static_cast<bool>(b));
  EXPECT_EQ(a->values,
            (std::vector<float>{b->values[0], b->values[2], b->values[1], b->values[3]}));
}

TEST(Rope, DividesAnglesAndMultipliesByTheMagnitude) {
  const double divisors[] = {2, 8};
  Rotation rotation{5, 4, 100, Pairs::Adjacent, divisors, 1.5};
  Rows x = makeRows(1, 5, {1, 2, 3, 4, 5});
  llvm::Expected<Rows> result = rope(x, stepOf(1, 6), rotation);
  ASSERT_TRUE(static_cast<bool>(result));
  for (int64_t i = 0; i < 2; ++i) {
    double angle = i == 0 ? 6.0 / 2 : 6.0 * 0.1 / 8;
    std::complex<double> after =
        std::complex<double>(x.values[2 * i], x.values[2 * i + 1]) * std::polar(1.5, angle);
    EXPECT_FLOAT_EQ(result->values[2 * i], float(after.real()));
    EXPECT_FLOAT_EQ(result->values[2 * i + 1], float(after.imag()));
  }
  EXPECT_EQ(result->values[4], 5);
}

TEST(LogitRows, KeepsTheStepsOrder) {
  Step step = stepOf(3);
  step.logitRows = {2, 0};
  llvm::Expected<Rows> result = logitRows(makeRows(3, 1, {10, 11, 12}), step);
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result->values, (std::vector<float>{12, 10}));
  step.logitRows = {3};
  llvm::Expected<Rows> refused = logitRows(makeRows(3, 1, {10, 11, 12}), step);
  EXPECT_EQ(messageOf(refused.takeError()), "expects logit rows from 0 to 2, found 3");
}

TEST(TopK, TakesTheLargestAndTheLowerColumnAmongEquals) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  Candidates result = topK(makeRows(2, 4, {1, 3, 3, -2, nan, -infinity, nan, nan}), 3);
  EXPECT_EQ(result.columns, 3);
  const std::vector<std::pair<float, int32_t>> expected = {
      {3, 1}, {3, 2}, {1, 0}, {-infinity, 1}, {-infinity, -1}, {-infinity, -1}};
  ASSERT_EQ(result.values.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(result.values[i].logit, expected[i].first) << i;
    EXPECT_EQ(result.values[i].token, expected[i].second) << i;
  }
}

TEST(Quantize, RoundsTiesToEvenUnderAScalePerGroup) {
  Rows x(1, 96);
  x.values[0] = -127; // group 0: scale 1
  x.values[1] = 0.5;
  x.values[2] = 1.5;
  x.values[3] = -2.5;
  x.values[32] = 254; // group 1: scale 2; group 2 is all zeros
  x.values[33] = 6.5;
  QuantizedRows result = quantize(x);
  EXPECT_EQ(result.scales, (std::vector<float>{1, 2, 0}));
  EXPECT_EQ(result.codes[0], -127);
  EXPECT_EQ(result.codes[1], 0);
  EXPECT_EQ(result.codes[2], 2);
  EXPECT_EQ(result.codes[3], -2);
  EXPECT_EQ(result.codes[32], 127);
  EXPECT_EQ(result.codes[33], 3);
  EXPECT_EQ(result.codes[64], 0);
  EXPECT_EQ(dequantize(result).values[33], 6);
}

TEST(Quantize, LetsWhatIsNotFiniteBeSeen) {
  Rows x(1, 32);
  x.values[5] = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(dequantize(quantize(x)).values[0]));
}

TEST(Quantize, RoundsToHalfAndSaturates) {
  Rows x(1, 5);
  x.values = {1.0f + 1.0f / 4096, 70000, -70000, 1e-8f, std::nanf("")};
  roundToHalf(x);
  EXPECT_EQ(x.values[0], 1.0f);
  EXPECT_EQ(x.values[1], 65504.0f);
  EXPECT_EQ(x.values[2], -65504.0f);
  EXPECT_EQ(x.values[3], 0.0f);
  EXPECT_TRUE(std::isnan(x.values[4]));
}

TEST(Linear, IsTheProductPlusBias) {
  Rows x = makeRows(2, 3, {1, 2, 3, -1, 0, 1});
  Weight w = f32Weight(2, 3, {1, 1, 1, 0, 2, -1});
  EXPECT_EQ(runLinear(x, {w, {}}).values, (std::vector<float>{6, 1, 0, -1}));
  std::vector<float> bias = {10, 20};
  EXPECT_EQ(runLinear(x, {w, bias}).values, (std::vector<float>{16, 21, 10, 19}));
}

TEST(Linear, HandsTheAccumulatorsOfAllPartsTogether) {
  Rows x = makeRows(1, 2, {1, 2});
  LinearPart parts[2] = {{f32Weight(2, 2, {1, 0, 0, 1}), {}}, {f32Weight(2, 2, {2, 0, 0, 2}), {}}};
  std::vector<std::vector<float>> calls;
  linear(x, parts, Accumulate::F64, [&](int64_t, int64_t, llvm::ArrayRef<float> sums) {
    calls.emplace_back(sums.begin(), sums.end());
  });
  EXPECT_EQ(calls, (std::vector<std::vector<float>>{{1, 2}, {2, 4}}));
}

TEST(Linear, SumsInThePrecisionAskedFor) {
  Rows x = makeRows(1, 3, {1e8f, 1, -1e8f});
  Weight ones = f32Weight(1, 3, {1, 1, 1});
  EXPECT_EQ(runLinear(x, {ones, {}}, Accumulate::F64).values[0], 1);
  EXPECT_EQ(runLinear(x, {ones, {}}, Accumulate::F32).values[0], 0);
}

TEST(Linear, DecodesBlocks) {
  // One Q8_0 block: an f16 scale of 0.5, then codes -16 to 15.
  std::vector<uint8_t> block(34);
  uint16_t half = floatToHalf(0.5f);
  std::memcpy(block.data(), &half, sizeof(half));
  for (int i = 0; i < 32; ++i)
    block[2 + i] = static_cast<uint8_t>(i - 16);
  Weight weight;
  weight.format = Format::Q8_0;
  weight.rows = 1;
  weight.columns = 32;
  weight.bytes = block;
  Rows ones(1, 32);
  std::fill(ones.values.begin(), ones.values.end(), 1.0f);
  EXPECT_EQ(runLinear(ones, {weight, {}}).values[0], -8);
}

} // namespace
