// Linears against fp64: formats, ragged shapes, token counts, outliers, parts and epilogues.
#include "tests/compiler/x86/KernelHarness.h"

#include <cmath>
#include <gtest/gtest.h>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20261;
std::string inputType(uint64_t columns, bool quantised) {
  return "tensor<?x" + std::to_string(columns) + "x" + (quantised ? "!llm.a8>" : "f32>");
}

std::string plainKernel(const RandomWeight &weight, bool quantised) {
  std::string x = inputType(weight.columns, quantised), w = weight.type();
  std::string y = "tensor<?x" + std::to_string(weight.rows) + "xf32>";
  return "rt.kernel @k grid <" + std::to_string((weight.rows + 15) / 16) +
         " x one by 1> bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, "
         "#rt.arg<operand 1, read>, #rt.arg<result 0, write>] resources {tile_rows = 16 : i64} {\n"
         "^bb0(%x: " +
         x + ", %w: " + w +
         "):\n"
         "  %y = llm.linear %x weights(%w) at [0] : (" +
         x + ", " + w + ") -> " + y +
         "\n"
         "  rt.return %y : " +
         y + "\n}";
}

class LinearTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};

  /// One weight against every token count, with and without an outlier channel.
  void checkPlain(Format format, uint64_t rows, uint64_t columns, bool quantised) {
    RandomWeight weight = randomWeight(format, rows, columns, random);
    GuardedBuffer packed = packForX86(weight);
    auto kernel = CompiledKernel::compile(plainKernel(weight, quantised), GetParam(),
                                          quantised ? "i8" : "f32");
    for (uint64_t tokens : {1, 2, 3, 7, 8, 15, 33})
      for (bool outlier : {false, true}) {
        std::vector<float> x = randomActivations(tokens, columns, outlier, random);
        GuardedBuffer input = quantised ? quantise(x, tokens, columns) : guarded(x);
        GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(tokens)});
        GuardedBuffer output(tokens * rows * sizeof(float));
        kernel.run({count.as<void>(), input.as<void>(), packed.as<void>(), output.as<void>()},
                   static_cast<int64_t>((rows + 15) / 16));
        std::vector<double> expected = product(weight, x, tokens);
        const auto *found = output.as<float>();
        double error = largestError(found, expected, productTerms(weight, x, tokens));
        bool isClose = rows < nmseRows || nmse(found, expected) <= nmseBound;
        EXPECT_TRUE(isClose && error <= errorBound(columns, quantised))
            << "error " << error << " of the terms; " << formatInfo(format).name << " " << rows
            << "x" << columns << " tokens " << tokens << (quantised ? " a8" : " f32")
            << (outlier ? " outlier" : "") << " seed " << seed;
      }
  }
};

TEST_P(LinearTest, MatchesFp64AtRaggedShapes) {
  for (Format format : allFormats) {
    uint64_t block = std::max<uint64_t>(formatInfo(format).blockElements, 32);
    for (bool quantised : {false, true}) {
      if (quantised && formatInfo(format).isFloat())
        continue;
      checkPlain(format, 264, 3 * block, quantised);
      checkPlain(format, 16, block, quantised);
      checkPlain(format, 1, 2 * block, quantised);
    }
  }
}

/// Each row is compared where sums are neither beyond f32 nor subnormal.
TEST_P(LinearTest, MXFP4OfEveryExponent) {
  RandomWeight weight = everyExponent(random);
  GuardedBuffer packed = packForX86(weight);
  const int powers[] = {40, 0, -40};
  // One token, a few, and as many as are staged.
  for (uint64_t copies : {1, 3, 24})
    for (bool quantised : {false, true}) {
      auto kernel = CompiledKernel::compile(plainKernel(weight, quantised), GetParam(),
                                            quantised ? "i8" : "f32");
      for (int power : powers) {
        std::vector<float> x = randomActivations(copies, weight.columns, false, random);
        for (float &value : x)
          value = std::ldexp(value, power);
        GuardedBuffer input = quantised ? quantise(x, copies, weight.columns) : guarded(x);
        GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(copies)});
        GuardedBuffer output(copies * weight.rows * sizeof(float));
        kernel.run({count.as<void>(), input.as<void>(), packed.as<void>(), output.as<void>()}, 16);
        std::vector<double> expected = product(weight, x, copies);
        for (size_t i = 0; i < expected.size(); ++i) {
          uint64_t row = i % weight.rows;
          float found = output.as<float>()[i];
          if (row == 255)
            EXPECT_TRUE(std::isnan(found));
          else if (powers[row / 86] == power)
            EXPECT_NEAR(found, expected[i],
                        1e-5 * std::ldexp(32, static_cast<int>(row) - 127 + power))
                << "exponent " << row << (quantised ? " a8" : " f32") << ", " << copies
                << " tokens, seed " << seed;
        }
      }
    }
}

TEST_P(LinearTest, OddColumnsOfHalves) {
  checkPlain(Format::F16, 33, 37, false);
  checkPlain(Format::F32, 17, 5, false);
}

