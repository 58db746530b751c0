// Rotation, appends to the paged pool, and attention over it, against plain fp64.
#include "dialects/formats/ScalarDecode.h"
#include "tests/compiler/x86/KernelHarness.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>
#include <map>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20263;
constexpr int64_t pageTokens = 16, maxPages = 16; // of KernelHarness's context of 256 positions

struct Shape {
  int64_t kvHeads, group, headDim, rotaryDim;
  const char *pairs; // adjacent or halves
  int bits = 16;     // of an element of the pool
  /// Of the model: with i8, targets that have VDPBF16PS use it.
  const char *activations = "f32";
  double bound() const { return activations[0] == 'i' ? 3e-5 : 1e-9; }
  int64_t columns() const { return kvHeads * headDim; }
  size_t poolBytes() const {
    return static_cast<size_t>(maxPages * pageTokens * columns() * bits / 8);
  }
  std::string rowType(int64_t heads) const {
    return "tensor<?x" + std::to_string(heads * headDim) + "xf32>";
  }
  std::string kvType() const {
    return "!llm.kv<layers = 1, heads = " + std::to_string(kvHeads) +
           ", dim = " + std::to_string(headDim) + (bits == 32 ? ", bits = 32>" : ">");
  }
};

/// A kernel, compiled once for all cases that have the same text.
const CompiledKernel &compiled(const std::string &text, const std::string &target,
                               const std::string &activations) {
  static std::map<std::string, CompiledKernel> kernels;
  std::string key = target + activations + text;
  auto found = kernels.find(key);
  if (found == kernels.end())
    found = kernels.emplace(key, CompiledKernel::compile(text, target, activations)).first;
  return found->second;
}

/// One sequence of `tokens` positions whose pages lie backwards in a pool that starts as NaN.
class AttentionTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed)); }
  std::mt19937_64 random{seed};

  std::vector<float> rotate(const Shape &shape, std::vector<float> x, int64_t heads,
                            const std::vector<double> &divisors = {}, double magnitude = 1);
  void append(const Shape &shape, std::vector<float> &k, std::vector<float> &v, int64_t tokens,
              GuardedBuffer &keys, GuardedBuffer &values);
  std::vector<float> attend(const Shape &shape, const std::vector<float> &q, GuardedBuffer &keys,
                            GuardedBuffer &values, int64_t context, int64_t window);
  void checkAttention(const Shape &shape, int64_t context, int64_t queries, int64_t window = 0);
  static double scaleOf(const Shape &shape) {
    return std::stod(std::to_string(1 / std::sqrt(static_cast<double>(shape.headDim))));
  }
  int32_t pageOf(int64_t position) { return static_cast<int32_t>(maxPages - 1 - position / 16); }
};

/// The end of a rope attribute, from its kind of pairs on.
std::string scalingText(const std::vector<double> &divisors, double magnitude) {
  std::string text;
  for (double divisor : divisors)
    text += (text.empty() ? ", divisors = [" : ", ") + std::to_string(divisor);
  return text + (text.empty() ? "" : "]") + " magnitude = " + std::to_string(magnitude);
}

std::vector<float> AttentionTest::rotate(const Shape &shape, std::vector<float> x, int64_t heads,
                                         const std::vector<double> &divisors, double magnitude) {
  std::string type = shape.rowType(heads);
  std::string text =
      "rt.kernel @k grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>, "
      "#rt.arg<positions 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {\n"
      "^bb0(%x: " +
      type + ", %s: !llm.step):\n  %r = llm.rope %x, %s <head = " + std::to_string(shape.headDim) +
      ", rotary = " + std::to_string(shape.rotaryDim) + ", base = 1.0e+04, " + shape.pairs +
      scalingText(divisors, magnitude) + "> : " + type + "\n  rt.return %r : " + type + "\n}";
  const CompiledKernel &kernel = compiled(text, GetParam(), "f32");
  int64_t tokens = static_cast<int64_t>(x.size()) / (heads * shape.headDim);
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
  return std::vector<float>(output.as<float>(), output.as<float>() + x.size());
}

