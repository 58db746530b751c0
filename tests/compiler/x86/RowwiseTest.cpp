// Row-wise kernels and attention against plain fp64.
#include "dialects/formats/Activations.h"
#include "dialects/formats/ScalarDecode.h"
#include "tests/compiler/x86/KernelHarness.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20262;

/// The text of a kernel with one op. Operands of type !llm.step and !llm.kv have no binding.
std::string kernelText(const std::vector<std::string> &operandTypes, const std::string &op,
                       const std::vector<std::string> &resultTypes,
                       const std::vector<std::string> &stepBindings) {
  std::string bindings = "#rt.arg<row_count 0, read>", arguments, results, types;
  for (const std::string &binding : stepBindings)
    bindings += ", #rt.arg<" + binding + ">";
  for (size_t i = 0; i < operandTypes.size(); ++i) {
    if (operandTypes[i][0] != '!')
      bindings += ", #rt.arg<operand " + std::to_string(i) + ", read>";
    arguments += (i ? ", %a" : "%a") + std::to_string(i) + ": " + operandTypes[i];
  }
  for (size_t i = 0; i < resultTypes.size(); ++i) {
    if (resultTypes[i][0] != '!')
      bindings += ", #rt.arg<result " + std::to_string(i) + ", write>";
    results += (i ? ", %r#" : "%r#") + std::to_string(i);
    types += (i ? ", " : "") + resultTypes[i];
  }
  return "rt.kernel @k grid <1 x tokens by 1> bindings [" + bindings + "] {\n^bb0(" + arguments +
         "):\n  %r:" + std::to_string(resultTypes.size()) + " = " + op + "\n  rt.return " +
         results + " : " + types + "\n}";
}

std::string rows(uint64_t columns, const char *element = "f32") {
  return "tensor<?x" + std::to_string(columns) + "x" + element + ">";
}

/// What the rows of an ActivationRow buffer stand for.
std::vector<float> dequantise(GuardedBuffer &buffer, uint64_t count, uint64_t columns) {
  ActivationRow layout{columns};
  std::vector<float> x(count * columns);
  for (uint64_t row = 0; row < count; ++row) {
    const std::byte *bytes = buffer.as<std::byte>() + row * layout.bytes();
    for (uint64_t column = 0; column < columns; ++column) {
      float scale;
      std::memcpy(&scale, bytes + layout.scalesOffset() + column / 32 * 4, 4);
      x[row * columns + column] = scale * static_cast<float>(static_cast<int8_t>(bytes[column]));
    }
  }
  return x;
}

class RowwiseTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};
  CompiledKernel compile(const std::string &text) {
    return CompiledKernel::compile(text, GetParam(), "i8");
  }
  void checkNorm(uint64_t columns, bool quantised, uint64_t count);
  void checkNormOfSum(uint64_t columns, bool quantised, uint64_t count);
  void checkQuantize(uint64_t columns, uint64_t count);
  /// The rows of the tokens are bit by bit what the scalar decoder makes of them.
  void checkEmbed(const RandomWeight &table, const std::vector<int32_t> &tokens);
  void checkElementwise(const std::string &op, uint64_t columns, uint64_t count);
  void checkGather(uint64_t columns, const std::vector<int32_t> &wanted, uint64_t count);
  void expectNorm(GuardedBuffer &found, const std::vector<float> &x,
                  const std::vector<float> &weight, uint64_t columns, bool quantised);
  uint64_t between(uint64_t low, uint64_t high) { return low + random() % (high - low + 1); }
};

std::vector<double> rmsNorm(const std::vector<float> &x, const std::vector<float> &weight,
                            uint64_t columns) {
  std::vector<double> y(x.size());
  for (size_t row = 0; row < x.size(); row += columns) {
    double squares = 0;
    for (size_t i = 0; i < columns; ++i)
      squares += static_cast<double>(x[row + i]) * x[row + i];
    for (size_t i = 0; i < columns; ++i)
      y[row + i] = x[row + i] / std::sqrt(squares / columns + 1e-5) * weight[i];
  }
  return y;
}

