// The KV pool and attention over it.
#include "dialects/formats/ScalarDecode.h"
#include "dialects/interpreter/Operations.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace tawny::interpreter {

llvm::Expected<Pool> kvAppend(const Pool &pool, const Rows &k, const Rows &v, const Step &step,
                              int64_t layer) {
  auto round = [bits = pool.bits](float value) {
    return bits == 16 ? halfToFloat(floatToHalf(value)) : value;
  };
  if (llvm::Error error = expectStepRows(k, step))
    return error;
  // Every sequence of the step gets its own copy once; all others stay shared.
  std::map<int32_t, std::shared_ptr<SequenceCache>> changed;
  Pool result = pool;
  size_t columns = static_cast<size_t>(pool.columns());
  for (int64_t t = 0; t < k.rows; ++t) {
    if (step.positions[t] < 0)
      return llvm::createStringError("expects positions from 0 on, found %d", step.positions[t]);
    std::shared_ptr<SequenceCache> &cache = changed[step.sequences[t]];
    if (!cache) {
      auto old = pool.layers[layer].find(step.sequences[t]);
      cache = old == pool.layers[layer].end() ? std::make_shared<SequenceCache>()
                                              : std::make_shared<SequenceCache>(*old->second);
    }
    size_t position = static_cast<size_t>(step.positions[t]);
    if (cache->written.size() <= position) {
      cache->written.resize(position + 1);
      cache->keys.resize((position + 1) * columns);
      cache->values.resize((position + 1) * columns);
    }
    cache->written[position] = true;
    llvm::transform(k.row(t), cache->keys.begin() + position * columns, round);
    llvm::transform(v.row(t), cache->values.begin() + position * columns, round);
  }
  for (auto &[sequence, cache] : changed)
    result.layers[layer][sequence] = std::move(cache);
  return result;
}

namespace {
/// What one query head of one token sees: `positions` keys and values, `stride` floats apart.
struct HeadView {
  const float *keys, *values;
  size_t positions, stride;

  HeadView range(size_t begin, size_t end) const {
    return {keys + begin * stride, values + begin * stride, end - begin, stride};
  }
};

/// The largest score of a head, the sum of weights, and that of weights times values.
template <typename Sum> struct HeadSums {
  Sum largest = -std::numeric_limits<Sum>::infinity();
  Sum total = 0;
  std::vector<Sum> values;
};

/// One row of q with where it reads: positions `first` to `position`.
struct QueryRow {
  int64_t row, first, position;
  const SequenceCache *cache;
};
} // namespace

template <typename Sum>
static Sum scoreOf(llvm::ArrayRef<float> q, const float *key, double scale) {
  Sum score = 0;
  for (auto [d, value] : llvm::enumerate(q))
    score += Sum(value) * Sum(key[d]);
  return score * Sum(scale);
}

/// softmax(scale * q k^T) v of one head, not yet divided by the sum of weights.
template <typename Sum>
static HeadSums<Sum> sumHead(llvm::ArrayRef<float> q, const HeadView &view, double scale) {
  HeadSums<Sum> sums;
  sums.values.resize(q.size());
  std::vector<Sum> weights(view.positions);
  for (size_t p = 0; p < view.positions; ++p) {
    weights[p] = scoreOf<Sum>(q, view.keys + p * view.stride, scale);
    sums.largest = std::fmax(sums.largest, weights[p]);
  }
  for (Sum &weight : weights) {
    weight = std::exp(weight - sums.largest);
    sums.total += weight;
  }
  for (auto [d, sum] : llvm::enumerate(sums.values))
    for (size_t p = 0; p < view.positions; ++p)
      sum += weights[p] * Sum(view.values[p * view.stride + d]);
  return sums;
}

/// The first of the positions `first` to `last` of a sequence that was never written, or -1.
static int64_t findUnwritten(const SequenceCache *cache, int64_t first, int64_t last) {
  for (int64_t position = first; position <= last; ++position)
    if (!cache || position >= static_cast<int64_t>(cache->written.size()) ||
        !cache->written[position])
      return position;
  return -1;
}

/// Calls `attend` for each row of q.
static llvm::Error forEachRow(const Rows &q, const Pool &pool, const Step &step, int64_t layer,
                              int64_t window, llvm::function_ref<void(const QueryRow &)> attend) {
  if (llvm::Error error = expectStepRows(q, step))
    return error;
  for (int64_t t = 0; t < q.rows; ++t) {
    auto found = pool.layers[layer].find(step.sequences[t]);
    const SequenceCache *cache = found == pool.layers[layer].end() ? nullptr : found->second.get();
    int64_t position = step.positions[t];
    int64_t first = window == 0 ? 0 : std::max<int64_t>(position - window + 1, 0);
    int64_t unwritten = findUnwritten(cache, first, position);
    if (unwritten >= 0)
      return llvm::createStringError(
          "sequence %d has no key at position %lld of layer %lld, which position %d sees",
          step.sequences[t], static_cast<long long>(unwritten), static_cast<long long>(layer),
          step.positions[t]);
    attend({t, first, position, cache});
  }
  return llvm::Error::success();
}

