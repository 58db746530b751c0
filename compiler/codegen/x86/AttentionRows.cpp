#include "compiler/codegen/x86/AttentionRows.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <numbers>

using namespace mlir;

namespace tawny::x86 {
namespace {

/// Stands for minus infinity where a difference of two must stay a number.
constexpr double lowestScore = std::numeric_limits<float>::lowest();
/// Every score of a position that is seen is above.
constexpr double unseenScore = -1.0e38;

double powerOfTwo(int64_t exponent) { return std::ldexp(1.0, static_cast<int>(exponent)); }

} // namespace

AttentionRows::AttentionRows(KernelContext &context, const AttentionFacts &facts, int64_t capacity)
    : context(context), b(context.b), facts(facts), products(context, facts.kv),
      width(vectorWidthFor(facts.headDim)) {
  queries = b.scratch(capacity * facts.headDim * products.inputBytes());
  scores = b.scratch(capacity * blockTokens * 4);
  weights = products.inputBytes() == 4 ? scores
                                       : b.scratch(capacity * blockTokens * products.inputBytes());
  sumRows = b.scratch(capacity * facts.headDim * 4);
  maxima = b.scratch(capacity * 4);
  totals = b.scratch(capacity * lanes * 4);
  keyPages = b.scratch((2 * blockPages + 1) * 8);
  valuePages = b.at(keyPages, blockPages * 8);
}

void AttentionRows::loadQuery(Value row, Value source) {
  auto type = b.vectorOf(b.f32, width);
  // Weights are powers of two.
  Value scale = vector::BroadcastOp::create(
      b, type, b.f32c(facts.scale * std::numbers::log2e * powerOfTwo(products.queryExponent())));
  b.forRange(b.i64c(0), b.i64c(facts.headDim), width, [&](Value element) {
    Value found = b.load(type, b.at(source, b.mul(element, 4)), 4);
    products.storeInputs(b.mulF(found, scale), word(query(row), element, products.inputBytes()));
  });
}

void AttentionRows::reset(Value row) {
  auto type = b.vectorOf(b.f32, width);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  b.forRange(b.i64c(0), b.i64c(facts.headDim), width,
             [&](Value element) { b.store(zero, sumAt(row, element), 4); });
  b.store(b.f32c(lowestScore), word(maxima, row, 4), 4);
  b.store(b.f32s(0), word(totals, row, lanes * 4), 64);
}

void AttentionRows::locatePages(Value sequence, Value offset, Value begin, Value last) {
  const int64_t pageBytes = facts.kv.getHeads() * headPageBytes(facts.kv);
  const int64_t maxPages =
      (static_cast<int64_t>(context.options.maxContext) + pageTokens - 1) / pageTokens;
  Value table = b.at(context.binding(rt::Source::BlockTables), b.mul(sequence, maxPages * 4));
  Value keys = b.at(context.binding(rt::Source::KeyPages), offset);
  Value values = b.at(context.binding(rt::Source::ValuePages), offset);
  auto offsetOf = [&](Value page) {
    return b.mul(b.loadIndex(b.at(table, b.mul(b.minU(page, last), 4))), pageBytes);
  };
  b.forRange(b.i64c(0), b.i64c(blockPages), 1, [&](Value index) {
    Value found = offsetOf(b.add(begin, index));
    b.store(b.at(keys, found), word(keyPages, index, 8), 8);
    b.store(b.at(values, found), word(valuePages, index, 8), 8);
  });
  b.store(b.at(keys, offsetOf(b.add(begin, blockPages))), b.at(valuePages, blockPages * 8), 8);
}

Value AttentionRows::pageAt(const Chunk &chunk, Value pages, Value page) {
  return b.at(b.load(b.pointer, word(pages, page, 8), 8), chunk.headBytes);
}

void AttentionRows::prefetch(const Chunk &chunk, Value address) {
  if (chunk.isPrefetching)
    b.prefetch(address, CacheLevel::Second);
}

void AttentionRows::score(const Chunk &chunk, Value begin, Value end) {
  const int64_t depth = products.depth(), inputBytes = products.inputBytes();
  const int64_t bytes = products.operandBytes(pageTokens);
  // Two products of each sum in one turn of the loop, if the head has an even number.
  const int64_t unroll = facts.headDim % (2 * depth) == 0 ? 2 : 1;
  Value scoreScale = b.f32s(powerOfTwo(products.scoreExponent()));
  b.forRange(begin, end, 1, [&](Value page) {
    Value keys = pageAt(chunk, keyPages, page), next = pageAt(chunk, keyPages, b.add(page, 1));
    auto step = [&](Value turn, ValueRange carried) {
      SmallVector<Value> sums(carried);
      for (int64_t i = 0; i < unroll; ++i) {
        Value line = b.add(b.mul(turn, unroll), i), offset = b.mul(line, bytes);
        Value key = products.operand(b.at(keys, offset), pageTokens);
        prefetch(chunk, b.at(next, offset));
        for (int64_t r = 0; r < chunk.rows; ++r)
          sums[r] = products.multiply(sums[r], key,
                                      word(query(rowOf(chunk, r)), line, depth * inputBytes));
      }
      return sums;
    };
    SmallVector<Value> zeros(chunk.rows, b.f32s(0));
    SmallVector<Value> found =
        b.forCarry(b.i64c(0), b.i64c(facts.headDim / (depth * unroll)), 1, zeros, step);
    for (int64_t r = 0; r < chunk.rows; ++r) {
      Value value = products.scoreExponent() != 0 ? b.mulF(found[r], scoreScale) : found[r];
      b.store(value, scoreAt(rowOf(chunk, r), page), 64);
    }
  });
}

/// Lanes of a page that a row sees whose own position is lane `last` of it, or beyond.
Value AttentionRows::visibleLanes(Value last) {
  Value visible = b.laneMask(b.add(last, 1));
  if (facts.window == 0)
    return visible;
  Value gone = b.laneMask(b.sub(last, b.i64c(facts.window - 1)));
  Value none = arith::ConstantOp::create(b, b.getZeroAttr(visible.getType()));
  return arith::SelectOp::create(b, gone, none, visible);
}

void AttentionRows::hide(const Chunk &chunk, Value begin, Value count) {
  b.forRange(b.i64c(0), count, 1, [&](Value page) {
    Value first = b.mul(b.add(begin, page), pageTokens);
    for (int64_t r = 0; r < chunk.rows; ++r) {
      Value address = scoreAt(rowOf(chunk, r), page);
      Value visible = visibleLanes(b.sub(chunk.positions[r], first));
      Value found = b.load(b.f32x16, address, 64);
      b.store(arith::SelectOp::create(b, visible, found, b.f32s(lowestScore)), address, 64);
    }
  });
}

void AttentionRows::weigh(const Chunk &chunk, Value begin, Value end) {
  Value count = b.sub(end, begin);
  Value isBorder = b.lessThan(chunk.positions.front(), b.sub(b.mul(end, pageTokens), b.i64c(1)));
  if (facts.window != 0) {
    Value isBefore = b.lessThan(b.mul(begin, pageTokens),
                                b.sub(chunk.positions.back(), b.i64c(facts.window - 1)));
    isBorder = arith::OrIOp::create(b, isBorder, isBefore);
  }
  b.ifElse(isBorder, [&] { hide(chunk, begin, count); });
  SmallVector<Value> before, shifts;
  raiseMaxima(chunk, count, before, shifts);
  const int64_t inputBytes = products.inputBytes();
  SmallVector<Value> after =
      b.forCarry(b.i64c(0), count, 1, before, [&](Value page, ValueRange carried) {
        SmallVector<Value> next(carried);
        for (int64_t r = 0; r < chunk.rows; ++r) {
          Value row = rowOf(chunk, r), found = b.load(b.f32x16, scoreAt(row, page), 64);
          // Not true of NaN alone: what is no number stays so.
          Value isSeen =
              arith::CmpFOp::create(b, arith::CmpFPredicate::UGT, found, b.f32s(unseenScore));
          Value power = emitExp2(b, b.subF(found, shifts[r]), products.weightExponent());
          power = arith::SelectOp::create(b, isSeen, power, b.f32s(0));
          products.storeInputs(power, word(weight(row), page, pageTokens * inputBytes));
          next[r] = b.addF(next[r], power);
        }
        return next;
      });
  for (int64_t r = 0; r < chunk.rows; ++r)
    b.store(after[r], word(totals, rowOf(chunk, r), lanes * 4), 64);
}

/// New running maxima of all rows, `shifts`; what was summed up so far is corrected for them.
void AttentionRows::raiseMaxima(const Chunk &chunk, Value count, SmallVector<Value> &totalsBefore,
                                SmallVector<Value> &shifts) {
  SmallVector<Value> lowest(chunk.rows, b.f32s(lowestScore));
  SmallVector<Value> tops =
      b.forCarry(b.i64c(0), count, 1, lowest, [&](Value page, ValueRange carried) {
        SmallVector<Value> next(carried);
        for (int64_t r = 0; r < chunk.rows; ++r)
          next[r] = b.greaterOf(b.load(b.f32x16, scoreAt(rowOf(chunk, r), page), 64), next[r]);
        return next;
      });
  for (int64_t r = 0; r < chunk.rows; ++r) {
    Value row = rowOf(chunk, r), address = word(maxima, row, 4), old = b.load(b.f32, address, 4);
    Value top = b.greaterOf(b.greatestLane(tops[r]), old);
    b.store(top, address, 4);
    shifts.push_back(b.splat(top));
    Value correction = emitExp2(b, b.subF(b.splat(old), shifts.back()), 0);
    Value totalsHere = b.load(b.f32x16, word(totals, row, lanes * 4), 64);
    totalsBefore.push_back(b.mulF(totalsHere, correction));
    correctSums(row, b.extract(correction, 0));
  }
}

/// Maxima seldom rise, so most corrections are one.
void AttentionRows::correctSums(Value row, Value correction) {
  auto type = b.vectorOf(b.f32, width);
  Value isNeeded = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, correction, b.f32c(1));
  b.ifElse(isNeeded, [&] {
    Value factor = vector::BroadcastOp::create(b, type, correction);
    b.forRange(b.i64c(0), b.i64c(facts.headDim), width, [&](Value element) {
      Value address = sumAt(row, element);
      b.store(b.mulF(b.load(type, address, 4), factor), address, 4);
    });
  });
}

