// Fused causal attention of blocks of rows on the matrix unit, over a paged pool.
//
//   workgroup (block of tokens, KV head)                                grid: blocks * KV heads
//     for 64 query rows (a head of a token each) of the block's tokens * group:
//       wave: 16 rows; q rounded to f16 in registers
//       for chunk of 32 positions from 0 to the last row's own:
//         barrier; keys, transposed values -> shared memory; barrier; fetch the next chunk's
//         s[16][32] = q K^T                                    headDim / 16 products per 16 x 16
//         m' = max(m, s), p = 2^(s - m') in f16, l = l 2^(m - m') + sum of p
//         o[16][headDim] = o 2^(m - m') + p V                  the same number of products
//       store o / l
//
// (Dao, arXiv:2307.08691.) Bytes: 4 per position and element of a head, once for 64 rows;
// operations: 4 per position, element and row. Scores, sums and the softmax are f32, q and p f16.
// Chunks begin at multiples of 32 positions of the sequence whatever the block, and what a row does
// not see changes none of its sums, so that neither the block's other rows nor how a prompt was cut
// change a bit. (Of a chunk before its window a row keeps sums with the lowest maximum, which the
// first score that it sees multiplies by 0.) Chunks before the window of all rows are not read.
#include "compiler/codegen/simt/AttentionMatrix.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace tawny::simt {
namespace {

constexpr double lowestScore = std::numeric_limits<float>::lowest();

class MatrixEmitter {
public:
  MatrixEmitter(Simt &b, const MatrixAttentionPlan &plan, const Bindings &bindings, Value shared)
      : b(b), plan(plan), bindings(bindings), chunk(b, plan, shared) {}

  void emit(Value index) {
    tile = loadTile(b, plan, bindings, index);
    rows = b.mul(tile.rows, plan.group);
    const int64_t passRows = plan.waves * plan.waveRows;
    b.forRange(b.i32c(0), rows, passRows, [&](Value first) {
      Value pastLast = b.minU(b.add(first, passRows), rows);
      last = b.add(tile.firstPosition, b.divU(b.sub(pastLast, b.i32c(1)), plan.group));
      Value firstLast = b.add(tile.firstPosition, b.divU(first, plan.group));
      firstChunk = firstSeen(b, plan, firstLast, plan.chunkTokens);
      emitPass(b.add(first, b.mul(b.wave(), plan.waveRows)));
    });
  }

private:
  /// What a loop over chunks carries: maxima and sums of weights of the lane's queries, then sums.
  struct State {
    SmallVector<Value> largest, weights, sums;
    SmallVector<Value> values() const {
      SmallVector<Value> all(largest);
      llvm::append_range(all, weights);
      llvm::append_range(all, sums);
      return all;
    }
  };

  State unpack(ValueRange values) const {
    const int64_t queries = plan.laneQueries();
    State state;
    llvm::append_range(state.largest, values.take_front(queries));
    llvm::append_range(state.weights, values.slice(queries, queries));
    llvm::append_range(state.sums, values.drop_front(2 * queries));
    return state;
  }

  void emitPass(Value firstRow) {
    loadQueries(firstRow);
    State state;
    state.largest.assign(plan.laneQueries(), b.f32c(lowestScore));
    state.weights.assign(plan.laneQueries(), b.f32c(0));
    state.sums.assign(plan.headTiles(), plan.matrix.zeroSums(b));
    PageTable pages(b, plan, bindings, tile);
    // Chunks are on their way to registers while the one before is attended to, and the numbers of
    // their pages one chunk earlier. Behind the last chunk comes it again.
    auto following = [&](Value position) {
      Value next = b.add(position, plan.chunkTokens);
      return b.select(b.below(last, next), position, next);
    };
    SmallVector<Value> carried = state.values();
    const size_t stateSize = carried.size();
    llvm::append_range(carried, chunk.numbers(pages, following(firstChunk), last));
    llvm::append_range(
        carried, chunk.fetch(pages, chunk.numbers(pages, firstChunk, last), firstChunk, last));
    SmallVector<Value> end =
        b.forCarry(firstChunk, b.add(last, 1), plan.chunkTokens, carried,
                   [&](Value position, ValueRange values) {
                     b.barrier(); // The chunk before has been read.
                     chunk.keep(values.drop_front(stateSize + plan.chunkPages));
                     b.barrier();
                     Value next = following(position);
                     SmallVector<Value> fetched =
                         chunk.fetch(pages, values.slice(stateSize, plan.chunkPages), next, last);
                     SmallVector<Value> numbers = chunk.numbers(pages, following(next), last);
                     SmallVector<Value> after =
                         attend(position, unpack(values.take_front(stateSize))).values();
                     llvm::append_range(after, numbers);
                     llvm::append_range(after, fetched);
                     return after;
                   });
    end.truncate(stateSize);
    store(unpack(end));
  }

