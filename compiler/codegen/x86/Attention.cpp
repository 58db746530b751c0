// Paged causal attention: a tile is one block of a sequence's new tokens and one KV head, hence
// `rows = tokens * group` query rows that read the same keys and values.
//
//   for rows [r, r + c) in chunks of 16, 8, 4, 2, 1
//     for 8 pages, 128 positions, that some row of the chunk sees
//       s[c][16] = q[c][d] . K[d][16] of each page, d = 0 .. headDim     one load feeds c products
//       s beyond a row's position or before its window = -inf, in pages at the border alone
//       m, l rescaled, p = exp2(s - m), l += p
//       o[c][16 of headDim] = o * correction + p[c][j] * V[j][...], j in the pages
//     y = o / l
//
// (Milakov and Gimelshein, arXiv:1805.02867, for the running maximum and sum.) Bytes: 4 per
// position and element of headDim (f16 keys and values; 8 in f32) once per chunk; operations: 4 per
// position, element and row, in f32 or in pairs of bf16 (AttentionProducts.h). Chunks of few rows
// work on several pages at once, so that 8 sums are under way, and ask for the pages after them.
//
// The 128 positions are those of the sequence whatever the rows, and what a row does not see has
// weights of zero: its result does not depend on the other rows of its block.
#include "compiler/codegen/x86/AttentionProducts.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <numbers>

using namespace mlir;

namespace tawny::x86 {
namespace {

/// Stands for minus infinity where a difference of two must stay a number.
constexpr double lowestScore = -3.0e38;
/// Every score of a position that is seen is above.
constexpr double unseenScore = -1.0e38;
constexpr int64_t blockPages = 8, blockTokens = blockPages * pageTokens;

class AttentionEmitter {
public:
  explicit AttentionEmitter(KernelContext &context)
      : context(context), b(context.b), op(cast<llm::AttentionOp>(context.op)),
        kv(cast<llm::KvType>(op.getKv().getType())), products(context, kv),
        headDim(kv.getHeadDim()), group(columnsOf(op.getQ()) / (kv.getHeads() * headDim)),
        width(vectorWidthFor(headDim)),
        window(llm::windowOf(op.getWindow(), context.options.maxContext)) {}

  void emit();

private:
  /// Rows of a chunk, and sums under way that hide the latency of a product: 16 and 8 registers of
  /// 32 on AVX-512; AVX2 has 16 and a sum takes two.
  int64_t mostRows() const { return b.target.vectorBits >= 512 ? 16 : 4; }
  int64_t leastSums() const { return b.target.vectorBits >= 512 ? 8 : 4; }

  void emitChunk(Value row);
  void loadQueries(Value row);
  void emitPages(Value begin, Value end, Value pastLast);
  void locatePages(Value begin, Value pastLast);
  void scorePages(Value count);
  void hideScores(Value begin, Value count);
  void weighScores(Value count);
  void addValues(Value begin, Value count);
  void addVectors(Value element, int64_t vectors, Value begin, Value count);
  Value visibleLanes(Value last);
  void storeOutput(Value row);

  Value word(Value scratch, Value index, int64_t bytes) {
    return b.at(scratch, b.mul(index, bytes));
  }
  Value score(int64_t row, Value page) {
    return b.at(word(scores, page, pageTokens * 4), row * blockTokens * 4);
  }
  Value sum(int64_t row, Value element) { return b.at(word(sums, element, 4), row * headDim * 4); }
  /// Asks for line `line` of a page of the next loop, in chunks whose time is that of reading. On
  /// two cores of Zen 4, 1024 positions of TinyLlama: 79 us without, 64 us into the first cache,
  /// 48 us into the second, with 24 us of arithmetic.
  void prefetch(Value page, Value line) {
    constexpr int64_t mostRowsBoundByMemory = 8, lineBytes = 64;
    if (rows <= mostRowsBoundByMemory)
      b.prefetch(b.at(page, b.mul(line, lineBytes)), CacheLevel::Second);
  }

