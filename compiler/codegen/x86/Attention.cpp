// Paged causal attention: a tile is one block of a sequence's new tokens and one KV head, hence
// `rows = tokens * group` query rows that read the same keys and values.
//
//   for rows [r, r + c) in chunks of 8, 4, 2, 1
//     for page of 16 positions up to the last row's
//       s[c][16]  = q[c][d] . K[d][16], d = 0 .. headDim        one load feeds c FMAs
//       s beyond a row's position = -inf; m, l, o rescaled by exp(m_old - m_new)
//       o[c][16 of headDim] += p[c][j] * V[j][...], j in the page
//     y = o / l
//
// (Milakov and Gimelshein, arXiv:1805.02867, for the running maximum and sum.) Bytes: 4 per
// position and element of headDim (f16 keys and values; 8 in f32) once per chunk; operations: 4 per
// position, element and row.
#include "compiler/codegen/x86/KernelContext.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

/// exp never sees less than this: e^-87 is still a normal f32.
constexpr double smallestExponent = -87.0;
/// Stands for minus infinity where a difference of two must stay a number.
constexpr double lowestScore = -3.0e38;

class AttentionEmitter {
public:
  explicit AttentionEmitter(KernelContext &context)
      : context(context), b(context.b), op(cast<llm::AttentionOp>(context.op)),
        kv(cast<llm::KvType>(op.getKv().getType())), headDim(kv.getHeadDim()),
        group(columnsOf(op.getQ()) / (kv.getHeads() * headDim)), width(vectorWidthFor(headDim)),
        window(llm::windowOf(op.getWindow(), context.options.maxContext)) {}

  void emit();

private:
  static constexpr int64_t maxRows = 8;

  void emitChunk(Value row, int64_t rows);
  void loadQueries(Value row, int64_t rows);
  SmallVector<Value> scores(Value keys, int64_t rows);
  SmallVector<Value> page(Value index, ValueRange state, int64_t rows);
  void accumulate(Value values, Value keysHere, ArrayRef<Value> corrections, int64_t rows);
  void storeOutput(Value row, ValueRange state, int64_t rows);
  Value visibleLanes(Value last);
  Value pageBase(rt::Source pool, Value index);
  Value exponential(Value x) { return math::ExpOp::create(b, b.maxF(x, b.f32s(smallestExponent))); }

  KernelContext &context;
  Simd &b;
  llm::AttentionOp op;
  llm::KvType kv;
  int64_t headDim, group, width;
  int64_t window; ///< Positions that a row sees; 0: all.
  Value head, sequence, firstRow, firstPosition;
  Value queries, weights, outputs; ///< f32 scratch: [8][headDim], [8][16], [8][headDim]
  SmallVector<Value> positions;    ///< Last visible position of each row of the chunk, i64.
};

void AttentionEmitter::emit() {
  queries = b.scratch(maxRows * headDim * 4);
  outputs = b.scratch(maxRows * headDim * 4);
  weights = b.scratch(maxRows * pageTokens * 4);
  head = b.remU(context.tile, kv.getHeads());
  Value block = b.at(context.binding(rt::Source::AttentionBlocks),
                     b.mul(b.divU(context.tile, kv.getHeads()), 16));
  sequence = b.loadIndex(block);
  firstRow = b.loadIndex(b.at(block, 4));
  Value rowCount = b.mul(b.loadIndex(b.at(block, 8)), group);
  firstPosition = b.loadIndex(b.at(block, 12));
  Value begin = b.i64c(0);
  for (int64_t rows : {8, 4, 2, 1}) {
    Value end = b.add(begin, b.mul(b.divU(b.sub(rowCount, begin), rows), rows));
    b.forRange(begin, end, rows, [&](Value row) { emitChunk(row, rows); });
    begin = end;
  }
}