  /// A query row of the lane: where it stands, and what it sees.
  struct Query {
    Value isRow, row, head, last;
  };

  /// The lane's queries and its parts of them, as f16. Rows past the last repeat it.
  void loadQueries(Value firstRow) {
    queries.clear();
    operands.assign(plan.steps(), {});
    auto type = b.vectorOf(b.f32, plan.matrix.perLane());
    for (int64_t index = 0; index < plan.laneQueries(); ++index) {
      Value row = b.add(firstRow, plan.query(b, index)), isRow = b.below(row, rows);
      row = b.minU(row, b.sub(rows, b.i32c(1)));
      Value token = b.divU(row, plan.group);
      Value head = b.add(b.mul(tile.head, plan.group), b.remU(row, plan.group));
      Value queryRow = b.add(tile.firstRow, token);
      queries.push_back({isRow, queryRow, head, b.add(tile.firstPosition, token)});
      Value base =
          b.at(bindings.operand(plan.queries), b.mul(b.toI64(queryRow), plan.queryColumns() * 4));
      base = b.at(base, b.mul(head, plan.headDim * 4));
      for (int64_t step = 0; step < plan.steps(); ++step) {
        Value address = b.at(base, b.mul(plan.stepElement(b, step), 4));
        operands[step].push_back(b.saturateToF16(b.loadConstant(type, address, 16)));
      }
    }
  }

  State attend(Value position, State state) {
    SmallVector<SmallVector<Value>> scores = scoresOf(position);
    SmallVector<Value> largest(state.largest);
    for (const SmallVector<Value> &values : scores)
      for (auto [index, score] : llvm::enumerate(values)) {
        Value &top = largest[plan.queryOfSum(index)];
        top = b.maxF(top, score);
      }
    SmallVector<Value> corrections;
    for (auto [before, top, weights] : llvm::zip_equal(state.largest, largest, state.weights)) {
      top = acrossLanes(top, [&](Value x, Value y) { return b.maxF(x, y); });
      corrections.push_back(b.exp2(b.subF(before, top)));
      weights = b.mulF(weights, corrections.back());
    }
    state.largest = largest;
    for (SmallVector<Value> &values : scores)
      for (auto [index, value] : llvm::enumerate(values)) {
        int64_t query = plan.queryOfSum(index);
        value = b.exp2(b.subF(value, largest[query]));
        state.weights[query] = b.addF(state.weights[query], value);
      }
    addValues(scores, corrections, state);
    return state;
  }

  /// Scores of each tile of positions, one per sum; the lowest of those that a query does not see.
  SmallVector<SmallVector<Value>> scoresOf(Value position) {
    SmallVector<Value> products(plan.chunkTiles(), plan.matrix.zeroSums(b));
    for (int64_t step = 0; step < plan.steps(); step += plan.stepsAtOnce()) {
      // Without bounds LLVM loads the operands of all steps ahead, and spills.
      b.scheduleFence();
      SmallVector<SmallVector<Value>> keys;
      for (int64_t tileOfChunk = 0; tileOfChunk < plan.chunkTiles(); ++tileOfChunk)
        keys.push_back(chunk.keys(tileOfChunk, step));
      // Products of different tiles do not wait for each other.
      for (int64_t i = 0; i < plan.stepsAtOnce(); ++i)
        for (auto [sums, lines] : llvm::zip_equal(products, keys))
          sums = plan.multiply(b, operands[step + i], lines[i], sums);
    }
    SmallVector<SmallVector<Value>> scores;
    for (auto [tileOfChunk, sums] : llvm::enumerate(products)) {
      Value first = b.add(position, static_cast<int64_t>(tileOfChunk) * plan.lineTile());
      scores.emplace_back();
      for (int64_t index = 0; index < plan.matrix.sums(); ++index) {
        Value score = b.mulF(b.element(sums, index), b.f32c(plan.scale));
        Value isVisible = isSeen(b, plan, b.add(first, plan.sumLine(b, index)),
                                 queries[plan.queryOfSum(index)].last);
        scores.back().push_back(b.select(isVisible, score, b.f32c(lowestScore)));
      }
    }
    return scores;
  }