/// Appends k and v, and leaves in them what the pool now holds: their values as f16.
void AttentionTest::append(const Shape &shape, std::vector<float> &k, std::vector<float> &v,
                           int64_t tokens, GuardedBuffer &keys, GuardedBuffer &values) {
  std::string type = shape.rowType(shape.kvHeads), kv = shape.kvType();
  std::string text =
      "rt.kernel @k grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>, "
      "#rt.arg<kv_slots 0, read>, #rt.arg<key_pages 0, read_write>, "
      "#rt.arg<value_pages 0, read_write>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>] {\n"
      "^bb0(%kv: " +
      kv + ", %k: " + type + ", %v: " + type +
      ", %s: !llm.step):\n"
      "  %r = llm.kv_append %kv, %k, %v, %s layer 0 : " +
      kv.substr(7) + ", " + type + "\n  rt.return %r : " + kv + "\n}";
  const CompiledKernel &kernel = compiled(text, GetParam(), shape.activations);
  std::vector<int32_t> slots(tokens);
  for (int64_t t = 0; t < tokens; ++t)
    slots[t] = pageOf(t) * 16 + static_cast<int32_t>(t % 16);
  GuardedBuffer kRows = guarded(k), vRows = guarded(v), where = guarded(slots);
  GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(tokens)});
  kernel.run({count.as<void>(), where.as<void>(), keys.as<void>(), values.as<void>(),
              kRows.as<void>(), vRows.as<void>()},
             tokens);
  if (shape.bits == 32)
    return;
  for (std::vector<float> *rows : {&k, &v})
    for (float &x : *rows)
      x = halfToFloat(floatToHalf(std::clamp(x, -65504.0f, 65504.0f)));
}

/// What rows of queries, the last of `context` positions, get.
std::vector<float> AttentionTest::attend(const Shape &shape, const std::vector<float> &q,
                                         GuardedBuffer &keys, GuardedBuffer &values,
                                         int64_t context, int64_t window) {
  int64_t heads = shape.kvHeads * shape.group;
  int64_t queries = static_cast<int64_t>(q.size()) / (heads * shape.headDim);
  std::string type = shape.rowType(heads), kv = shape.kvType();
  std::string text =
      "rt.kernel @k grid <1 x attention_blocks by 1> bindings [#rt.arg<row_count 0, read>, "
      "#rt.arg<attention_blocks 0, read>, #rt.arg<block_tables 0, read>, "
      "#rt.arg<key_pages 0, read>, #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, "
      "#rt.arg<result 0, write>] {\n^bb0(%q: " +
      type + ", %kv: " + kv +
      ", %s: !llm.step):\n"
      "  %r = llm.attention %q, %kv, %s layer 0 scale " +
      std::to_string(scaleOf(shape)) + (window == 0 ? "" : " window " + std::to_string(window)) +
      " : " + type + ", " + kv.substr(7) + " -> " + type + "\n  rt.return %r : " + type + "\n}";
  const CompiledKernel &kernel = compiled(text, GetParam(), shape.activations);
  // The block is row 0 of sequence 1; sequence 0's table is garbage that must not be read.
  std::vector<int32_t> blocks{1, 0, static_cast<int32_t>(queries),
                              static_cast<int32_t>(context - queries)};
  std::vector<int32_t> tables(2 * maxPages, 1 << 30);
  for (int64_t page = 0; page < maxPages; ++page)
    tables[maxPages + page] = pageOf(page * 16);
  GuardedBuffer rows = guarded(q), block = guarded(blocks), table = guarded(tables);
  GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(queries)});
  GuardedBuffer output(q.size() * 4);
  kernel.run({count.as<void>(), block.as<void>(), table.as<void>(), keys.as<void>(),
              values.as<void>(), rows.as<void>(), output.as<void>()},
             shape.kvHeads);
  return {output.as<float>(), output.as<float>() + q.size()};
}

