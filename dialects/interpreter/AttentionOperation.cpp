// The KV pool and attention over it.
#include "dialects/formats/ScalarDecode.h"
#include "dialects/interpreter/Operations.h"

#include <cmath>
#include <limits>

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
};
} // namespace

/// softmax(scale * q k^T) v of one head.
template <typename Sum>
static void attendHead(llvm::ArrayRef<float> q, const HeadView &view, double scale,
                       llvm::MutableArrayRef<float> out) {
  std::vector<Sum> weights(view.positions);
  Sum largest = -std::numeric_limits<Sum>::infinity();
  for (size_t p = 0; p < view.positions; ++p) {
    Sum score = 0;
    for (auto [d, value] : llvm::enumerate(q))
      score += Sum(value) * Sum(view.keys[p * view.stride + d]);
    weights[p] = score * Sum(scale);
    largest = std::fmax(largest, weights[p]);
  }
  Sum total = 0;
  for (Sum &weight : weights) {
    weight = std::exp(weight - largest);
    total += weight;
  }
  for (auto [d, result] : llvm::enumerate(out)) {
    Sum sum = 0;
    for (size_t p = 0; p < view.positions; ++p)
      sum += weights[p] * Sum(view.values[p * view.stride + d]);
    result = static_cast<float>(sum / total);
  }
}

/// The first of the positions 0 to `last` of a sequence that was never written, or -1.
static int64_t findUnwritten(const SequenceCache *cache, int64_t last) {
  for (int64_t position = 0; position <= last; ++position)
    if (!cache || position >= static_cast<int64_t>(cache->written.size()) ||
        !cache->written[position])
      return position;
  return -1;
}

llvm::Expected<Rows> attention(const Rows &q, const Pool &pool, const Step &step, int64_t layer,
                               double scale, Accumulate accumulate) {
  if (llvm::Error error = expectStepRows(q, step))
    return error;
  Rows result(q.rows, q.columns);
  int64_t groupSize = q.columns / pool.columns();
  for (int64_t t = 0; t < q.rows; ++t) {
    auto found = pool.layers[layer].find(step.sequences[t]);
    const SequenceCache *cache = found == pool.layers[layer].end() ? nullptr : found->second.get();
    int64_t unwritten = findUnwritten(cache, step.positions[t]);
    if (unwritten >= 0)
      return llvm::createStringError(
          "sequence %d has no key at position %lld of layer %lld, which position %d sees",
          step.sequences[t], static_cast<long long>(unwritten), static_cast<long long>(layer),
          step.positions[t]);
    for (int64_t head = 0; head < q.columns / pool.headDim; ++head) {
      int64_t kvOffset = head / groupSize * pool.headDim;
      HeadView view{cache->keys.data() + kvOffset, cache->values.data() + kvOffset,
                    static_cast<size_t>(step.positions[t]) + 1,
                    static_cast<size_t>(pool.columns())};
      llvm::ArrayRef<float> query = q.row(t).slice(head * pool.headDim, pool.headDim);
      llvm::MutableArrayRef<float> out = result.row(t).slice(head * pool.headDim, pool.headDim);
      if (accumulate == Accumulate::F64)
        attendHead<double>(query, view, scale, out);
      else
        attendHead<float>(query, view, scale, out);
    }
  }
  return result;
}

} // namespace tawny::interpreter