  void addValues(ArrayRef<SmallVector<Value>> weights, ArrayRef<Value> corrections, State &state) {
    SmallVector<SmallVector<Value>> pages;
    for (int64_t page = 0; page < plan.chunkPages; ++page)
      pages.push_back(operandOf(weights.slice(page * plan.pageTiles(), plan.pageTiles())));
    SmallVector<Value> factors;
    for (int64_t index = 0; index < plan.matrix.sums(); ++index)
      factors.push_back(corrections[plan.queryOfSum(index)]);
    Value correction = vector::FromElementsOp::create(b, plan.matrix.sumType(b), factors);
    constexpr size_t tilesAtOnce = 2;
    MutableArrayRef<Value> all(state.sums);
    for (size_t first = 0; first < all.size(); first += tilesAtOnce) {
      b.scheduleFence();
      MutableArrayRef<Value> some = all.drop_front(first).take_front(tilesAtOnce);
      SmallVector<SmallVector<Value>> values;
      for (size_t i = 0; i < some.size(); ++i) {
        values.push_back(chunk.values(static_cast<int64_t>(first + i)));
        some[i] = b.mulF(some[i], correction);
      }
      for (int64_t page = 0; page < plan.chunkPages; ++page)
        for (auto [sums, lines] : llvm::zip_equal(some, values))
          sums = plan.multiply(b, pages[page], lines[page], sums);
    }
  }

  /// The weights of a page as the queries' operand of a product, in f16.
  SmallVector<Value> operandOf(ArrayRef<SmallVector<Value>> tiles) {
    const Matrix &matrix = plan.matrix;
    const int64_t perQuery = matrix.sums() / plan.laneQueries();
    SmallVector<Value> result;
    for (int64_t query = 0; query < plan.laneQueries(); ++query) {
      SmallVector<Value> own;
      for (const SmallVector<Value> &tileWeights : tiles)
        llvm::append_range(own, ArrayRef(tileWeights).slice(query * perQuery, perQuery));
      auto type = b.vectorOf(b.f32, static_cast<int64_t>(own.size()));
      Value weights = vector::FromElementsOp::create(b, type, own);
      weights = arith::TruncFOp::create(b, type.clone(b.f16), weights);
      result.push_back(matrix.parts == 1 ? withOtherHalf(weights) : weights);
    }
    return result;
  }

  /// The weights of both half waves, the lower half's first.
  Value withOtherHalf(Value weights) {
    const int64_t words = plan.matrix.sums() / 2;
    auto wordType = b.vectorOf(b.f32, words);
    Value own = vector::BitCastOp::create(b, wordType, weights);
    Value isLower = b.below(b.lane(), 16);
    SmallVector<Value> lower, upper;
    for (int64_t word = 0; word < words; ++word) {
      Value mine = b.element(own, word), other = b.shuffleXor(mine, 16);
      lower.push_back(b.select(isLower, mine, other));
      upper.push_back(b.select(isLower, other, mine));
    }
    llvm::append_range(lower, upper);
    Value both = vector::FromElementsOp::create(b, b.vectorOf(b.f32, 2 * words), lower);
    return vector::BitCastOp::create(b, plan.matrix.inputType(b), both);
  }

  /// Combines the values of the lanes that hold the same queries.
  Value acrossLanes(Value value, llvm::function_ref<Value(Value, Value)> combine) {
    const int64_t begin = plan.queriesAreRows() ? 1 : 16;
    const int64_t end = plan.queriesAreRows() ? 4 : plan.waveSize;
    for (int64_t mask = begin; mask < end; mask *= 2)
      value = combine(value, b.shuffleXor(value, mask));
    return value;
  }

