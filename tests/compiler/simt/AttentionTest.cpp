// Attention on a GPU against fp64 on inputs rounded to f16: of blocks of rows, and of single rows
// in ranges that are merged. The pool's other slots are NaN, its pages in no order.
#include "tests/compiler/simt/KernelHarness.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20264;
constexpr double bound = 1e-6;
constexpr int64_t pageTokens = 16, maxContext = 512, maxPages = maxContext / pageTokens;

struct Shape {
  int64_t kvHeads, group, headDim;
  int64_t splits = 2;
  bool half = false; ///< The result is f16.
  int64_t window = 0;

  int64_t heads() const { return kvHeads * group; }
  int64_t kvColumns() const { return kvHeads * headDim; }
  int64_t columns() const { return heads() * headDim; }
  std::string rows(int64_t columns, const char *element = "f32") const {
    return "tensor<?x" + std::to_string(columns) + "x" + element + ">";
  }
  std::string result() const { return rows(columns(), half ? "f16" : "f32"); }
  std::string kv() const {
    return "<layers = 1, heads = " + std::to_string(kvHeads) +
           ", dim = " + std::to_string(headDim) + ">";
  }
  double scale() const { return 1 / std::sqrt(static_cast<double>(headDim)); }

  /// The beginning of a kernel that attends, up to its result types.
  std::string attention(const char *op, int64_t tiles, bool hasState) const {
    std::string q = rows(columns());
    char scaleText[32];
    std::snprintf(scaleText, sizeof(scaleText), "%.17e", scale());
    return "rt.kernel @k grid <" + std::to_string(tiles) +
           " x attention_blocks by 1> bindings [#rt.arg<row_count 0, read>, "
           "#rt.arg<attention_blocks 0, read>, #rt.arg<block_tables 0, read>, "
           "#rt.arg<key_pages 0, read>, #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, "
           "#rt.arg<result 0, write>" +
           (hasState ? ", #rt.arg<result 1, write>" : "") + "] {\n^bb0(%q: " + q +
           ", %kv: !llm.kv" + kv() + ", %s: !llm.step):\n  %r" + (hasState ? ":2" : "") + " = " +
           op + " %q, %kv, %s layer 0 scale " + scaleText +
           (window != 0 ? " window " + std::to_string(window) : "") +
           (hasState ? " splits " + std::to_string(splits) : "") + " : " + q + ", " + kv() + " -> ";
  }
  std::string whole() const {
    return attention("llm.attention", kvHeads, false) + result() +
           "\n  rt.return %r : " + result() + "\n}";
  }
  std::string parts() const {
    std::string types = rows(splits * columns()) + ", " + rows(2 * splits * heads());
    return attention("llm.attention_part", kvHeads * splits, true) + types +
           "\n  rt.return %r#0, %r#1 : " + types + "\n}";
  }
  std::string merge() const {
    std::string sums = rows(splits * columns()), state = rows(2 * splits * heads());
    return "rt.kernel @k grid <" + std::to_string(heads()) +
           " x tokens by 1> bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, "
           "#rt.arg<operand 1, read>, #rt.arg<result 0, write>] {\n^bb0(%s: " +
           sums + ", %t: " + state + "):\n  %r = llm.attention_merge %s, %t splits " +
           std::to_string(splits) + " : " + sums + ", " + state + " -> " + result() +
           "\n  rt.return %r : " + result() + "\n}";
  }
};

/// A sequence of a step: `tokens` new ones from position `first` on.
struct Sequence {
  int64_t first, tokens;
  int64_t positions() const { return first + tokens; }
};

/// Sequences with random keys and values in a pool, and random queries.
struct Step {
  Shape shape;
  std::vector<Sequence> sequences;
  std::vector<float> queries;                   ///< [tokens][columns], as f16
  std::vector<std::vector<float>> keys, values; ///< Of each sequence: [positions][kvColumns]
  std::vector<int32_t> tables;
  std::vector<float> keyPool, valuePool; ///< [page][16][kvColumns], NaN where nothing is

  Step(const Shape &shape, std::vector<Sequence> sequences, bool outlier, std::mt19937_64 &random);

  int64_t tokens() const { return static_cast<int64_t>(queries.size()) / shape.columns(); }
  std::vector<int32_t> blocks(int64_t mostRows) const;
  std::vector<double> expected() const;
};

