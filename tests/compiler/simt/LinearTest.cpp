// Linears on a GPU against fp64 on inputs rounded to f16: formats, ragged shapes, token counts,
// outliers, parts and epilogues.
#include "passes/KernelShapes.h"
#include "tests/compiler/simt/KernelHarness.h"

#include <cmath>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20263;
constexpr double bound = 1e-6;
/// All sums of few rows may be small beside their terms, whose weights are rounded to f16.
constexpr double boundOfFewRows = 1e-5;

std::string rowsType(uint64_t columns, const char *element) {
  return "tensor<?x" + std::to_string(columns) + "x" + element + ">";
}

/// The head of a kernel @k of `rowTiles` tiles by `tokens` tokens.
std::string kernelHead(uint64_t rowTiles, uint64_t tileRows, uint64_t tileTokens, unsigned operands,
                       unsigned results = 1) {
  std::string text = "rt.kernel @k grid <" + std::to_string(rowTiles) + " x tokens by " +
                     std::to_string(tileTokens) + "> bindings [#rt.arg<row_count 0, read>";
  for (unsigned i = 0; i < operands; ++i)
    text += ", #rt.arg<operand " + std::to_string(i) + ", read>";
  for (unsigned i = 0; i < results; ++i)
    text += ", #rt.arg<result " + std::to_string(i) + ", write>";
  return text + "] resources {tile_rows = " + std::to_string(tileRows) +
         " : i64, tile_tokens = " + std::to_string(tileTokens) + " : i64} {\n";
}

std::string plainKernel(const RandomWeight &weight, uint64_t tileRows, uint64_t tileTokens,
                        const char *element) {
  std::string x = rowsType(weight.columns, element), w = weight.type();
  std::string y = rowsType(weight.rows, "f32");
  return kernelHead((weight.rows + tileRows - 1) / tileRows, tileRows, tileTokens, 2) +
         "^bb0(%x: " + x + ", %w: " + w + "):\n  %y = llm.linear %x weights(%w) at [0] : (" + x +
         ", " + w + ") -> " + y + "\n  rt.return %y : " + y + "\n}";
}

class SimtLinear : public testing::Test {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};

  /// A weight against token counts, with and without an outlier channel.
  void check(Format format, uint64_t rows, uint64_t columns, uint64_t tileRows, uint64_t tileTokens,
             std::initializer_list<uint64_t> tokenCounts) {
    RandomWeight weight = randomWeight(format, rows, columns, random);
    GpuBuffer packed = GpuBuffer::weight(weight);
    SimtKernel kernel = SimtKernel::compile(plainKernel(weight, tileRows, tileTokens, "f16"));
    for (uint64_t tokens : tokenCounts)
      for (bool outlier : {false, true}) {
        std::vector<float> x = roundedToHalf(randomActivations(tokens, columns, outlier, random));
        GpuBuffer input = GpuBuffer::halves(x), output(tokens * rows * sizeof(float));
        GpuBuffer count = GpuBuffer::of(std::vector<int32_t>{static_cast<int32_t>(tokens)});
        kernel.run({&count, &input, &packed, &output}, tokens);
        EXPECT_LE(nmse(output.read<float>().data(), product(weight, x, tokens)),
                  rows < 16 ? boundOfFewRows : bound)
            << chip() << " " << formatInfo(format).name << " " << rows << "x" << columns << " tile "
            << tileRows << "x" << tileTokens << " tokens " << tokens << (outlier ? " outlier" : "")
            << " seed " << seed;
      }
  }
};

TEST_F(SimtLinear, MatchesFp64ForOneToken) {
  for (Format format : allFormats) {
    uint64_t block = std::max<uint64_t>(formatInfo(format).blockElements, 32);
    check(format, 264, 3 * block, 32, 1, {1, 2});
    check(format, 1, block, 32, 1, {1});
  }
}

TEST_F(SimtLinear, MatchesFp64ForBatches) {
  for (Format format : allFormats) {
    uint64_t block = std::max<uint64_t>(formatInfo(format).blockElements, 32);
    check(format, 264, block, 32, 16, {1, 3, 8, 16});
    check(format, 40, 3 * block, 32, 32, {1, 17, 32, 33});
  }
}

TEST_F(SimtLinear, MatchesFp64ForPrefill) {
  for (Format format : allFormats) {
    uint64_t block = std::max<uint64_t>(formatInfo(format).blockElements, 32);
    check(format, 264, 2 * block, 128, 64, {1, 33, 64, 70});
  }
}

TEST_F(SimtLinear, MatchesFp64WhereColumnsAreNoMultipleOf32) {
  check(Format::F16, 33, 37, 32, 16, {1, 9});
  check(Format::F32, 17, 5, 32, 1, {1});
}