  KernelContext &context;
  Simd &b;
  llm::AttentionOp op;
  llm::KvType kv;
  AttentionProducts products;
  int64_t headDim, group, width;
  int64_t window;   ///< Positions that a row sees; 0: all.
  int64_t rows = 0; ///< Of the chunk.
  Value head, sequence, firstRow, firstPosition;
  SmallVector<Value> positions; ///< Last visible position of each row of the chunk, i64.

  // Scratch. Inputs of products (AttentionProducts.h), [rows][headDim] and [rows][128]; f32
  // [rows][128], where f32 inputs are weights, too, and [rows][headDim].
  Value queries, weights, scores, sums;
  Value largest, corrections;            ///< f32 [rows].
  Value totals;                          ///< f32 [rows][16]: sums of weights by position modulo 16.
  Value keyPages, valuePages, nextPages; ///< Addresses of 8 pages; the last: keys of the 8 after.
};

void AttentionEmitter::emit() {
  const int64_t most = mostRows();
  queries = b.scratch(most * headDim * products.inputBytes());
  scores = b.scratch(most * blockTokens * 4);
  weights =
      products.inputBytes() == 4 ? scores : b.scratch(most * blockTokens * products.inputBytes());
  sums = b.scratch(most * headDim * 4);
  largest = b.scratch(most * 4);
  corrections = b.scratch(most * 4);
  totals = b.scratch(most * lanes * 4);
  for (Value *pages : {&keyPages, &valuePages, &nextPages})
    *pages = b.scratch(blockPages * 8);
  head = b.remU(context.tile, kv.getHeads());
  Value block = b.at(context.binding(rt::Source::AttentionBlocks),
                     b.mul(b.divU(context.tile, kv.getHeads()), 16));
  sequence = b.loadIndex(block);
  firstRow = b.loadIndex(b.at(block, 4));
  Value rowCount = b.mul(b.loadIndex(b.at(block, 8)), group);
  firstPosition = b.loadIndex(b.at(block, 12));
  Value begin = b.i64c(0);
  for (rows = most; rows > 0; rows /= 2) {
    Value end = b.add(begin, b.mul(b.divU(b.sub(rowCount, begin), rows), rows));
    b.forRange(begin, end, rows, [&](Value row) { emitChunk(row); });
    begin = end;
  }
}

void AttentionEmitter::emitChunk(Value row) {
  loadQueries(row);
  Value pastLast = b.add(b.divU(positions.back(), pageTokens), 1);
  // Pages that no row of the chunk sees are not read, so that time does not grow with the context.
  Value first = b.i64c(0);
  if (window != 0)
    first = b.divU(b.maxS(b.sub(positions.front(), b.i64c(window - 1)), b.i64c(0)), pageTokens);
  Value firstBlock = b.mul(b.divU(first, blockPages), blockPages);
  b.forRange(firstBlock, pastLast, blockPages, [&](Value block) {
    emitPages(b.maxS(block, first), b.minU(b.add(block, blockPages), pastLast), pastLast);
  });
  storeOutput(row);
}

void AttentionEmitter::loadQueries(Value row) {
  positions.clear();
  auto type = b.vectorOf(b.f32, width);
  auto spread = [&](double value) -> Value {
    return vector::BroadcastOp::create(b, type, b.f32c(value));
  };
  // Weights are powers of two.
  Value scale = spread(std::ldexp(op.getScale().convertToDouble() * std::numbers::log2e,
                                  static_cast<int>(products.queryExponent())));
  Value zero = spread(0);
  for (int64_t r = 0; r < rows; ++r) {
    Value flat = b.add(row, r), token = b.divU(flat, group);
    positions.push_back(b.add(firstPosition, token));
    Value queryHead = b.add(b.mul(head, group), b.remU(flat, group));
    Value source = b.at(context.operand(op.getQ()),
                        b.add(b.mul(b.add(firstRow, token), columnsOf(op.getQ()) * 4),
                              b.mul(queryHead, headDim * 4)));
    b.forRange(b.i64c(0), b.i64c(headDim), width, [&](Value element) {
      Value query = b.load(type, b.at(source, b.mul(element, 4)), 4);
      products.storeInputs(b.mulF(query, scale), b.at(word(queries, element, products.inputBytes()),
                                                      r * headDim * products.inputBytes()));
      b.store(zero, sum(r, element), 4);
    });
    b.store(b.f32c(lowestScore), b.at(largest, r * 4), 4);
    b.store(b.f32s(0), b.at(totals, r * lanes * 4), 64);
  }
}

/// Pages [begin, end), of at most 8 that lie between multiples of 8. The chunk's end at `pastLast`.
void AttentionEmitter::emitPages(Value begin, Value end, Value pastLast) {
  Value count = b.sub(end, begin);
  locatePages(begin, pastLast);
  scorePages(count);
  Value isBorder = b.lessThan(positions.front(), b.sub(b.mul(end, pageTokens), b.i64c(1)));
  if (window != 0) {
    Value isBefore =
        b.lessThan(b.mul(begin, pageTokens), b.sub(positions.back(), b.i64c(window - 1)));
    isBorder = arith::OrIOp::create(b, isBorder, isBefore);
  }
  b.ifElse(isBorder, [&] { hideScores(begin, count); });
  weighScores(count);
  addValues(begin, count);
}

void AttentionEmitter::locatePages(Value begin, Value pastLast) {
  const int64_t headBytes = headPageBytes(kv);
  const int64_t maxPages =
      (static_cast<int64_t>(context.options.maxContext) + pageTokens - 1) / pageTokens;
  Value last = b.sub(pastLast, b.i64c(1));
  Value table = b.at(context.binding(rt::Source::BlockTables), b.mul(sequence, maxPages * 4));
  Value keys = b.at(context.binding(rt::Source::KeyPages), b.mul(head, headBytes));
  Value values = b.at(context.binding(rt::Source::ValuePages), b.mul(head, headBytes));
  auto offsetOf = [&](Value page) {
    Value number = b.loadIndex(b.at(table, b.mul(b.minU(page, last), 4)));
    return b.mul(number, kv.getHeads() * headBytes);
  };
  b.forRange(b.i64c(0), b.i64c(blockPages), 1, [&](Value index) {
    Value page = b.add(begin, index), offset = offsetOf(page);
    b.store(b.at(keys, offset), word(keyPages, index, 8), 8);
    b.store(b.at(values, offset), word(valuePages, index, 8), 8);
    b.store(b.at(keys, offsetOf(b.add(page, blockPages))), word(nextPages, index, 8), 8);
  });
}

void AttentionEmitter::scorePages(Value count) {
  const int64_t pages = std::max<int64_t>(leastSums() / rows, 1), depth = products.depth();
  const int64_t bytes = products.operandBytes(pageTokens), inputBytes = products.inputBytes();
  // Two products of each sum in one turn of the loop, if the head has an even number.
  const int64_t unroll = headDim % (2 * depth) == 0 ? 2 : 1;
  Value scoreScale = b.f32s(std::ldexp(1.0, static_cast<int>(products.scoreExponent())));
  b.forRange(b.i64c(0), count, pages, [&](Value first) {
    SmallVector<Value> keys, values;
    for (int64_t page = 0; page < pages; ++page) {
      Value index = b.add(first, page);
      keys.push_back(b.load(b.pointer, word(keyPages, index, 8), 8));
      values.push_back(b.load(b.pointer, word(valuePages, index, 8), 8));
    }
    SmallVector<Value> zeros(rows * pages, b.f32s(0));
    auto step = [&](Value turn, ValueRange carried) {
      SmallVector<Value> next(carried);
      for (int64_t i = 0; i < unroll; ++i) {
        Value line = b.add(b.mul(turn, unroll), i), offset = b.mul(line, bytes);
        Value query = word(queries, line, depth * inputBytes);
        for (int64_t page = 0; page < pages; ++page) {
          Value key = products.operand(b.at(keys[page], offset), pageTokens);
          prefetch(values[page], line);
          for (int64_t r = 0; r < rows; ++r) {
            Value &total = next[page * rows + r];
            total = products.multiply(total, key, b.at(query, r * headDim * inputBytes));
          }
        }
      }
      return next;
    };
    SmallVector<Value> found =
        b.forCarry(b.i64c(0), b.i64c(headDim / (depth * unroll)), 1, zeros, step);
    for (int64_t page = 0; page < pages; ++page)
      for (int64_t r = 0; r < rows; ++r) {
        Value value = found[page * rows + r];
        if (products.scoreExponent() != 0)
          value = b.mulF(value, scoreScale);
        b.store(value, score(r, b.add(first, page)), 64);
      }
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

void AttentionEmitter::hideScores(Value begin, Value count) {
  b.forRange(b.i64c(0), count, 1, [&](Value page) {
    Value first = b.mul(b.add(begin, page), pageTokens);
    for (int64_t r = 0; r < rows; ++r) {
      Value address = score(r, page), visible = visibleLanes(b.sub(positions[r], first));
      Value found = b.load(b.f32x16, address, 64);
      b.store(arith::SelectOp::create(b, visible, found, b.f32s(lowestScore)), address, 64);
    }
  });
}

/// New running maxima and sums of all rows; scores become weights.
void AttentionEmitter::weighScores(Value count) {
  SmallVector<Value> lowest(rows, b.f32s(lowestScore));
  SmallVector<Value> tops =
      b.forCarry(b.i64c(0), count, 1, lowest, [&](Value page, ValueRange carried) {
        SmallVector<Value> next(carried);
        for (int64_t r = 0; r < rows; ++r)
          next[r] = b.greaterOf(b.load(b.f32x16, score(r, page), 64), next[r]);
        return next;
      });
  SmallVector<Value> shifts, before;
  for (int64_t r = 0; r < rows; ++r) {
    Value old = b.load(b.f32, b.at(largest, r * 4), 4);
    Value top = b.greaterOf(b.greatestLane(tops[r]), old);
    b.store(top, b.at(largest, r * 4), 4);
    shifts.push_back(b.splat(top));
    Value correction = emitExp2(b, b.subF(b.splat(old), shifts.back()), 0);
    b.store(b.extract(correction, 0), b.at(corrections, r * 4), 4);
    before.push_back(b.mulF(b.load(b.f32x16, b.at(totals, r * lanes * 4), 64), correction));
  }
  const int64_t inputBytes = products.inputBytes();
  SmallVector<Value> after =
      b.forCarry(b.i64c(0), count, 1, before, [&](Value page, ValueRange carried) {
        SmallVector<Value> next(carried);
        for (int64_t r = 0; r < rows; ++r) {
          Value found = b.load(b.f32x16, score(r, page), 64);
          // Not true of NaN alone: what is no number stays so.
          Value isSeen =
              arith::CmpFOp::create(b, arith::CmpFPredicate::UGT, found, b.f32s(unseenScore));
          Value weight = emitExp2(b, b.subF(found, shifts[r]), products.weightExponent());
          weight = arith::SelectOp::create(b, isSeen, weight, b.f32s(0));
          products.storeInputs(weight, b.at(word(weights, page, pageTokens * inputBytes),
                                            r * blockTokens * inputBytes));
          next[r] = b.addF(next[r], weight);
        }
        return next;
      });
  for (int64_t r = 0; r < rows; ++r)
    b.store(after[r], b.at(totals, r * lanes * 4), 64);
}

void AttentionEmitter::addValues(Value begin, Value count) {
  int64_t vectors = std::max<int64_t>(leastSums() / rows, 1);
  while (headDim / width % vectors != 0)
    vectors /= 2;
  b.forRange(b.i64c(0), b.i64c(headDim), vectors * width,
             [&](Value element) { addVectors(element, vectors, begin, count); });
}

/// Adds `vectors` vectors of each value from `element` on.
void AttentionEmitter::addVectors(Value element, int64_t vectors, Value begin, Value count) {
  const int64_t depth = products.depth(), bytes = products.operandBytes(width);
  auto type = b.vectorOf(b.f32, width);
  auto at = [&](int64_t vector) { return b.add(element, vector * width); };
  SmallVector<Value> initial;
  for (int64_t r = 0; r < rows; ++r) {
    Value correction =
        vector::BroadcastOp::create(b, type, b.load(b.f32, b.at(corrections, r * 4), 4));
    for (int64_t v = 0; v < vectors; ++v)
      initial.push_back(b.mulF(b.load(type, sum(r, at(v)), 4), correction));
  }
  // f32 slots beyond the last position may hold anything, even NaN: they are not read. Those of
  // pairs are finite whatever they hold.
  Value seen = b.sub(b.add(positions.back(), 1), b.mul(begin, pageTokens));
  auto ofPage = [&](Value page, ValueRange carried) {
    Value base = b.load(b.pointer, word(valuePages, page, 8), 8);
    Value next = b.load(b.pointer, word(nextPages, page, 8), 8);
    Value offset = b.mul(element, depth * elementBytes(kv));
    Value slots = b.minU(b.i64c(pageTokens), b.sub(seen, b.mul(page, pageTokens)));
    Value lines = depth == 1 ? slots : b.i64c(pageTokens / depth);
    return b.forCarry(b.i64c(0), lines, 1, carried, [&](Value line, ValueRange inner) {
      SmallVector<Value> sumsHere(inner), values;
      Value lineOffset = b.add(b.mul(line, headDim * depth * elementBytes(kv)), offset);
      Value turn = b.add(b.mul(b.divU(element, width), pageTokens / depth), b.mul(line, vectors));
      for (int64_t v = 0; v < vectors; ++v) {
        values.push_back(products.operand(b.at(base, b.add(lineOffset, v * bytes)), width));
        prefetch(next, b.add(turn, v));
      }
      Value slot = b.add(b.mul(page, pageTokens), b.mul(line, depth));
      Value weight = word(weights, slot, products.inputBytes());
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          Value &total = sumsHere[r * vectors + v];
          total = products.multiply(total, values[v],
                                    b.at(weight, r * blockTokens * products.inputBytes()));
        }
      return sumsHere;
    });
  };
  SmallVector<Value> last = b.forCarry(b.i64c(0), count, 1, initial, ofPage);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      b.store(last[r * vectors + v], sum(r, at(v)), 4);
}

void AttentionEmitter::storeOutput(Value row) {
  const int64_t columns = columnsOf(op.getResult());
  const bool quantised = isQuantised(op.getResult());
  const int64_t step = quantised ? 32 : width;
  Value one = b.f32c(std::ldexp(1.0, static_cast<int>(products.sumExponent())));
  for (int64_t r = 0; r < rows; ++r) {
    Value flat = b.add(row, r);
    Value token = b.add(firstRow, b.divU(flat, group));
    Value column = b.mul(b.add(b.mul(head, group), b.remU(flat, group)), headDim);
    Value output = b.at(context.result(), b.mul(token, activationRowBytes(op.getResult())));
    Value total = b.sumLanes(b.load(b.f32x16, b.at(totals, r * lanes * 4), 64));
    Value inverse = b.divF(one, total);
    auto scaled = [&](Value element, int64_t count) -> Value {
      auto type = b.vectorOf(b.f32, count);
      return b.mulF(b.load(type, sum(r, element), 4),
                    vector::BroadcastOp::create(b, type, inverse));
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