Step::Step(const Shape &shape, std::vector<Sequence> list, bool outlier, std::mt19937_64 &random)
    : shape(shape), sequences(std::move(list)) {
  int64_t pages = 1, tokens = 0;
  for (const Sequence &sequence : sequences) {
    pages += (sequence.positions() + pageTokens - 1) / pageTokens;
    tokens += sequence.tokens;
  }
  const int64_t width = shape.kvColumns();
  std::vector<int32_t> order(pages);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  keyPool.assign(pages * pageTokens * width, NAN);
  valuePool = keyPool;
  tables.assign(sequences.size() * maxPages, 1 << 30);
  queries = roundedToHalf(randomActivations(tokens, shape.columns(), false, random));
  size_t next = 0;
  for (auto [index, sequence] : llvm::enumerate(sequences)) {
    keys.push_back(roundedToHalf(randomActivations(sequence.positions(), width, false, random)));
    values.push_back(
        roundedToHalf(randomActivations(sequence.positions(), width, outlier, random)));
    for (int64_t position = 0; position < sequence.positions(); ++position) {
      if (position % pageTokens == 0)
        tables[index * maxPages + position / pageTokens] = order[next++];
      int64_t page = tables[index * maxPages + position / pageTokens];
      int64_t slot = (page * pageTokens + position % pageTokens) * width;
      std::copy_n(&keys.back()[position * width], width, &keyPool[slot]);
      std::copy_n(&values.back()[position * width], width, &valuePool[slot]);
    }
  }
}

std::vector<int32_t> Step::blocks(int64_t mostRows) const {
  std::vector<int32_t> result;
  int64_t row = 0;
  for (auto [index, sequence] : llvm::enumerate(sequences))
    for (int64_t begin = 0; begin < sequence.tokens; begin += mostRows) {
      int64_t rows = std::min(mostRows, sequence.tokens - begin);
      for (int64_t value : {static_cast<int64_t>(index), row, rows, sequence.first + begin})
        result.push_back(static_cast<int32_t>(value));
      row += rows;
    }
  return result;
}

std::vector<double> Step::expected() const {
  std::vector<double> result(queries.size());
  int64_t row = 0;
  for (auto [index, sequence] : llvm::enumerate(sequences))
    for (int64_t token = 0; token < sequence.tokens; ++token, ++row)
      for (int64_t head = 0; head < shape.heads(); ++head) {
        int64_t column = head / shape.group * shape.headDim;
        const float *q = &queries[row * shape.columns() + head * shape.headDim];
        double *out = &result[row * shape.columns() + head * shape.headDim];
        std::vector<double> scores(sequence.first + token + 1);
        size_t hidden = scores.size() - static_cast<size_t>(shape.window);
        if (shape.window == 0 || hidden > scores.size())
          hidden = 0;
        std::fill_n(scores.begin(), hidden, -INFINITY);
        for (size_t p = hidden; p < scores.size(); ++p)
          for (int64_t d = 0; d < shape.headDim; ++d)
            scores[p] += shape.scale() * q[d] * keys[index][p * shape.kvColumns() + column + d];
        double largest = *std::max_element(scores.begin(), scores.end()), total = 0;
        for (double &score : scores)
          total += score = std::exp(score - largest);
        for (size_t p = 0; p < scores.size(); ++p)
          for (int64_t d = 0; d < shape.headDim; ++d)
            out[d] += scores[p] / total * values[index][p * shape.kvColumns() + column + d];
      }
  return result;
}

/// A step on the device.
struct DeviceStep {
  GpuBuffer count, tables, keys, values, queries;

  explicit DeviceStep(const Step &step)
      : count(GpuBuffer::of(std::vector<int32_t>{static_cast<int32_t>(step.tokens())})),
        tables(GpuBuffer::of(step.tables)), keys(GpuBuffer::halves(step.keyPool)),
        values(GpuBuffer::halves(step.valuePool)), queries(GpuBuffer::of(step.queries)) {}

  std::vector<const GpuBuffer *> bindings(const GpuBuffer &blocks) const {
    return {&count, &blocks, &tables, &keys, &values, &queries};
  }
};

/// The kernels of a shape.
class Kernels {
public:
  explicit Kernels(const Shape &shape)
      : shape(shape), whole(SimtKernel::compile(shape.whole(), maxContext)),
        parts(SimtKernel::compile(shape.parts(), maxContext)),
        merge(SimtKernel::compile(shape.merge(), maxContext)) {}

  /// By blocks of at most so many rows.
  std::vector<float> attend(const Step &step, int64_t blockRows) const {
    DeviceStep device(step);
    std::vector<int32_t> list = step.blocks(blockRows);
    GpuBuffer blocks = GpuBuffer::of(list), result(step.queries.size() * (shape.half ? 2 : 4));
    std::vector<const GpuBuffer *> bindings = device.bindings(blocks);
    bindings.push_back(&result);
    whole.run(bindings, list.size() / 4);
    return shape.half ? result.readHalves() : result.read<float>();
  }