void AttentionEmitter::emitChunk(Value row, int64_t rows) {
  loadQueries(row, rows);
  SmallVector<Value> state(rows, b.f32c(lowestScore));
  state.append(rows, b.f32c(0));
  Value pages = b.add(b.divU(positions.back(), pageTokens), 1);
  // Pages that no row of the chunk sees are not read, so that time does not grow with the context.
  Value firstPage = b.i64c(0);
  if (window != 0)
    firstPage = b.divU(b.maxS(b.sub(positions.front(), b.i64c(window - 1)), b.i64c(0)), pageTokens);
  SmallVector<Value> last =
      b.forCarry(firstPage, pages, 1, state,
                 [&](Value index, ValueRange carried) { return page(index, carried, rows); });
  storeOutput(row, last, rows);
}

void AttentionEmitter::loadQueries(Value row, int64_t rows) {
  positions.clear();
  auto type = b.vectorOf(b.f32, width);
  Value scale = vector::BroadcastOp::create(b, type, b.f32c(op.getScale().convertToDouble()));
  Value zero = vector::BroadcastOp::create(b, type, b.f32c(0));
  for (int64_t r = 0; r < rows; ++r) {
    Value flat = b.add(row, r), token = b.divU(flat, group);
    positions.push_back(b.add(firstPosition, token));
    Value queryHead = b.add(b.mul(head, group), b.remU(flat, group));
    Value source = b.at(context.operand(op.getQ()),
                        b.add(b.mul(b.add(firstRow, token), columnsOf(op.getQ()) * 4),
                              b.mul(queryHead, headDim * 4)));
    b.forRange(b.i64c(0), b.i64c(headDim), width, [&](Value element) {
      Value offset = b.mul(element, 4), scratch = b.add(offset, r * headDim * 4);
      Value query = b.load(type, b.at(source, offset), 4);
      b.store(b.mulF(query, scale), b.at(queries, scratch), 4);
      b.store(zero, b.at(outputs, scratch), 4);
    });
  }
}

Value AttentionEmitter::pageBase(rt::Source pool, Value index) {
  int64_t headBytes = headPageBytes(kv);
  int64_t maxPages =
      (static_cast<int64_t>(context.options.maxContext) + pageTokens - 1) / pageTokens;
  Value entry = b.add(b.mul(sequence, maxPages), index);
  Value number = b.loadIndex(b.at(context.binding(rt::Source::BlockTables), b.mul(entry, 4)));
  Value offset = b.add(b.mul(number, kv.getHeads() * headBytes), b.mul(head, headBytes));
  return b.at(context.binding(pool), offset);
}

SmallVector<Value> AttentionEmitter::scores(Value keys, int64_t rows) {
  int64_t step = headDim % 4 == 0 ? 4 : 1;
  SmallVector<Value> zeros(rows, b.f32s(0));
  return b.forCarry(b.i64c(0), b.i64c(headDim), step, zeros, [&](Value first, ValueRange carried) {
    SmallVector<Value> sums(carried);
    for (int64_t i = 0; i < step; ++i) {
      Value element = b.add(first, i);
      Value address = b.at(keys, b.mul(element, pageTokens * elementBytes(kv)));
      Value key = loadElements(b, kv, address, pageTokens);
      Value query = b.at(queries, b.mul(element, 4));
      for (int64_t r = 0; r < rows; ++r)
        sums[r] = b.fma(b.splatF32At(b.at(query, r * headDim * 4)), key, sums[r]);
    }
    return sums;
  });
}

/// Lanes of a page that a row sees whose own position is lane `last` of it, or beyond.
Value AttentionEmitter::visibleLanes(Value last) {
  Value visible = b.laneMask(b.add(last, 1));
  if (window == 0)
    return visible;
  Value gone = b.laneMask(b.sub(last, b.i64c(window - 1)));
  Value none = arith::ConstantOp::create(b, b.getZeroAttr(visible.getType()));
  return arith::SelectOp::create(b, gone, none, visible);
}