  void store(const State &state) {
    const int64_t perQuery = plan.matrix.sums() / plan.laneQueries();
    for (auto [index, query] : llvm::enumerate(queries)) {
      Value weights =
          acrossLanes(state.weights[index], [&](Value x, Value y) { return b.addF(x, y); });
      Value inverse = b.divF(b.f32c(1), weights);
      SmallVector<SmallVector<Value>> tiles;
      for (Value sums : state.sums) {
        tiles.emplace_back();
        for (int64_t i = 0; i < perQuery; ++i) {
          Value sum = b.element(sums, static_cast<int64_t>(index) * perQuery + i);
          tiles.back().push_back(b.mulF(sum, inverse));
        }
      }
      if (plan.matrix.parts == 1)
        for (SmallVector<Value> &tileValues : tiles)
          exchange(tileValues);
      b.ifElse(query.isRow, [&] { storeQuery(query, tiles); });
    }
  }

  /// Half waves hold every other line. Gives the lower half lines 0, 1, 4, 5, ... and the upper the
  /// rest, so that two lie together.
  void exchange(SmallVector<Value> &values) {
    Value isLower = b.below(b.lane(), 16);
    for (size_t i = 0; i < values.size(); i += 2) {
      Value &even = values[i], &odd = values[i + 1];
      Value received = b.shuffleXor(b.select(isLower, odd, even), 16);
      odd = b.select(isLower, received, odd);
      even = b.select(isLower, even, received);
    }
  }

  /// Stores what the lane has of a row, in runs of elements that lie together.
  void storeQuery(const Query &query, ArrayRef<SmallVector<Value>> tiles) {
    const bool isExchanged = plan.matrix.parts == 1;
    const int64_t perQuery = plan.matrix.sums() / plan.laneQueries();
    const int64_t run = isExchanged ? 2 : std::min<int64_t>(perQuery, 4);
    const int64_t bytes = plan.halfResult ? 2 : 4;
    Value base = b.at(bindings.result(0), b.mul(b.toI64(query.row), plan.queryColumns() * bytes));
    base = b.at(base, b.mul(query.head, plan.headDim * bytes));
    for (auto [tileOfHead, values] : llvm::enumerate(tiles))
      for (int64_t first = 0; first < perQuery; first += run) {
        Value line = plan.sumLine(b, first);
        if (isExchanged)
          line = b.add(b.mul(b.divU(b.lane(), 16), 2), 2 * first);
        Value element = b.add(line, static_cast<int64_t>(tileOfHead) * plan.lineTile());
        Value part = vector::FromElementsOp::create(b, b.vectorOf(b.f32, run),
                                                    ArrayRef(values).slice(first, run));
        if (plan.halfResult)
          part = b.saturateToF16(part);
        b.store(part, b.at(base, b.mul(element, bytes)), static_cast<unsigned>(run * bytes));
      }
  }

  Simt &b;
  const MatrixAttentionPlan &plan;
  const Bindings &bindings;
  AttentionChunk chunk;
  AttentionTile tile;
  Value rows, last; ///< Of the block; the last position that a row of the pass sees.
  Value firstChunk; ///< Where the first chunk begins that one sees.
  SmallVector<Query> queries;
  SmallVector<SmallVector<Value>> operands; ///< Of each step, one per query.
};

} // namespace

bool fitsMatrixAttention(const AttentionPlan &plan, const Matrix &matrix) {
  // Registers of the queries and the sums of a wave's rows, which leave half as many again for a
  // chunk: with 160 a kernel for gfx1151 spills 18, with 192 one for gfx1201 142 (LLVM 22, heads of
  // 160 and 256).
  constexpr int64_t mostRegisters = 144;
  int64_t queryRegisters = plan.headDim / Matrix::depth * matrix.laneRows * matrix.perLane() / 2;
  int64_t sumRegisters = 16 * plan.headDim / plan.waveSize;
  return plan.headDim % Matrix::depth == 0 && queryRegisters + sumRegisters <= mostRegisters;
}

llvm::Expected<KernelBody> planMatrixAttention(rt::KernelOp, const AttentionPlan &base,
                                               const Matrix &matrix) {
  MatrixAttentionPlan plan{base, matrix};
  KernelBody body;
  body.threads = static_cast<unsigned>(plan.threads());
  body.sharedBytes = plan.sharedBytes();
  body.laneRegisters = 256;
  body.emit = [plan](Simt &b, Value tile, const Bindings &bindings, Value shared) {
    MatrixEmitter(b, plan, bindings, shared).emit(tile);
  };
  return body;
}

} // namespace tawny::simt