void AttentionTest::checkAttention(const Shape &shape, int64_t context, int64_t queries,
                                   int64_t window) {
  int64_t heads = shape.kvHeads * shape.group, width = heads * shape.headDim;
  std::vector<float> k = randomActivations(context, shape.columns(), false, random);
  std::vector<float> v = randomActivations(context, shape.columns(), false, random);
  if (shape.bits == 16)
    k[0] = 1e6f; // beyond f16: kept as 65504
  std::vector<float> q = randomActivations(queries, width, false, random);
  GuardedBuffer keys(shape.poolBytes()), values(shape.poolBytes());
  append(shape, k, v, context, keys, values);
  std::vector<float> found = attend(shape, q, keys, values, context, window);
  const double scale = scaleOf(shape);
  std::vector<double> expected(q.size());
  for (int64_t t = 0; t < queries; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      int64_t visible = context - queries + t + 1, kvColumn = h / shape.group * shape.headDim;
      int64_t first = window == 0 ? 0 : std::max<int64_t>(visible - window, 0);
      std::vector<double> score(visible, -INFINITY);
      double largest = -INFINITY, total = 0;
      for (int64_t p = first; p < visible; ++p) {
        score[p] = 0;
        for (int64_t d = 0; d < shape.headDim; ++d)
          score[p] +=
              scale * q[t * width + h * shape.headDim + d] * k[p * shape.columns() + kvColumn + d];
        largest = std::max(largest, score[p]);
      }
      for (double &s : score)
        total += s = std::exp(s - largest);
      for (int64_t p = first; p < visible; ++p)
        for (int64_t d = 0; d < shape.headDim; ++d)
          expected[t * width + h * shape.headDim + d] +=
              score[p] / total * v[p * shape.columns() + kvColumn + d];
    }
  EXPECT_LE(nmse(found.data(), expected), shape.bound())
      << shape.activations << " kv heads " << shape.kvHeads << " group " << shape.group << " dim "
      << shape.headDim << " context " << context << " queries " << queries << " window " << window
      << " seed " << seed;
}

constexpr Shape shapes[] = {{2, 2, 64, 64, "adjacent"},
                            {1, 8, 128, 128, "halves"},
                            {3, 1, 80, 32, "halves"},
                            {2, 5, 36, 20, "adjacent"},
                            {2, 3, 48, 48, "halves", 32}};

/// Heads of every size that models have, and the window of a few, none of which divides anything.
TEST_P(AttentionTest, OfEveryHeadSizeAndWindow) {
  for (int64_t headDim : {64, 80, 96, 128, 160, 192, 256})
    checkAttention({1, 3, headDim, headDim, "adjacent"}, 75, 21, /*window=*/40);
  for (int64_t window : {1, 16, 17})
    checkAttention({1, 2, 64, 64, "adjacent"}, 75, 21, window);
}

TEST_P(AttentionTest, OfManyQueryHeadsOnOneKVHead) {
  checkAttention({1, 32, 64, 64, "adjacent"}, 130, 1);
  checkAttention({1, 71, 64, 64, "adjacent"}, 40, 9, /*window=*/33);
}

/// Borders of the 8 pages that are attended to at once.
TEST_P(AttentionTest, OfLongContexts) {
  for (auto [context, queries] : {std::pair<int64_t, int64_t>{129, 2}, {256, 19}})
    for (int64_t window : {0, 100}) {
      checkAttention({1, 1, 32, 32, "adjacent"}, context, queries, window);
      checkAttention({2, 3, 32, 32, "adjacent", 16, "i8"}, context, queries, window);
    }
}

/// Heads of every size, where pages may hold pairs for VDPBF16PS.
TEST_P(AttentionTest, OfModelsInInt8) {
  for (int64_t headDim : {64, 80, 96, 128, 160, 192, 256})
    checkAttention({1, 4, headDim, headDim, "adjacent", 16, "i8"}, 91, 7);
  for (int64_t group : {1, 2, 8})
    checkAttention({2, group, 64, 64, "adjacent", 16, "i8"}, 45, 1);
  checkAttention({1, 2, 20, 20, "adjacent", 16, "i8"}, 45, 3);
}