TEST_P(LinearTest, ARowDoesNotDependOnItsNeighbours) {
  RandomWeight weight = randomWeight(Format::Q4_K, 32, 512, random);
  GuardedBuffer packed = packForX86(weight);
  for (bool quantised : {false, true}) {
    auto kernel = CompiledKernel::compile(plainKernel(weight, quantised), GetParam(),
                                          quantised ? "i8" : "f32");
    std::vector<float> x = randomActivations(33, 512, false, random);
    std::vector<std::vector<float>> rows;
    auto run = [&](uint64_t first, uint64_t tokens) {
      std::vector<float> part(x.begin() + first * 512, x.begin() + (first + tokens) * 512);
      GuardedBuffer input = quantised ? quantise(part, tokens, 512) : guarded(part);
      GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(tokens)});
      GuardedBuffer output(tokens * 32 * sizeof(float));
      kernel.run({count.as<void>(), input.as<void>(), packed.as<void>(), output.as<void>()}, 2);
      return std::vector<float>(output.as<float>(), output.as<float>() + tokens * 32);
    };
    std::vector<float> together = run(0, 33);
    for (uint64_t t = 0; t < 33; ++t)
      EXPECT_EQ(run(t, 1),
                std::vector<float>(together.begin() + t * 32, together.begin() + (t + 1) * 32))
          << "row " << t;
  }
}

TEST_P(LinearTest, PairsPartsOfDifferentFormatsInTheEpilogue) {
  RandomWeight gate = randomWeight(Format::Q4_K, 96, 256, random);
  RandomWeight up = randomWeight(Format::Q6_K, 96, 256, random);
  std::string kernel =
      "rt.kernel @k grid <3 x one by 1> bindings [#rt.arg<row_count 0, read>, "
      "#rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>, "
      "#rt.arg<result 0, write>] resources {tile_rows = 32 : i64} {\n"
      "^bb0(%x: tensor<?x256x!llm.a8>, %g: " +
      gate.type() + ", %u: " + up.type() +
      "):\n"
      "  %y = llm.linear %x weights(%g, %u) at [0, 0] epilogue {\n"
      "  ^bb0(%a: f32, %b: f32):\n"
      "    %n = arith.negf %a : f32\n    %e = math.exp %n : f32\n"
      "    %one = arith.constant 1.0 : f32\n    %d = arith.addf %e, %one : f32\n"
      "    %s = arith.divf %a, %d : f32\n    %m = arith.mulf %s, %b : f32\n"
      "    llm.yield %m : f32\n"
      "  } : (tensor<?x256x!llm.a8>, " +
      gate.type() + ", " + up.type() +
      ") -> tensor<?x96xf32>\n  rt.return %y : tensor<?x96xf32>\n}";
  auto compiled = CompiledKernel::compile(kernel, GetParam(), "i8");
  constexpr uint64_t tokens = 13;
  std::vector<float> x = randomActivations(tokens, 256, false, random);
  GuardedBuffer input = quantise(x, tokens, 256);
  GuardedBuffer gates = packForX86(gate), ups = packForX86(up);
  GuardedBuffer count = guarded(std::vector<int32_t>{tokens});
  GuardedBuffer output(tokens * 96 * sizeof(float));
  compiled.run(
      {count.as<void>(), input.as<void>(), gates.as<void>(), ups.as<void>(), output.as<void>()}, 3);
  std::vector<double> a = product(gate, x, tokens), b = product(up, x, tokens);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = a[i] / (1 + std::exp(-a[i])) * b[i];
  EXPECT_LE(nmse(output.as<float>(), a), 1e-11);
}

TEST_P(LinearTest, ConcatenatesPartsWithBiases) {
  RandomWeight q = randomWeight(Format::Q4_0, 40, 64, random);
  RandomWeight v = randomWeight(Format::F16, 24, 64, random);
  std::vector<float> bias = randomActivations(1, 24, false, random);
  std::string kernel =
      "rt.kernel @k grid <5 x one by 1> bindings [#rt.arg<row_count 0, read>, "
      "#rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>, "
      "#rt.arg<operand 3, read>, #rt.arg<result 0, write>, #rt.arg<result 1, write>] "
      "resources {tile_rows = 16 : i64} {\n"
      "^bb0(%x: tensor<?x64xf32>, %q: " +
      q.type() + ", %v: " + v.type() +
      ", %b: tensor<24xf32>):\n"
      "  %y:2 = llm.linear %x weights(%q, %v) at [0, 40] bias(%b) of [1] : (tensor<?x64xf32>, " +
      q.type() + ", " + v.type() +
      ", tensor<24xf32>) -> (tensor<?x40xf32>, tensor<?x24xf32>)\n"
      "  rt.return %y#0, %y#1 : tensor<?x40xf32>, tensor<?x24xf32>\n}";
  auto compiled = CompiledKernel::compile(kernel, GetParam(), "f32");
  constexpr uint64_t tokens = 5;
  std::vector<float> x = randomActivations(tokens, 64, false, random);
  GuardedBuffer input = guarded(x), qs = packForX86(q), vs = packForX86(v), biases = guarded(bias);
  GuardedBuffer count = guarded(std::vector<int32_t>{tokens});
  GuardedBuffer first(tokens * 40 * sizeof(float)), second(tokens * 24 * sizeof(float));
  compiled.run({count.as<void>(), input.as<void>(), qs.as<void>(), vs.as<void>(), biases.as<void>(),
                first.as<void>(), second.as<void>()},
               5);
  std::vector<double> expected = product(v, x, tokens);
  for (size_t i = 0; i < expected.size(); ++i)
    expected[i] += bias[i % 24];
  EXPECT_LE(nmse(first.as<float>(), product(q, x, tokens)), 1e-11);
  EXPECT_LE(nmse(second.as<float>(), expected), 1e-11);
}

INSTANTIATE_TEST_SUITE_P(Targets, LinearTest, testing::ValuesIn(runnableTargets()), targetName);

} // namespace
} // namespace tawny::test