void AttentionRows::addValues(const Chunk &chunk, Value begin, Value first, Value end) {
  int64_t vectors = std::max<int64_t>(leastSums() / chunk.rows, 1);
  while (facts.headDim / width % vectors != 0)
    vectors /= 2;
  b.forRange(b.i64c(0), b.i64c(facts.headDim), vectors * width,
             [&](Value element) { addVectors(chunk, element, vectors, begin, first, end); });
}

/// Adds `vectors` vectors of each value from `element` on.
void AttentionRows::addVectors(const Chunk &chunk, Value element, int64_t vectors, Value begin,
                               Value first, Value end) {
  const int64_t depth = products.depth(), inputBytes = products.inputBytes();
  const int64_t lineBytes = products.operandBytes(width);
  const int64_t vectorBytes = lineBytes * (pageTokens / depth);
  auto type = b.vectorOf(b.f32, width);
  auto at = [&](int64_t vector) { return b.add(element, vector * width); };
  SmallVector<Value> initial;
  for (int64_t r = 0; r < chunk.rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      initial.push_back(b.load(type, sumAt(rowOf(chunk, r), at(v)), 4));
  Value start = b.mul(element, pageTokens * elementBytes(facts.kv));
  // f32 slots beyond the last position may hold anything, even NaN: they are not read. Those of
  // pairs are finite whatever they hold.
  Value seen = b.sub(b.add(chunk.positions.back(), 1), b.mul(begin, pageTokens));
  auto ofPage = [&](Value page, ValueRange carried) {
    Value base = b.at(pageAt(chunk, valuePages, page), start);
    Value next = b.at(pageAt(chunk, valuePages, b.add(page, 1)), start);
    Value slots = b.minU(b.i64c(pageTokens), b.sub(seen, b.mul(page, pageTokens)));
    Value lines = depth == 1 ? slots : b.i64c(pageTokens / depth);
    return b.forCarry(b.i64c(0), lines, 1, carried, [&](Value line, ValueRange inner) {
      SmallVector<Value> sumsHere(inner), values;
      for (int64_t v = 0; v < vectors; ++v) {
        Value offset = b.add(b.mul(line, lineBytes), v * vectorBytes);
        values.push_back(products.operand(b.at(base, offset), width));
        prefetch(chunk, b.at(next, offset));
      }
      Value slot = b.add(b.mul(page, pageTokens), b.mul(line, depth));
      for (int64_t r = 0; r < chunk.rows; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          Value &total = sumsHere[r * vectors + v];
          total =
              products.multiply(total, values[v], word(weight(rowOf(chunk, r)), slot, inputBytes));
        }
      return sumsHere;
    });
  };
  SmallVector<Value> last = b.forCarry(first, end, 1, initial, ofPage);
  for (int64_t r = 0; r < chunk.rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      b.store(last[r * vectors + v], sumAt(rowOf(chunk, r), at(v)), 4);
}

RangeState AttentionRows::state(Value row) {
  Value total = b.sumLanes(b.load(b.f32x16, word(totals, row, lanes * 4), 64));
  return {b.load(b.f32, word(maxima, row, 4), 4),
          b.mulF(total, b.f32c(powerOfTwo(-products.weightExponent())))};
}

Value AttentionRows::sums(Value row, Value element) {
  auto type = b.vectorOf(b.f32, width);
  Value scale = b.f32c(powerOfTwo(products.sumExponent() - products.weightExponent()));
  return b.mulF(b.load(type, sumAt(row, element), 4), vector::BroadcastOp::create(b, type, scale));
}

} // namespace tawny::x86