TEST_P(AttentionTest, RotatesHeads) {
  for (const Shape &shape : shapes)
    rotate(shape, randomActivations(20, shape.columns(), false, random), shape.kvHeads);
}

TEST_P(AttentionTest, RotatesHeadsOfScaledModels) {
  for (const Shape &shape : shapes) {
    std::vector<double> divisors(shape.rotaryDim / 2);
    for (size_t i = 0; i < divisors.size(); ++i)
      divisors[i] = 1 + 0.25 * static_cast<double>(i);
    rotate(shape, randomActivations(20, shape.columns(), false, random), shape.kvHeads, divisors,
           1.25);
  }
}

TEST_P(AttentionTest, AttendsAcrossPages) {
  for (const Shape &shape : shapes)
    for (auto [context, queries] : {std::pair<int64_t, int64_t>{1, 1}, {17, 1}, {33, 5}, {48, 16}})
      checkAttention(shape, context, queries);
}

/// What is no number reaches something that `--check` looks at: pages, or the rows of results.
TEST_P(AttentionTest, HidesNoNaN) {
  constexpr int64_t context = 37, queries = 3, nanHead = 1;
  for (const Shape &shape : {shapes[0], Shape{2, 2, 64, 64, "adjacent", 16, "i8"}}) {
    std::vector<float> k = randomActivations(context, shape.columns(), false, random);
    std::vector<float> v = randomActivations(context, shape.columns(), false, random);
    GuardedBuffer keys(shape.poolBytes()), values(shape.poolBytes());
    auto countNaN = [&](GuardedBuffer &pool) {
      auto *first = pool.as<uint16_t>(), *end = first + pool.size() / sizeof(uint16_t);
      return std::count_if(first, end, [](uint16_t bits) { return std::isnan(halfToFloat(bits)); });
    };
    std::vector<float> goodK = k, goodV = v;
    append(shape, goodK, goodV, context, keys, values);
    auto keysBefore = countNaN(keys), valuesBefore = countNaN(values);
    k[5] = NAN, v.back() = -NAN;
    append(shape, k, v, context, keys, values);
    EXPECT_EQ(countNaN(keys), keysBefore + 1) << shape.activations;
    EXPECT_EQ(countNaN(values), valuesBefore + 1) << shape.activations;

    append(shape, goodK, goodV, context, keys, values);
    int64_t width = shape.kvHeads * shape.group * shape.headDim;
    std::vector<float> q = randomActivations(queries, width, false, random);
    q[width + nanHead * shape.headDim + 9] = NAN;
    std::vector<float> found = attend(shape, q, keys, values, context, 0);
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
    int64_t headDim = 4 * between(4, 40), rotaryDim = 2 * between(1, headDim / 2);
    Shape shape{between(1, 4), between(1, 6), headDim, rotaryDim,
                i % 2 == 0 ? "adjacent" : "halves"};
    shape.bits = i % 4 == 3 ? 32 : 16;
    shape.activations = i % 3 == 2 ? "i8" : "f32";
    int64_t window = i % 2 == 0 ? 0 : between(1, 120);
    for (size_t j = 0; j < contextsOfShape; ++j) {
      int64_t context = between(1, 256), queries = between(1, std::min<int64_t>(context, 40));
      checkAttention(shape, context, queries, window);
      rotate(shape, randomActivations(queries, shape.columns(), false, random), shape.kvHeads);
    }
  }
  std::printf("%s: %zu cases of rotation, appending and attention, seed %llu\n", GetParam().c_str(),
              shapeCount * contextsOfShape, static_cast<unsigned long long>(seed));
}

INSTANTIATE_TEST_SUITE_P(Targets, AttentionTest, testing::ValuesIn(runnableTargets()), targetName);

} // namespace
} // namespace tawny::test
