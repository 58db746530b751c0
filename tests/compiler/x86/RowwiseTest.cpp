// Row-wise kernels and attention against plain fp64.
#include "dialects/formats/Activations.h"
#include "dialects/formats/ScalarDecode.h"
#include "tests/compiler/x86/KernelHarness.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

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

TEST_P(RowwiseTest, RmsNormAndItsSum) {
  constexpr int64_t count = 5;
  for (uint64_t columns : {1, 37, 96, 256})
    for (const char *element : {"f32", "!llm.a8"}) {
      bool quantised = element[0] == '!';
      if (quantised && columns % 32 != 0)
        continue;
      std::vector<float> a = randomActivations(count, columns, true, random);
      std::vector<float> b = randomActivations(count, columns, false, random);
      std::vector<float> weight = randomActivations(1, columns, false, random), sum = a;
      for (size_t i = 0; i < sum.size(); ++i)
        sum[i] += b[i];
      std::string w = "tensor<" + std::to_string(columns) + "xf32>";
      auto kernel =
          compile(kernelText({rows(columns), rows(columns), w},
                             "llm.add_rms_norm %a0, %a1, %a2 eps 1.0e-5 : " + rows(columns) + ", " +
                                 w + " -> " + rows(columns, element),
                             {rows(columns), rows(columns, element)}, {}));
      GuardedBuffer first = guarded(a), second = guarded(b), weights = guarded(weight);
      GuardedBuffer sums(sum.size() * 4), rowCount = guarded(std::vector<int32_t>{count});
      GuardedBuffer norm(quantised ? count * ActivationRow{columns}.bytes() : sum.size() * 4);
      kernel.run({rowCount.as<void>(), first.as<void>(), second.as<void>(), weights.as<void>(),
                  sums.as<void>(), norm.as<void>()},
                 count);
      EXPECT_EQ(std::vector<float>(sums.as<float>(), sums.as<float>() + sum.size()), sum);
      std::vector<double> expected = rmsNorm(sum, weight, columns);
      std::vector<float> found(norm.as<float>(), norm.as<float>() + norm.size() / 4);
      if (quantised)
        found = dequantise(norm, count, columns);
      EXPECT_LE(nmse(found.data(), expected), quantised ? 1e-4 : 1e-12)
          << columns << " " << element << " seed " << seed;
    }
}

TEST_P(RowwiseTest, QuantizeFollowsItsDefinition) {
  constexpr uint64_t count = 3, columns = 96;
  std::vector<float> x = randomActivations(count, columns, true, random);
  std::fill(x.begin() + 32, x.begin() + 64, 0.0f); // a group of zeros has scale 0
  auto kernel = compile(kernelText(
      {rows(columns)}, "llm.quantize %a0 : " + rows(columns) + " -> " + rows(columns, "!llm.a8"),
      {rows(columns, "!llm.a8")}, {}));
  GuardedBuffer input = guarded(x), rowCount = guarded(std::vector<int32_t>{count});
  GuardedBuffer output(count * ActivationRow{columns}.bytes());
  kernel.run({rowCount.as<void>(), input.as<void>(), output.as<void>()}, count);
  GuardedBuffer expected = quantise(x, count, columns);
  uint64_t used = ActivationRow{columns}.sums16Offset() + columns / 16 * 4;
  for (uint64_t row = 0; row < count; ++row) {
    const std::byte *found = output.as<std::byte>() + row * ActivationRow{columns}.bytes();
    const std::byte *wanted = expected.as<std::byte>() + row * ActivationRow{columns}.bytes();
    EXPECT_EQ(std::memcmp(found, wanted, used), 0) << "row " << row << " seed " << seed;
  }
}

TEST_P(RowwiseTest, EmbedDecodesEveryFormat) {
  for (Format format : allFormats) {
    RandomWeight table = randomWeight(format, 41, 256, random);
    auto kernel = compile(kernelText({"!llm.step", table.type()},
                                     "llm.embed %a0, %a1 : " + table.type() + " -> " + rows(256),
                                     {rows(256)}, {"tokens 0, read"}));
    std::vector<int32_t> tokens{40, 0, 17, 15, 16};
    GuardedBuffer packed = packForX86(table), ids = guarded(tokens);
    GuardedBuffer rowCount = guarded(std::vector<int32_t>{5}), output(tokens.size() * 256 * 4);
    kernel.run({rowCount.as<void>(), ids.as<void>(), packed.as<void>(), output.as<void>()}, 5);
    for (size_t t = 0; t < tokens.size(); ++t)
      for (size_t i = 0; i < 256; ++i)
        ASSERT_EQ(output.as<float>()[t * 256 + i], table.decoded[tokens[t] * 256 + i])
            << formatInfo(format).name << " token " << tokens[t] << " column " << i;
  }
}

TEST_P(RowwiseTest, ElementwiseAndGather) {
  constexpr uint64_t columns = 37;
  std::vector<float> x = randomActivations(4, columns, false, random);
  auto silu =
      compile(kernelText({rows(columns)}, "llm.silu %a0 : " + rows(columns), {rows(columns)}, {}));
  auto gather =
      compile(kernelText({rows(columns), "!llm.step"}, "llm.logit_rows %a0, %a1 : " + rows(columns),
                         {rows(columns)}, {"logit_rows 0, read"}));
  GuardedBuffer input = guarded(x), output(x.size() * 4);
  GuardedBuffer rowCount = guarded(std::vector<int32_t>{4});
  silu.run({rowCount.as<void>(), input.as<void>(), output.as<void>()}, 4);
  std::vector<double> expected(x.begin(), x.end());
  for (double &value : expected)
    value = value / (1 + std::exp(-value));
  EXPECT_LE(nmse(output.as<float>(), expected), 1e-12);
  std::vector<int32_t> wanted{3, 0};
  GuardedBuffer indices = guarded(wanted), picked(2 * columns * 4);
  gather.run({rowCount.as<void>(), indices.as<void>(), input.as<void>(), picked.as<void>()}, 2);
  for (size_t row = 0; row < 2; ++row)
    for (size_t i = 0; i < columns; ++i)
      EXPECT_EQ(picked.as<float>()[row * columns + i], x[wanted[row] * columns + i]);
}

INSTANTIATE_TEST_SUITE_P(Targets, RowwiseTest, testing::ValuesIn(runnableTargets()), targetName);

} // namespace
} // namespace tawny::test
