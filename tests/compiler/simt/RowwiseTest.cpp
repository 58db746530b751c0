// Kernels that take one row to a tile against fp64: norms, embeddings, element-wise ops, rounding
// to f16, rotation, appends and the selection of logit rows.
#include "passes/KernelShapes.h"
#include "tests/compiler/simt/KernelHarness.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20264;
constexpr double bound = 1e-6;

std::string rowsOf(uint64_t columns, const char *element = "f32") {
  return "tensor<?x" + std::to_string(columns) + "x" + element + ">";
}

/// A kernel @k of one tile per row: `bindings` without the row count, block arguments, one op that
/// makes `results` of the types.
std::string rowKernel(const std::string &bindings, const std::string &arguments,
                      const std::string &op, const std::string &results, const std::string &types,
                      const char *extent = "tokens") {
  return std::string("rt.kernel @k grid <1 x ") + extent +
         " by 1> bindings [#rt.arg<row_count 0, read>, " + bindings + "] {\n^bb0(" + arguments +
         "):\n  " + op + "\n  rt.return " + results + " : " + types + "\n}";
}

const std::string unaryBindings = "#rt.arg<operand 0, read>, #rt.arg<result 0, write>";
const std::string binaryBindings =
    "#rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>";

class SimtRowwise : public testing::Test {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};

  std::vector<float> activations(uint64_t rows, uint64_t columns) {
    return randomActivations(rows, columns, /*outlier=*/false, random);
  }
  static GpuBuffer count(uint64_t rows) {
    return GpuBuffer::of(std::vector<int32_t>{static_cast<int32_t>(rows)});
  }
};

/// rms_norm of each row.
std::vector<double> norm(const std::vector<float> &x, const std::vector<float> &weight,
                         double eps) {
  std::vector<double> result;
  const size_t columns = weight.size();
  for (size_t row = 0; row < x.size() / columns; ++row) {
    double square = 0;
    for (size_t c = 0; c < columns; ++c)
      square += double(x[row * columns + c]) * x[row * columns + c];
    double scale = 1 / std::sqrt(square / static_cast<double>(columns) + eps);
    for (size_t c = 0; c < columns; ++c)
      result.push_back(x[row * columns + c] * scale * weight[c]);
  }
  return result;
}

TEST_F(SimtRowwise, Norms) {
  for (uint64_t columns : {uint64_t{1}, uint64_t{77}, uint64_t{256}, uint64_t{4096}})
    for (const char *element : {"f32", "f16"}) {
      const uint64_t rows = 3;
      std::string x = rowsOf(columns), w = "tensor<" + std::to_string(columns) + "xf32>";
      std::string y = rowsOf(columns, element);
      SimtKernel kernel = SimtKernel::compile(
          rowKernel(binaryBindings, "%x: " + x + ", %w: " + w,
                    "%y = llm.rms_norm %x, %w eps 1.0e-5 : " + x + ", " + w + " -> " + y, "%y", y));
      std::vector<float> input = activations(rows, columns), weight = activations(1, columns);
      GpuBuffer n = count(rows), a = GpuBuffer::of(input), b = GpuBuffer::of(weight);
      const bool isHalf = element[1] == '1';
      GpuBuffer output(rows * columns * (isHalf ? 2 : 4));
      kernel.run({&n, &a, &b, &output}, rows);
      std::vector<float> found = isHalf ? output.readHalves() : output.read<float>();
      EXPECT_LE(nmse(found.data(), norm(input, weight, 1e-5)), bound)
          << chip() << " " << columns << " columns of " << element << " seed " << seed;
    }
}

TEST_F(SimtRowwise, NormOfASumAndTheSum) {
  const uint64_t rows = 2, columns = 1028;
  std::string x = rowsOf(columns), w = "tensor<" + std::to_string(columns) + "xf32>";
  std::string y = rowsOf(columns, "f16");
  SimtKernel kernel = SimtKernel::compile(
      rowKernel("#rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>, "
                "#rt.arg<result 0, write>, #rt.arg<result 1, write>",
                "%a: " + x + ", %b: " + x + ", %w: " + w,
                "%s, %y = llm.add_rms_norm %a, %b, %w eps 1.0e-5 : " + x + ", " + w + " -> " + y,
                "%s, %y", x + ", " + y));
  std::vector<float> a = activations(rows, columns), b = activations(rows, columns);
  std::vector<float> weight = activations(1, columns), sums(a);
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] += b[i];
  GpuBuffer n = count(rows), first = GpuBuffer::of(a), second = GpuBuffer::of(b);
  GpuBuffer weights = GpuBuffer::of(weight), sum(rows * columns * 4), norms(rows * columns * 2);
  kernel.run({&n, &first, &second, &weights, &sum, &norms}, rows);
  EXPECT_EQ(sum.read<float>(), sums);
  EXPECT_LE(nmse(norms.readHalves().data(), norm(sums, weight, 1e-5)), bound);
}