size_t rowBytes(uint64_t columns, bool quantised) {
  return quantised ? ActivationRow{columns}.bytes() : columns * sizeof(float);
}

void RowwiseTest::expectNorm(GuardedBuffer &found, const std::vector<float> &x,
                             const std::vector<float> &weight, uint64_t columns, bool quantised) {
  std::vector<double> expected = rmsNorm(x, weight, columns);
  if (!quantised) {
    EXPECT_LE(nmse(found.as<float>(), expected), 1e-12)
        << columns << " columns, " << x.size() / columns << " rows, seed " << seed;
    return;
  }
  // Each is within half of what a code of its group counts.
  constexpr size_t group = ActivationRow::groupElements;
  std::vector<float> values = dequantise(found, x.size() / columns, columns);
  for (size_t first = 0; first < expected.size(); first += group) {
    double largest = 0;
    for (size_t i = first; i < first + group; ++i)
      largest = std::max(largest, std::fabs(expected[i]));
    for (size_t i = first; i < first + group; ++i)
      ASSERT_NEAR(values[i], expected[i], 0.5001 * largest / 127)
          << columns << " columns, row " << i / columns << ", seed " << seed;
  }
}

void RowwiseTest::checkNorm(uint64_t columns, bool quantised, uint64_t count) {
  std::vector<float> x = randomActivations(count, columns, true, random);
  std::vector<float> weight = randomActivations(1, columns, false, random);
  std::string w = "tensor<" + std::to_string(columns) + "xf32>";
  std::string result = rows(columns, quantised ? "!llm.a8" : "f32");
  auto kernel = compile(
      kernelText({rows(columns), w},
                 "llm.rms_norm %a0, %a1 eps 1.0e-5 : " + rows(columns) + ", " + w + " -> " + result,
                 {result}, {}));
  GuardedBuffer input = guarded(x), weights = guarded(weight);
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{static_cast<int32_t>(count)});
  GuardedBuffer norm(count * rowBytes(columns, quantised));
  kernel.run({rowCount.as<void>(), input.as<void>(), weights.as<void>(), norm.as<void>()},
             static_cast<int64_t>(count));
  expectNorm(norm, x, weight, columns, quantised);
}

void RowwiseTest::checkNormOfSum(uint64_t columns, bool quantised, uint64_t count) {
  std::vector<float> a = randomActivations(count, columns, true, random);
  std::vector<float> b = randomActivations(count, columns, false, random);
  std::vector<float> weight = randomActivations(1, columns, false, random), sum = a;
  for (size_t i = 0; i < sum.size(); ++i)
    sum[i] += b[i];
  std::string w = "tensor<" + std::to_string(columns) + "xf32>";
  std::string result = rows(columns, quantised ? "!llm.a8" : "f32");
  auto kernel = compile(kernelText({rows(columns), rows(columns), w},
                                   "llm.add_rms_norm %a0, %a1, %a2 eps 1.0e-5 : " + rows(columns) +
                                       ", " + w + " -> " + result,
                                   {rows(columns), result}, {}));
  GuardedBuffer first = guarded(a), second = guarded(b), weights = guarded(weight);
  GuardedBuffer sums(sum.size() * 4), norm(count * rowBytes(columns, quantised));
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{static_cast<int32_t>(count)});
  kernel.run({rowCount.as<void>(), first.as<void>(), second.as<void>(), weights.as<void>(),
              sums.as<void>(), norm.as<void>()},
             static_cast<int64_t>(count));
  EXPECT_EQ(std::vector<float>(sums.as<float>(), sums.as<float>() + sum.size()), sum);
  expectNorm(norm, sum, weight, columns, quantised);
}

TEST_P(RowwiseTest, RmsNormAndItsSum) {
  for (uint64_t columns : {1, 37, 96, 256})
    for (bool quantised : {false, true})
      if (!quantised || columns % 32 == 0) {
        checkNorm(columns, quantised, 3);
        checkNormOfSum(columns, quantised, 5);
      }
}