/// All of the row's sequence up to its position, though it may not see the first ones.
static HeadView viewOf(const QueryRow &row, const Rows &q, const Pool &pool, int64_t head) {
  int64_t kvOffset = head / (q.columns / pool.columns()) * pool.headDim;
  return {row.cache->keys.data() + kvOffset, row.cache->values.data() + kvOffset,
          static_cast<size_t>(row.position) + 1, static_cast<size_t>(pool.columns())};
}

template <typename Sum>
static llvm::Expected<Rows> attendRows(const Rows &q, const Pool &pool, const Step &step,
                                       int64_t layer, double scale, int64_t window) {
  Rows result(q.rows, q.columns);
  llvm::Error error = forEachRow(q, pool, step, layer, window, [&](const QueryRow &row) {
    for (int64_t head = 0; head < q.columns / pool.headDim; ++head) {
      auto query = q.row(row.row).slice(head * pool.headDim, pool.headDim);
      HeadView view = viewOf(row, q, pool, head).range(row.first, row.position + 1);
      HeadSums<Sum> sums = sumHead<Sum>(query, view, scale);
      for (auto [out, sum] : llvm::zip_equal(
               result.row(row.row).slice(head * pool.headDim, pool.headDim), sums.values))
        out = static_cast<float>(sum / sums.total);
    }
  });
  if (error)
    return error;
  return result;
}

llvm::Expected<Rows> attention(const Rows &q, const Pool &pool, const Step &step, int64_t layer,
                               double scale, Accumulate accumulate, int64_t window) {
  return accumulate == Accumulate::F64 ? attendRows<double>(q, pool, step, layer, scale, window)
                                       : attendRows<float>(q, pool, step, layer, scale, window);
}

template <typename Sum>
static llvm::Expected<std::pair<Rows, Rows>>
attendParts(const Rows &q, const Pool &pool, const Step &step, int64_t layer, double scale,
            int64_t splits, int64_t window) {
  int64_t heads = q.columns / pool.headDim;
  Rows sums(q.rows, splits * q.columns), state(q.rows, 2 * splits * heads);
  llvm::Error error = forEachRow(q, pool, step, layer, window, [&](const QueryRow &row) {
    int64_t pastLast = row.position + 1, firstPage = row.first / 16;
    int64_t pages = llvm::divideCeil(pastLast, 16) - firstPage;
    int64_t length = llvm::divideCeil(pages, splits) * 16;
    for (int64_t split = 0; split < splits; ++split)
      for (int64_t head = 0; head < heads; ++head) {
        int64_t begin = firstPage * 16 + split * length;
        int64_t end = std::min(begin + length, pastLast);
        begin = std::clamp(begin, row.first, pastLast);
        HeadView view = viewOf(row, q, pool, head).range(begin, std::max(begin, end));
        HeadSums<Sum> part =
            sumHead<Sum>(q.row(row.row).slice(head * pool.headDim, pool.headDim), view, scale);
        int64_t index = split * heads + head;
        for (auto [out, sum] : llvm::zip_equal(
                 sums.row(row.row).slice(index * pool.headDim, pool.headDim), part.values))
          out = static_cast<float>(sum);
        float top = static_cast<float>(part.largest * Sum(std::numbers::log2e));
        state.row(row.row)[2 * index] = std::max(top, std::numeric_limits<float>::lowest());
        state.row(row.row)[2 * index + 1] = static_cast<float>(part.total);
      }
  });
  if (error)
    return error;
  return std::pair(std::move(sums), std::move(state));
}

llvm::Expected<std::pair<Rows, Rows>> attentionPart(const Rows &q, const Pool &pool,
                                                    const Step &step, int64_t layer, double scale,
                                                    int64_t splits, Accumulate accumulate,
                                                    int64_t window) {
  return accumulate == Accumulate::F64
             ? attendParts<double>(q, pool, step, layer, scale, splits, window)
             : attendParts<float>(q, pool, step, layer, scale, splits, window);
}

template <typename Sum>
static Rows mergeParts(const Rows &sums, const Rows &state, int64_t splits, int64_t heads) {
  Rows result(sums.rows, sums.columns / splits);
  for (int64_t r = 0; r < result.rows; ++r)
    for (int64_t head = 0; head < heads; ++head) {
      auto maximum = [&](int64_t split) { return state.row(r)[2 * (split * heads + head)]; };
      float top = maximum(0);
      for (int64_t split = 1; split < splits; ++split)
        top = std::fmax(top, maximum(split));
      std::vector<Sum> weights(splits);
      Sum total = 0;
      for (int64_t split = 0; split < splits; ++split) {
        weights[split] = std::exp2(Sum(maximum(split)) - Sum(top));
        total += weights[split] * Sum(state.row(r)[2 * (split * heads + head) + 1]);
      }
      int64_t headDim = result.columns / heads;
      for (int64_t d = head * headDim; d < (head + 1) * headDim; ++d) {
        Sum sum = 0;
        for (int64_t split = 0; split < splits; ++split)
          sum += weights[split] * Sum(sums.row(r)[split * result.columns + d]);
        result.row(r)[d] = static_cast<float>(sum / total);
      }
    }
  return result;
}

Rows attentionMerge(const Rows &sums, const Rows &state, int64_t splits, int64_t heads,
                    Accumulate accumulate) {
  return accumulate == Accumulate::F64 ? mergeParts<double>(sums, state, splits, heads)
                                       : mergeParts<float>(sums, state, splits, heads);
}

} // namespace tawny::interpreter