TEST_F(SimtRowwise, Embeddings) {
  for (Format format : allFormats)
    for (uint64_t columns : {uint64_t{256}, uint64_t{2304}, uint64_t{77}}) {
      if (formatInfo(format).codeBits != 0 && columns == 77)
        continue;
      RandomWeight table = randomWeight(format, 70, columns, random);
      std::string t = table.type(), y = rowsOf(columns);
      SimtKernel kernel = SimtKernel::compile(rowKernel(
          "#rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>",
          "%step: !llm.step, %t: " + t, "%y = llm.embed %step, %t : " + t + " -> " + y, "%y", y));
      std::vector<int32_t> ids{0, 69, 31, 32, 5};
      std::vector<double> expected;
      for (int32_t id : ids)
        for (uint64_t c = 0; c < columns; ++c)
          expected.push_back(table.decoded[static_cast<uint64_t>(id) * columns + c]);
      GpuBuffer n = count(ids.size()), tokens = GpuBuffer::of(ids);
      GpuBuffer packed = GpuBuffer::weight(table), output(ids.size() * columns * 4);
      kernel.run({&n, &tokens, &packed, &output}, ids.size());
      EXPECT_LE(nmse(output.read<float>().data(), expected), 1e-12)
          << chip() << " " << formatInfo(format).name << " " << columns << " columns, seed "
          << seed;
    }
}

TEST_F(SimtRowwise, EmbeddingsOfEveryExponent) {
  RandomWeight table = everyExponent(random);
  std::string t = table.type(), y = rowsOf(table.columns);
  SimtKernel kernel = SimtKernel::compile(rowKernel(
      "#rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>",
      "%step: !llm.step, %t: " + t, "%y = llm.embed %step, %t : " + t + " -> " + y, "%y", y));
  std::vector<int32_t> ids(table.rows);
  std::iota(ids.begin(), ids.end(), 0);
  GpuBuffer n = count(ids.size()), tokens = GpuBuffer::of(ids);
  GpuBuffer packed = GpuBuffer::weight(table), output(table.decoded.size() * 4);
  kernel.run({&n, &tokens, &packed, &output}, ids.size());
  std::vector<float> found = output.read<float>();
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_TRUE(found[i] == table.decoded[i] ||
                (std::isnan(found[i]) && std::isnan(table.decoded[i])))
        << chip() << " exponent " << i / table.columns << ": expected " << table.decoded[i]
        << ", found " << found[i];
}

TEST_F(SimtRowwise, ElementwiseOps) {
  for (uint64_t columns : {uint64_t{1}, uint64_t{77}, uint64_t{130}, uint64_t{5504}}) {
    const uint64_t rows = 3;
    std::string x = rowsOf(columns);
    std::vector<float> a = activations(rows, columns), b = activations(rows, columns);
    GpuBuffer n = count(rows), first = GpuBuffer::of(a), second = GpuBuffer::of(b);
    GpuBuffer output(rows * columns * 4);
    SimtKernel::compile(rowKernel(binaryBindings, "%a: " + x + ", %b: " + x,
                                  "%y = arith.mulf %a, %b : " + x, "%y", x))
        .run({&n, &first, &second, &output}, rows);
    std::vector<float> products(a);
    for (size_t i = 0; i < a.size(); ++i)
      products[i] *= b[i];
    EXPECT_EQ(output.read<float>(), products) << columns;

    SimtKernel::compile(rowKernel(unaryBindings, "%a: " + x, "%y = llm.silu %a : " + x, "%y", x))
        .run({&n, &first, &output}, rows);
    std::vector<double> silu;
    for (float value : a)
      silu.push_back(value / (1 + std::exp(-double(value))));
    EXPECT_LE(nmse(output.read<float>().data(), silu), 1e-12) << columns;
  }
}

TEST_F(SimtRowwise, SiluOfLargeValues) {
  std::string x = rowsOf(6);
  const float infinity = std::numeric_limits<float>::infinity();
  GpuBuffer n = count(1), output(6 * 4);
  GpuBuffer input = GpuBuffer::of(std::vector<float>{-1e20f, -100, -88, 88, 1e20f, infinity});
  SimtKernel::compile(rowKernel(unaryBindings, "%a: " + x, "%y = llm.silu %a : " + x, "%y", x))
      .run({&n, &input, &output}, 1);
  std::vector<float> found = output.read<float>();
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(found[i], 0, 1e-30);
  EXPECT_EQ(found[3], 88);
  EXPECT_EQ(found[4], 1e20f);
  EXPECT_EQ(found[5], infinity);
}