void RowwiseTest::checkQuantize(uint64_t columns, uint64_t count) {
  std::vector<float> x = randomActivations(count, columns, true, random);
  std::fill_n(x.end() - 32, 32, 0.0f); // a group of zeros has scale 0
  auto kernel = compile(kernelText(
      {rows(columns)}, "llm.quantize %a0 : " + rows(columns) + " -> " + rows(columns, "!llm.a8"),
      {rows(columns, "!llm.a8")}, {}));
  GuardedBuffer input = guarded(x);
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{static_cast<int32_t>(count)});
  GuardedBuffer output(count * ActivationRow{columns}.bytes());
  kernel.run({rowCount.as<void>(), input.as<void>(), output.as<void>()},
             static_cast<int64_t>(count));
  GuardedBuffer expected = quantise(x, count, columns);
  uint64_t used = ActivationRow{columns}.planesBytes();
  for (uint64_t row = 0; row < count; ++row) {
    const std::byte *found = output.as<std::byte>() + row * ActivationRow{columns}.bytes();
    const std::byte *wanted = expected.as<std::byte>() + row * ActivationRow{columns}.bytes();
    EXPECT_EQ(std::memcmp(found, wanted, used), 0)
        << columns << " columns, row " << row << " seed " << seed;
  }
}

TEST_P(RowwiseTest, QuantizeFollowsItsDefinition) { checkQuantize(96, 3); }

TEST_P(RowwiseTest, QuantizeHidesNoNaN) {
  constexpr uint64_t columns = 64;
  auto kernel = compile(kernelText(
      {rows(columns)}, "llm.quantize %a0 : " + rows(columns) + " -> " + rows(columns, "!llm.a8"),
      {rows(columns, "!llm.a8")}, {}));
  for (uint64_t where = 0; where < 32; ++where) {
    std::vector<float> x = randomActivations(1, columns, false, random);
    x[where] = where % 2 ? NAN : -NAN;
    GuardedBuffer input = guarded(x), rowCount = guarded(std::vector<int32_t>{1});
    GuardedBuffer output(ActivationRow{columns}.bytes());
    kernel.run({rowCount.as<void>(), input.as<void>(), output.as<void>()}, 1);
    float scales[2];
    std::memcpy(scales, output.as<std::byte>() + ActivationRow{columns}.scalesOffset(), 8);
    EXPECT_TRUE(std::isnan(scales[0]) && std::isfinite(scales[1])) << "column " << where;
  }
}

void RowwiseTest::checkEmbed(const RandomWeight &table, const std::vector<int32_t> &tokens) {
  const uint64_t columns = table.columns;
  auto kernel = compile(kernelText({"!llm.step", table.type()},
                                   "llm.embed %a0, %a1 : " + table.type() + " -> " + rows(columns),
                                   {rows(columns)}, {"tokens 0, read"}));
  GuardedBuffer packed = packForX86(table), ids = guarded(tokens);
  auto count = static_cast<int32_t>(tokens.size());
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{count});
  GuardedBuffer output(tokens.size() * columns * 4);
  kernel.run({rowCount.as<void>(), ids.as<void>(), packed.as<void>(), output.as<void>()}, count);
  for (size_t t = 0; t < tokens.size(); ++t)
    for (size_t i = 0; i < columns; ++i) {
      float found = output.as<float>()[t * columns + i];
      float expected = table.decoded[tokens[t] * columns + i];
      ASSERT_TRUE(found == expected || (std::isnan(found) && std::isnan(expected)))
          << formatInfo(table.format).name << " token " << tokens[t] << " column " << i
          << ": expected " << expected << ", found " << found;
    }
}

TEST_P(RowwiseTest, EmbedDecodesEveryFormat) {
  for (Format format : allFormats)
    checkEmbed(randomWeight(format, 41, 256, random), {40, 0, 17, 15, 16});
  std::vector<int32_t> all(256);
  std::iota(all.begin(), all.end(), 0);
  checkEmbed(everyExponent(random), all);
}