TEST_F(SimtLinear, ATokenDoesNotDependOnItsNeighbours) {
  RandomWeight weight = randomWeight(Format::Q4_K, 64, 512, random);
  GpuBuffer packed = GpuBuffer::weight(weight);
  for (auto [tileRows, tileTokens] : {std::pair<uint64_t, uint64_t>{32, 16}, {32, 32}, {128, 64}}) {
    SimtKernel kernel = SimtKernel::compile(plainKernel(weight, tileRows, tileTokens, "f16"));
    std::vector<float> x = roundedToHalf(randomActivations(33, 512, false, random));
    auto run = [&](uint64_t first, uint64_t tokens) {
      std::vector<float> part(x.begin() + static_cast<ptrdiff_t>(first * 512),
                              x.begin() + static_cast<ptrdiff_t>((first + tokens) * 512));
      GpuBuffer input = GpuBuffer::halves(part), output(tokens * 64 * sizeof(float));
      GpuBuffer count = GpuBuffer::of(std::vector<int32_t>{static_cast<int32_t>(tokens)});
      kernel.run({&count, &input, &packed, &output}, tokens);
      return output.read<float>();
    };
    std::vector<float> together = run(0, 33);
    for (uint64_t t : {0, 1, 16, 31, 32})
      EXPECT_EQ(run(t, 1),
                std::vector<float>(together.begin() + static_cast<ptrdiff_t>(t * 64),
                                   together.begin() + static_cast<ptrdiff_t>(t * 64 + 64)))
          << "token " << t << " tile tokens " << tileTokens;
  }
}

/// gate and up of different formats, SiLU in the epilogue, f16 out.
std::string pairedKernel(const RandomWeight &gate, const RandomWeight &up, uint64_t tileRows,
                         uint64_t tileTokens) {
  std::string x = rowsType(gate.columns, "f16"), y = rowsType(gate.rows, "f16");
  return kernelHead((gate.rows + tileRows - 1) / tileRows, tileRows, tileTokens, 3) +
         "^bb0(%x: " + x + ", %g: " + gate.type() + ", %u: " + up.type() +
         "):\n  %y = llm.linear %x weights(%g, %u) at [0, 0] epilogue {\n"
         "  ^bb0(%a: f32, %b: f32):\n"
         "    %n = arith.negf %a : f32\n    %e = math.exp %n : f32\n"
         "    %one = arith.constant 1.0 : f32\n    %d = arith.addf %e, %one : f32\n"
         "    %s = arith.divf %a, %d : f32\n    %m = arith.mulf %s, %b : f32\n"
         "    llm.yield %m : f32\n  } : (" +
         x + ", " + gate.type() + ", " + up.type() + ") -> " + y + "\n  rt.return %y : " + y +
         "\n}";
}

TEST_F(SimtLinear, PairsPartsOfDifferentFormatsInTheEpilogue) {
  RandomWeight gate = randomWeight(Format::Q4_K, 96, 256, random);
  RandomWeight up = randomWeight(Format::Q6_K, 96, 256, random);
  GpuBuffer gates = GpuBuffer::weight(gate), ups = GpuBuffer::weight(up);
  for (auto [tileRows, tileTokens] : {std::pair<uint64_t, uint64_t>{32, 1}, {32, 16}, {64, 64}}) {
    SimtKernel kernel = SimtKernel::compile(pairedKernel(gate, up, tileRows, tileTokens));
    const uint64_t tokens = tileTokens == 1 ? 1 : 13;
    std::vector<float> x = roundedToHalf(randomActivations(tokens, 256, false, random));
    GpuBuffer input = GpuBuffer::halves(x), output(tokens * 96 * 2);
    GpuBuffer count = GpuBuffer::of(std::vector<int32_t>{static_cast<int32_t>(tokens)});
    kernel.run({&count, &input, &gates, &ups, &output}, tokens);
    std::vector<double> a = product(gate, x, tokens), b = product(up, x, tokens);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = a[i] / (1 + std::exp(-a[i])) * b[i];
    EXPECT_LE(nmse(output.readHalves().data(), a), bound) << "tile tokens " << tileTokens;
  }
}

TEST_F(SimtLinear, SaturatesWhatPassesTheRangeOfHalves) {
  RandomWeight weight = randomWeight(Format::F16, 32, 64, random);
  std::vector<float> x(64, 60000.0f);
  std::string kernel = pairedKernel(weight, weight, 32, 16);
  GpuBuffer input = GpuBuffer::halves(x), packed = GpuBuffer::weight(weight), output(32 * 2);
  GpuBuffer count = GpuBuffer::of(std::vector<int32_t>{1});
  SimtKernel::compile(kernel).run({&count, &input, &packed, &packed, &output}, 1);
  for (float value : output.readHalves())
    EXPECT_LE(std::fabs(value), 65504.0f); // infinities and NaN fail
}

} // namespace
} // namespace tawny::test