/// One page: new running maxima, then sums, of all rows.
SmallVector<Value> AttentionEmitter::page(Value index, ValueRange state, int64_t rows) {
  Value firstKey = b.mul(index, pageTokens);
  SmallVector<Value> score = scores(pageBase(rt::Source::KeyPages, index), rows);
  SmallVector<Value> next(2 * rows), corrections;
  for (int64_t r = 0; r < rows; ++r) {
    Value visible = visibleLanes(b.sub(positions[r], firstKey));
    Value masked = arith::SelectOp::create(b, visible, score[r], b.f32s(lowestScore));
    next[r] = b.maxF(state[r], b.maxLanes(masked));
    Value shift = b.splat(next[r]);
    Value correction = exponential(b.subF(b.splat(state[r]), shift));
    Value weight = exponential(b.subF(masked, shift));
    weight = arith::SelectOp::create(b, visible, weight, b.f32s(0));
    b.store(weight, b.at(weights, r * pageTokens * 4), 64);
    Value scalar = vector::ExtractOp::create(b, correction, 0);
    next[rows + r] = b.fma(state[rows + r], scalar, b.sumLanes(weight));
    corrections.push_back(scalar);
  }
  // Slots beyond the last position may hold anything, even NaN: they are not read.
  Value keysHere = b.minU(b.i64c(pageTokens), b.add(b.sub(positions.back(), firstKey), 1));
  accumulate(pageBase(rt::Source::ValuePages, index), keysHere, corrections, rows);
  return next;
}

void AttentionEmitter::accumulate(Value values, Value keysHere, ArrayRef<Value> corrections,
                                  int64_t rows) {
  auto type = b.vectorOf(b.f32, width);
  auto spread = [&](Value scalar) -> Value { return vector::BroadcastOp::create(b, type, scalar); };
  b.forRange(b.i64c(0), b.i64c(headDim), width, [&](Value element) {
    auto output = [&](int64_t r) {
      return b.at(b.at(outputs, b.mul(element, 4)), r * headDim * 4);
    };
    SmallVector<Value> sums;
    for (int64_t r = 0; r < rows; ++r)
      sums.push_back(b.mulF(b.load(type, output(r), 4), spread(corrections[r])));
    sums = b.forCarry(b.i64c(0), keysHere, 1, sums, [&](Value key, ValueRange carried) {
      SmallVector<Value> next(carried);
      Value offset = b.mul(b.add(b.mul(key, headDim), element), elementBytes(kv));
      Value value = loadElements(b, kv, b.at(values, offset), width);
      for (int64_t r = 0; r < rows; ++r) {
        Value weight = b.at(b.at(weights, b.mul(key, 4)), r * pageTokens * 4);
        next[r] = b.fma(spread(b.load(b.f32, weight, 4)), value, next[r]);
      }
      return next;
    });
    for (int64_t r = 0; r < rows; ++r)
      b.store(sums[r], output(r), 4);
  });
}

void AttentionEmitter::storeOutput(Value row, ValueRange state, int64_t rows) {
  int64_t columns = columnsOf(op.getResult());
  bool quantised = isQuantised(op.getResult());
  int64_t step = quantised ? 32 : width;
  for (int64_t r = 0; r < rows; ++r) {
    Value flat = b.add(row, r);
    Value token = b.add(firstRow, b.divU(flat, group));
    Value column = b.mul(b.add(b.mul(head, group), b.remU(flat, group)), headDim);
    Value output = b.at(context.result(), b.mul(token, activationRowBytes(op.getResult())));
    Value inverse = b.divF(b.f32c(1), state[rows + r]);
    auto scaled = [&](Value element, int64_t count) -> Value {
      auto type = b.vectorOf(b.f32, count);
      Value sum = b.load(type, b.at(b.at(outputs, b.mul(element, 4)), r * headDim * 4), 4);
      return b.mulF(sum, vector::BroadcastOp::create(b, type, inverse));
    };
    b.forRange(b.i64c(0), b.i64c(headDim), step, [&](Value element) {
      Value at = b.add(column, element);
      if (quantised)
        storeQuantised(b, output, columns, at, scaled(element, lanes),
                       scaled(b.add(element, lanes), lanes));
      else
        b.store(scaled(element, width), b.at(output, b.mul(at, 4)), 4);
    });
  }
}

} // namespace

void emitAttention(KernelContext &context) { AttentionEmitter(context).emit(); }

} // namespace tawny::x86