TEST_F(SimtRowwise, RoundingToHalves) {
  for (uint64_t columns : {uint64_t{9}, uint64_t{256}}) {
    std::string x = rowsOf(columns), y = rowsOf(columns, "f16");
    std::vector<float> a = activations(2, columns);
    a[0] = 70000;
    a[1] = -std::numeric_limits<float>::infinity();
    a[2] = std::numeric_limits<float>::quiet_NaN();
    a[3] = 1e-7f; // subnormal
    GpuBuffer n = count(2), input = GpuBuffer::of(a), output(2 * columns * 2);
    SimtKernel::compile(
        rowKernel(unaryBindings, "%x: " + x, "%y = llm.quantize %x : " + x + " -> " + y, "%y", y))
        .run({&n, &input, &output}, 2);
    std::vector<float> found = output.readHalves(), expected = roundedToHalf(a);
    EXPECT_EQ(found[0], 65504);
    EXPECT_EQ(found[1], -65504);
    EXPECT_TRUE(std::isnan(found[2]));
    for (size_t i = 3; i < found.size(); ++i)
      EXPECT_EQ(found[i], expected[i]) << i;
  }
}

TEST_F(SimtRowwise, LogitRows) {
  const uint64_t columns = 1030;
  std::string x = rowsOf(columns);
  SimtKernel kernel = SimtKernel::compile(
      rowKernel("#rt.arg<logit_rows 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>",
                "%x: " + x + ", %step: !llm.step", "%y = llm.logit_rows %x, %step : " + x, "%y", x,
                "logit_rows"));
  std::vector<float> a = activations(5, columns);
  std::vector<int32_t> wanted{4, 1};
  GpuBuffer n = count(2), rows = GpuBuffer::of(wanted), input = GpuBuffer::of(a);
  GpuBuffer output(2 * columns * 4);
  kernel.run({&n, &rows, &input, &output}, 2);
  std::vector<float> found = output.read<float>();
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(found[i], a[static_cast<size_t>(wanted[i / columns]) * columns + i % columns]);
}

TEST_F(SimtRowwise, Rotation) {
  for (bool adjacent : {false, true})
    for (uint64_t rotary : {uint64_t{80}, uint64_t{48}}) {
      const uint64_t heads = 5, dim = 80, columns = heads * dim;
      std::string x = rowsOf(columns);
      std::string rope = "<head = 80, rotary = " + std::to_string(rotary) + ", base = 1.0e+04, " +
                         (adjacent ? "adjacent" : "halves") + ">";
      SimtKernel kernel =
          SimtKernel::compile(rowKernel("#rt.arg<positions 0, read>, " + unaryBindings,
                                        "%x: " + x + ", %step: !llm.step",
                                        "%y = llm.rope %x, %step " + rope + " : " + x, "%y", x),
                              /*maxContext=*/200000);
      std::vector<int32_t> positions{0, 1, 4095, 131071};
      std::vector<float> a = activations(positions.size(), columns);
      std::vector<double> expected(a.begin(), a.end());
      for (size_t row = 0; row < positions.size(); ++row)
        for (uint64_t pair = 0; pair < heads * rotary / 2; ++pair) {
          uint64_t i = pair % (rotary / 2);
          uint64_t head = row * columns + pair / (rotary / 2) * dim;
          uint64_t first = head + (adjacent ? 2 * i : i);
          uint64_t second = first + (adjacent ? 1 : rotary / 2);
          double angle = positions[row] *
                         std::pow(1e4, -2.0 * static_cast<double>(i) / static_cast<double>(rotary));
          expected[first] = a[first] * std::cos(angle) - a[second] * std::sin(angle);
          expected[second] = a[second] * std::cos(angle) + a[first] * std::sin(angle);
        }
      GpuBuffer n = count(positions.size()), at = GpuBuffer::of(positions);
      GpuBuffer input = GpuBuffer::of(a), output(a.size() * 4);
      kernel.run({&n, &at, &input, &output}, positions.size());
      EXPECT_LE(nmse(output.read<float>().data(), expected), 1e-12) << rope;
    }
}