void RowwiseTest::checkElementwise(const std::string &op, uint64_t columns, uint64_t count) {
  std::vector<float> x = randomActivations(count, columns, false, random);
  std::vector<float> y = randomActivations(count, columns, false, random);
  const bool isUnary = op == "llm.silu";
  std::vector<std::string> operands(isUnary ? 1 : 2, rows(columns));
  auto kernel = compile(kernelText(
      operands, op + (isUnary ? " %a0 : " : " %a0, %a1 : ") + rows(columns), {rows(columns)}, {}));
  GuardedBuffer first = guarded(x), second = guarded(y), output(x.size() * 4);
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{static_cast<int32_t>(count)});
  std::vector<void *> bindings{rowCount.as<void>(), first.as<void>()};
  if (!isUnary)
    bindings.push_back(second.as<void>());
  bindings.push_back(output.as<void>());
  kernel.run(bindings, static_cast<int64_t>(count));
  std::vector<double> expected(x.begin(), x.end());
  for (size_t i = 0; i < x.size(); ++i) {
    double &value = expected[i];
    value = isUnary              ? value / (1 + std::exp(-value))
            : op == "arith.addf" ? value + y[i]
                                 : value * y[i];
  }
  EXPECT_LE(nmse(output.as<float>(), expected), 1e-12)
      << op << " of " << columns << " columns, " << count << " rows, seed " << seed;
}

void RowwiseTest::checkGather(uint64_t columns, const std::vector<int32_t> &wanted,
                              uint64_t count) {
  std::vector<float> x = randomActivations(count, columns, false, random);
  auto kernel =
      compile(kernelText({rows(columns), "!llm.step"}, "llm.logit_rows %a0, %a1 : " + rows(columns),
                         {rows(columns)}, {"logit_rows 0, read"}));
  GuardedBuffer input = guarded(x), indices = guarded(wanted);
  GuardedBuffer picked(wanted.size() * columns * 4);
  auto wantedRows = static_cast<int32_t>(wanted.size());
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{wantedRows});
  kernel.run({rowCount.as<void>(), indices.as<void>(), input.as<void>(), picked.as<void>()},
             wantedRows);
  for (size_t row = 0; row < wanted.size(); ++row)
    for (size_t i = 0; i < columns; ++i)
      ASSERT_EQ(picked.as<float>()[row * columns + i], x[wanted[row] * columns + i]);
}

constexpr const char *elementwiseOps[] = {"llm.silu", "arith.addf", "arith.mulf"};

TEST_P(RowwiseTest, ElementwiseAndGather) {
  for (const char *op : elementwiseOps)
    checkElementwise(op, 37, 4);
  checkGather(37, {3, 0}, 4);
}

/// Ragged shapes of everything that works row by row; the count is printed.
TEST_P(RowwiseTest, GeneratedCasesAgreeWithFp64) {
  constexpr size_t shapes = 12;
  size_t cases = 0;
  for (size_t shape = 0; shape < shapes; ++shape) {
    uint64_t columns = between(1, 700), groups = 32 * between(1, 20), count = between(1, 9);
    checkNorm(columns, false, count);
    checkNorm(groups, true, count);
    checkNormOfSum(columns, false, count);
    checkNormOfSum(groups, true, count);
    checkQuantize(groups, count);
    for (const char *op : elementwiseOps)
      checkElementwise(op, columns, count);
    std::vector<int32_t> wanted(between(1, 12));
    for (int32_t &row : wanted)
      row = static_cast<int32_t>(random() % count);
    checkGather(columns, wanted, count);
    cases += 6 + std::size(elementwiseOps);
  }
  for (Format format : allFormats)
    for (size_t shape = 0; shape < 2; ++shape) {
      const FormatInfo &info = formatInfo(format);
      uint64_t columns = info.isFloat() ? between(1, 300) : info.blockElements * between(1, 4);
      RandomWeight table = randomWeight(format, between(1, 70), columns, random);
      std::vector<int32_t> tokens(between(1, 9));
      for (int32_t &token : tokens)
        token = static_cast<int32_t>(random() % table.rows);
      checkEmbed(table, tokens);
      ++cases;
    }
  std::printf("%s: %zu cases of row-wise kernels, seed %llu\n", GetParam().c_str(), cases,
              static_cast<unsigned long long>(seed));
}

INSTANTIATE_TEST_SUITE_P(Targets, RowwiseTest, testing::ValuesIn(runnableTargets()), targetName);

} // namespace
} // namespace tawny::test