  /// In ranges; each sequence has one row.
  std::vector<float> attendInParts(const Step &step) const {
    DeviceStep device(step);
    GpuBuffer blocks = GpuBuffer::of(step.blocks(1));
    GpuBuffer sums(step.queries.size() * shape.splits * 4);
    GpuBuffer state(step.tokens() * shape.splits * shape.heads() * 8);
    std::vector<const GpuBuffer *> bindings = device.bindings(blocks);
    bindings.insert(bindings.end(), {&sums, &state});
    parts.run(bindings, step.sequences.size());
    GpuBuffer result(step.queries.size() * (shape.half ? 2 : 4));
    merge.run({&device.count, &sums, &state, &result}, step.tokens());
    return shape.half ? result.readHalves() : result.read<float>();
  }

private:
  Shape shape;
  SimtKernel whole, parts, merge;
};

class SimtAttention : public testing::TestWithParam<Shape> {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};

  void expectClose(const std::vector<float> &found, const Step &step, const std::string &what) {
    EXPECT_LE(nmse(found.data(), step.expected()), bound)
        << chip() << " kv heads " << step.shape.kvHeads << " group " << step.shape.group << " dim "
        << step.shape.headDim << ": " << what << ", seed " << seed;
  }
};

TEST_P(SimtAttention, OfOneRowMatchesFp64) {
  Kernels kernels(GetParam());
  for (int64_t context : {1, 15, 16, 17, 33, 129, 300})
    for (bool outlier : {false, true}) {
      Step step(GetParam(), {{context - 1, 1}}, outlier, random);
      std::string what = "context " + std::to_string(context) + (outlier ? " with an outlier" : "");
      expectClose(kernels.attendInParts(step), step, "in parts, " + what);
      // Weights are f16 here. An outlier would reduce the sum of squares to that of its column, a
      // number per head that may be near zero; steps of many rows have outliers below.
      if (!outlier)
        expectClose(kernels.attend(step, 16), step, "whole, " + what);
    }
}

TEST_P(SimtAttention, OfABatchMatchesFp64) {
  Kernels kernels(GetParam());
  for (int64_t batch : {3, 33}) {
    std::vector<Sequence> sequences;
    for (int64_t i = 0; i < batch; ++i)
      sequences.push_back({static_cast<int64_t>(random() % (batch == 3 ? 300 : 60)), 1});
    Step step(GetParam(), sequences, false, random);
    expectClose(kernels.attendInParts(step), step, "batch of " + std::to_string(batch));
  }
}

/// Prompts and single rows in one step, across the borders of pages and blocks.
TEST_P(SimtAttention, OfRaggedStepsMatchesFp64) {
  Kernels kernels(GetParam());
  for (bool outlier : {false, true}) {
    Step step(GetParam(), {{0, 5}, {100, 1}, {31, 40}, {16, 16}, {7, 1}, {0, 1}, {63, 18}}, outlier,
              random);
    expectClose(kernels.attend(step, 16), step, "a ragged step");
  }
}

/// What a row gets depends neither on the rows of its block nor on its step's other sequences.
TEST_P(SimtAttention, OfARowHasTheSameBitsWhateverItsBlock) {
  Kernels kernels(GetParam());
  Step step(GetParam(), {{20, 37}, {3, 2}}, false, random);
  std::vector<float> whole = kernels.attend(step, 64);
  for (int64_t blockRows : {1, 16, 32})
    EXPECT_EQ(whole, kernels.attend(step, blockRows)) << chip() << " " << blockRows;
}

constexpr Shape shapes[] = {{2, 1, 64, 3},
                            {1, 2, 64, 2, true},
                            {1, 4, 64, 5},
                            {1, 8, 64, 2},
                            {2, 1, 128, 4},
                            {1, 4, 128, 2, true},
                            {1, 6, 128, 2},
                            {2, 1, 80, 2},
                            {1, 3, 80, 2, true},
                            {2, 2, 40, 2},
                            {1, 1, 256, 2},
                            {2, 2, 16, 2},
                            // With windows: on the matrix unit and without, in parts.
                            {1, 4, 64, 3, false, 40},
                            {2, 1, 64, 2, true, 1},
                            {1, 1, 256, 2, false, 100}};

std::string shapeName(const testing::TestParamInfo<Shape> &info) {
  const Shape &shape = info.param;
  return std::to_string(shape.kvHeads) + "x" + std::to_string(shape.group) + "x" +
         std::to_string(shape.headDim) + "in" + std::to_string(shape.splits) +
         (shape.half ? "f16" : "") + (shape.window != 0 ? "w" + std::to_string(shape.window) : "");
}

INSTANTIATE_TEST_SUITE_P(Shapes, SimtAttention, testing::ValuesIn(shapes), shapeName);

} // namespace
} // namespace tawny::test