TEST_F(SimtRowwise, Appends) {
  const uint64_t heads = 3, dim = 40, columns = heads * dim, slots = 32;
  std::string x = rowsOf(columns), kv = "!llm.kv<layers = 1, heads = 3, dim = 40>";
  SimtKernel kernel = SimtKernel::compile(
      rowKernel("#rt.arg<kv_slots 0, read>, #rt.arg<key_pages 0, read_write>, "
                "#rt.arg<value_pages 0, read_write>, #rt.arg<operand 1, read>, "
                "#rt.arg<operand 2, read>",
                "%kv: " + kv + ", %k: " + x + ", %v: " + x + ", %step: !llm.step",
                "%y = llm.kv_append %kv, %k, %v, %step layer 0 : " + kv + ", " + x, "%y", kv));
  std::vector<int32_t> wanted{17, 0, 31};
  std::vector<float> k = activations(3, columns), v = activations(3, columns);
  k[5] = 1e6f;
  GpuBuffer n = count(3), where = GpuBuffer::of(wanted);
  GpuBuffer keys = GpuBuffer::of(k), values = GpuBuffer::of(v);
  GpuBuffer keyPages(slots * columns * 2), valuePages(slots * columns * 2);
  kernel.run({&n, &where, &keyPages, &valuePages, &keys, &values}, 3);
  k[5] = 65504;
  for (auto [pages, source] : {std::pair(&keyPages, &k), std::pair(&valuePages, &v)}) {
    std::vector<float> expected = roundedToHalf(*source), found = pages->readHalves();
    size_t written = 0;
    for (size_t slot = 0; slot < slots; ++slot)
      for (size_t c = 0; c < columns; ++c) {
        auto row = std::find(wanted.begin(), wanted.end(), static_cast<int32_t>(slot));
        float value = found[slot * columns + c];
        if (row == wanted.end()) {
          ASSERT_TRUE(std::isnan(value)) << "slot " << slot << " was written";
          continue;
        }
        ASSERT_EQ(value, expected[static_cast<size_t>(row - wanted.begin()) * columns + c]);
        ++written;
      }
    EXPECT_EQ(written, k.size());
  }
}

/// What llm.top_k leaves.
struct Candidate {
  float logit;
  int32_t token;
  bool operator==(const Candidate &) const = default;
};

void PrintTo(const Candidate &candidate, std::ostream *os) {
  *os << candidate.token << ": " << candidate.logit;
}

/// The best of each row by sorting all of it.
std::vector<Candidate> bestOf(const std::vector<float> &x, size_t columns, size_t count) {
  std::vector<Candidate> best;
  for (size_t row = 0; row < x.size() / columns; ++row) {
    std::vector<Candidate> all;
    for (size_t c = 0; c < columns; ++c)
      if (!std::isnan(x[row * columns + c]))
        all.push_back({x[row * columns + c], static_cast<int32_t>(c)});
    std::sort(all.begin(), all.end(), [](const Candidate &a, const Candidate &b) {
      return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
    });
    all.resize(count, {-std::numeric_limits<float>::infinity(), -1});
    best.insert(best.end(), all.begin(), all.end());
  }
  return best;
}

TEST_F(SimtRowwise, TopK) {
  struct Shape {
    uint64_t columns, count;
  };
  for (auto [columns, k] :
       {Shape{1, 1}, Shape{77, 64}, Shape{1024, 40}, Shape{5001, 5}, Shape{32000, 40}}) {
    const uint64_t rows = 3;
    std::string x = rowsOf(columns);
    std::string y = "tensor<?x" + std::to_string(k) + "x!llm.candidate>";
    SimtKernel kernel = SimtKernel::compile(
        rowKernel(unaryBindings, "%x: " + x, "%y = llm.top_k %x : " + x + " -> " + y, "%y", y));
    std::vector<float> logits = activations(rows, columns);
    // Coarse, so that many are equal; the second row has nothing but NaN, zeros and an infinity.
    for (size_t i = 0; i < logits.size(); ++i)
      logits[i] = std::round(logits[i] * 4) / 4;
    if (columns > 1) {
      for (size_t c = 0; c < columns; ++c)
        logits[columns + c] = std::numeric_limits<float>::quiet_NaN();
      logits[columns + 3] = -0.0f;
      logits[columns + 9] = 0;
      logits[columns + 60] = -std::numeric_limits<float>::infinity();
    }
    GpuBuffer n = count(rows), input = GpuBuffer::of(logits);
    GpuBuffer output(rows * k * sizeof(Candidate));
    kernel.run({&n, &input, &output}, rows);
    EXPECT_EQ(output.read<Candidate>(), bestOf(logits, columns, k))
        << chip() << " " << columns << " columns, seed " << seed;
  }
}

} // namespace
} // namespace tawny::test
