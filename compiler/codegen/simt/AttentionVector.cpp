// Paged attention of rows that share a KV head, a few at a time, without a matrix unit.
//
//   workgroup (block of tokens, KV head, range of the context)    grid: blocks * ranges * KV heads
//     for C query rows (a head of a token each) of the block's tokens * group:
//       wave w: for chunk of N positions = w, w + W, ... of the range (chunks lie in a page of 16)
//         L lanes are a position, 16 bytes of its head each; N / (wave / L) loads of keys, values
//         s[c] = sum over the L lanes of q[c] . K                        2 C operations per element
//         every L lanes: m' = max(m, s), o = o 2^(m - m') + 2^(s - m') V, likewise the weights' sum
//       (m, sum, o) over the lanes that hold other positions, over the waves (LDS)
//       store o / sum, or (o, m, sum) of the range
//
// (Milakov and Gimelshein, arXiv:1805.02867, for the running maximum and sum; Dao,
// arXiv:2307.08691, for dividing once.) Bytes: 4 per position and element, once for C rows, from
// memory once for all rows of the workgroup; operations: 4 per position, element and row. Queries
// stay f32. Positions behind a row's own are masked, those behind the last row's never read, nor
// are chunks before the first row's window.
#include "compiler/codegen/simt/Attention.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace tawny::simt {
namespace {

/// Where the largest score begins: a difference of two must stay a number.
constexpr double lowestScore = std::numeric_limits<float>::lowest();
constexpr int64_t laneElements = 8; ///< Of a head: 16 bytes of f16.

struct VectorPlan : AttentionPlan {
  int64_t waves = 0;
  int64_t rows = 0;      ///< Query rows at a time.
  int64_t headLanes = 0; ///< A power of two.
  int64_t loads = 0;     ///< Positions of a lane in a chunk.

  int64_t chunks() const { return headDim / laneElements; } ///< Lanes that hold elements.
  int64_t laneGroups() const { return waveSize / headLanes; }
  int64_t chunkTokens() const { return laneGroups() * loads; }
  int64_t threads() const { return waves * waveSize; }
  /// f32 [waves][rows][headDim], then f32 [waves][rows][2]: largest score and sum of weights.
  int64_t sumBytes() const { return waves * rows * headDim * 4; }
  int64_t sharedBytes() const { return sumBytes() + waves * rows * 8; }
  /// Positions of the shortest range worth cutting off: a chunk for every wave.
  int64_t rangePages() const { return llvm::divideCeil(waves * chunkTokens(), pageTokens); }
};

/// The running state of a query row in a lane.
struct RowState {
  Value largest, weights, sums; ///< `sums` has laneElements.
};

class VectorEmitter {
public:
  VectorEmitter(Simt &b, const VectorPlan &plan, const Bindings &bindings, Value shared)
      : b(b), plan(plan), bindings(bindings), shared(shared),
        sumType(b.vectorOf(b.f32, laneElements)) {}

  void emit(Value index) {
    tile = loadTile(b, plan, bindings, index);
    // The first lane's, so that every compiler knows the loops over chunks to be uniform: ptxas has
    // twice the code for exchanges in one that may not be. All lanes are here to take part.
    wave = gpu::ShuffleOp::create(b, b.wave(), /*offset=*/0, static_cast<int32_t>(plan.waveSize),
                                  gpu::ShuffleMode::IDX)
               .getShuffleResult();
    group = b.divU(b.lane(), plan.headLanes);
    chunk = b.remU(b.lane(), plan.headLanes);
    // A range is one row's, which has `group` heads; else the block's tokens have as many each.
    Value rows = plan.splits > 0 ? b.i32c(plan.group) : b.mul(tile.rows, plan.group);
    lastRow = b.sub(rows, b.i32c(1));
    if (plan.splits == 0)
      return emitPasses(rows);
    std::tie(begin, end) = range();
    b.ifElse(b.below(begin, end), [&] { emitPasses(rows); }, [&] { storeEmpty(); });
  }

private:
  void emitPasses(Value rows) {
    if (plan.splits > 0 && plan.group == plan.rows)
      return emitRows(b.i32c(0));
    b.forRange(b.i32c(0), rows, plan.rows, [&](Value first) {
      emitRows(first);
      b.barrier(); // Before the next rows' sums.
    });
  }

  void emitRows(Value first) {
    firstRow = first;
    loadQueries();
    if (plan.splits == 0) {
      // A position's wave is the same whatever the rows.
      begin = firstSeen(b, plan, last.front(), plan.waves * plan.chunkTokens());
      end = b.add(last.back(), 1);
    }
    SmallVector<Value> carried;
    for (int64_t row = 0; row < plan.rows; ++row)
      llvm::append_values(carried, b.f32c(lowestScore), b.f32c(0), zeros());
    Value start = b.add(begin, b.mul(wave, plan.chunkTokens()));
    PageTable pages(b, plan, bindings, tile);
    // The number of the next chunk's page is on its way while this chunk is attended to.
    const int64_t stride = plan.waves * plan.chunkTokens();
    carried.push_back(pages.number(b.minU(start, last.back())));
    carried = b.forCarry(start, end, stride, carried, [&](Value position, ValueRange values) {
      Value next = pages.number(b.minU(b.add(position, stride), last.back()));
      SmallVector<Value> after =
          attendChunk(pages.page(values.back()), position, values.drop_back());
      after.push_back(next);
      return after;
    });
    carried.pop_back();
    SmallVector<RowState> states = unpack(carried);
    for (RowState &state : states)
      for (int64_t offset = plan.headLanes; offset < plan.waveSize; offset *= 2)
        state = meet(state, offset);
    store(states);
  }

  Value zeros() { return arith::ConstantOp::create(b, b.getZeroAttr(sumType)); }
  Value spread(Value scalar) { return vector::BroadcastOp::create(b, sumType, scalar); }
  static SmallVector<RowState> unpack(ValueRange values) {
    SmallVector<RowState> states;
    for (size_t i = 0; i < values.size(); i += 3)
      states.push_back({values[i], values[i + 1], values[i + 2]});
    return states;
  }

  /// Which pages of what the row sees are the tile's range, as positions: as many pages for each
  /// range, and so many that all waves have work.
  std::pair<Value, Value> range() {
    Value first = firstSeen(b, plan, tile.firstPosition, plan.pageTokens);
    Value contextEnd = b.add(tile.firstPosition, 1);
    Value pages = b.divU(b.add(b.sub(contextEnd, first), plan.pageTokens - 1), plan.pageTokens);
    Value length = b.divU(b.add(pages, plan.splits - 1), plan.splits);
    length = arith::MaxUIOp::create(b, length, b.i32c(plan.rangePages()));
    Value positions = b.mul(length, plan.pageTokens);
    Value begin = b.minU(b.add(first, b.mul(tile.split, positions)), contextEnd);
    return {begin, b.minU(b.add(begin, positions), contextEnd)};
  }

  /// The lane's elements of the rows' queries, scaled; zeros in lanes without elements. Rows past
  /// the last repeat it.
  void loadQueries() {
    queries.clear();
    last.clear();
    auto half = b.vectorOf(b.f32, laneElements / 2);
    for (int64_t row = 0; row < plan.rows; ++row) {
      auto [token, head] = split(b.minU(b.add(firstRow, row), lastRow));
      last.push_back(b.add(tile.firstPosition, token));
      Value offset = b.mul(b.toI64(b.add(tile.firstRow, token)), plan.queryColumns() * 4);
      Value address = b.at(bindings.operand(plan.queries), offset);
      address = b.at(address, b.add(b.mul(head, plan.headDim * 4), b.mul(heldChunk(), 32)));
      SmallVector<Value> elements;
      for (int64_t part = 0; part < 2; ++part) {
        Value loaded = b.loadConstant(half, b.at(address, part * 16), 16);
        for (int64_t i = 0; i < laneElements / 2; ++i)
          elements.push_back(b.mulF(b.element(loaded, i), b.f32c(plan.scale)));
      }
      if (plan.chunks() < plan.headLanes)
        for (Value &element : elements)
          element = b.select(b.below(chunk, plan.chunks()), element, b.f32c(0));
      queries.push_back(elements);
    }
  }

  /// Token of the block and query head of a row.
  std::pair<Value, Value> split(Value row) {
    Value firstHead = b.mul(tile.head, plan.group);
    if (plan.splits > 0)
      return {b.i32c(0), b.add(firstHead, row)};
    return {b.divU(row, plan.group), b.add(firstHead, b.remU(row, plan.group))};
  }

  /// The lane's chunk of a head; the last for lanes that have none, so that they read what others
  /// read.
  Value heldChunk() {
    if (plan.chunks() == plan.headLanes)
      return chunk;
    return b.minU(chunk, b.i32c(plan.chunks() - 1));
  }

  SmallVector<Value> attendChunk(PageTable::Page page, Value position, ValueRange carried) {
    auto type = b.vectorOf(b.f16, laneElements);
    Value firstSlot = b.remU(position, plan.pageTokens);
    SmallVector<Value> positions, keys, values;
    for (int64_t load = 0; load < plan.loads; ++load) {
      Value inChunk = b.add(group, load * plan.laneGroups());
      // Behind the last position bytes may never have been written: that position again.
      positions.push_back(b.add(position, inChunk));
      Value slot = b.add(firstSlot, b.minU(inChunk, b.sub(last.back(), position)));
      Value offset = b.add(b.mul(slot, plan.tokenBytes()), b.mul(heldChunk(), 16));
      keys.push_back(b.loadConstant(type, b.at(page.keys, offset), 16));
      values.push_back(b.loadConstant(type, b.at(page.values, offset), 16));
    }
    SmallVector<Value> next;
    for (auto [row, state] : llvm::enumerate(unpack(carried))) {
      state = attend(row, state, positions, keys, values);
      llvm::append_values(next, state.largest, state.weights, state.sums);
    }
    return next;
  }

  RowState attend(int64_t row, const RowState &state, ArrayRef<Value> positions,
                  ArrayRef<Value> keys, ArrayRef<Value> values) {
    SmallVector<Value> scores, visible;
    Value largest = state.largest;
    for (auto [position, key] : llvm::zip_equal(positions, keys)) {
      visible.push_back(isSeen(b, plan, position, last[row]));
      scores.push_back(b.select(visible.back(), score(row, key), b.f32c(lowestScore)));
      largest = b.maxF(largest, scores.back());
    }
    Value correction = b.exp2(b.subF(state.largest, largest));
    Value weights = b.mulF(state.weights, correction);
    Value sums = b.mulF(state.sums, spread(correction));
    for (size_t i = 0; i < scores.size(); ++i) {
      Value weight = b.exp2(b.subF(scores[i], largest));
      weight = b.select(visible[i], weight, b.f32c(0));
      weights = b.addF(weights, weight);
      sums = b.fma(spread(weight), arith::ExtFOp::create(b, sumType, values[i]), sums);
    }
    return {largest, weights, sums};
  }

  Value score(int64_t row, Value key) {
    Value sum = b.f32c(0);
    for (auto [i, query] : llvm::enumerate(queries[row]))
      sum = b.fma(query, arith::ExtFOp::create(b, b.f32, b.element(key, i)), sum);
    return b.laneGroupSum(sum, plan.headLanes);
  }

  /// A state with that of the lane whose number differs by `offset`, which held other positions.
  RowState meet(const RowState &state, int64_t offset) {
    Value otherLargest = b.shuffleXor(state.largest, offset);
    Value largest = b.maxF(state.largest, otherLargest);
    Value own = b.exp2(b.subF(state.largest, largest));
    Value other = b.exp2(b.subF(otherLargest, largest));
    auto add = [&](Value a) { return b.fma(b.shuffleXor(a, offset), other, b.mulF(a, own)); };
    SmallVector<Value> sums;
    for (int64_t i = 0; i < laneElements; ++i)
      sums.push_back(add(b.element(state.sums, i)));
    return {largest, add(state.weights), vector::FromElementsOp::create(b, sumType, sums)};
  }

  // Shared memory.
  Value sumAddress(Value wave, Value row, Value element) {
    Value index = b.add(b.mul(b.add(b.mul(wave, plan.rows), row), plan.headDim), element);
    return b.at(shared, b.mul(index, 4));
  }
  Value stateAddress(Value wave, Value row) {
    Value index = b.add(b.mul(wave, plan.rows), row);
    return b.at(shared, b.add(b.mul(index, 8), plan.sumBytes()));
  }

  void store(ArrayRef<RowState> states) {
    auto pair = b.vectorOf(b.f32, 2);
    b.ifElse(b.below(b.lane(), plan.chunks()), [&] {
      for (auto [row, state] : llvm::enumerate(states)) {
        Value index = b.i32c(row);
        b.store(state.sums, sumAddress(wave, index, b.mul(chunk, laneElements)), 16);
        Value both =
            vector::FromElementsOp::create(b, pair, ValueRange{state.largest, state.weights});
        b.ifElse(b.equal(chunk, 0), [&] { b.store(both, stateAddress(wave, index), 8); });
      }
    });
    b.barrier();
    forEachFour(plan.rows, [&](Value row, Value element) {
      Value isRow = b.below(b.add(firstRow, row), b.add(lastRow, 1));
      b.ifElse(isRow, [&] { storeFour(row, element, sumOfWaves(row, element)); });
    });
  }

  /// Calls `body` with every fourth element of `rows` rows, shared among all threads.
  void forEachFour(int64_t rows, llvm::function_ref<void(Value row, Value element)> body) {
    const int64_t quarters = plan.headDim / 4;
    b.forRange(b.threadId(), b.i32c(rows * quarters), plan.threads(), [&](Value index) {
      body(b.divU(index, quarters), b.mul(b.remU(index, quarters), 4));
    });
  }

  /// What an empty range has, for all heads.
  void storeEmpty() {
    firstRow = b.i32c(0);
    Value none = arith::ConstantOp::create(b, b.getZeroAttr(b.vectorOf(b.f32, 4)));
    forEachFour(plan.group, [&](Value row, Value element) {
      storeFour(row, element, {b.f32c(lowestScore), b.f32c(0), none});
    });
  }

  /// The state of a row after all waves, of four elements.
  RowState sumOfWaves(Value row, Value element) {
    auto pair = b.vectorOf(b.f32, 2), four = b.vectorOf(b.f32, 4);
    SmallVector<Value> states;
    Value largest = b.f32c(lowestScore);
    for (int64_t wave = 0; wave < plan.waves; ++wave) {
      states.push_back(b.load(pair, stateAddress(b.i32c(wave), row), 8));
      largest = b.maxF(largest, b.element(states.back(), 0));
    }
    Value weights = b.f32c(0), sums = arith::ConstantOp::create(b, b.getZeroAttr(four));
    for (int64_t wave = 0; wave < plan.waves; ++wave) {
      Value factor = b.exp2(b.subF(b.element(states[wave], 0), largest));
      weights = b.fma(b.element(states[wave], 1), factor, weights);
      Value part = b.load(four, sumAddress(b.i32c(wave), row, element), 16);
      sums = b.fma(part, vector::BroadcastOp::create(b, four, factor), sums);
    }
    return {largest, weights, sums};
  }

  /// Stores four elements of a row, and with the first ones the rest of its state.
  void storeFour(Value row, Value element, const RowState &state) {
    auto [token, head] = split(b.add(firstRow, row));
    Value resultRow = b.toI64(b.add(tile.firstRow, token));
    if (plan.splits > 0)
      resultRow = b.add(b.mul(resultRow, plan.splits), b.toI64(tile.split));
    Value column = b.add(b.mul(head, plan.headDim), element);
    Value index = b.add(b.mul(resultRow, plan.queryColumns()), b.toI64(column));
    if (plan.splits == 0) {
      Value inverse = b.divF(b.f32c(1), state.weights);
      Value four = vector::BroadcastOp::create(b, state.sums.getType(), inverse);
      return storeResult(b, plan, bindings.result(0), index, b.mulF(state.sums, four));
    }
    storeResult(b, plan, bindings.result(0), index, state.sums);
    Value offset = b.mul(b.add(b.mul(resultRow, plan.kvHeads * plan.group), b.toI64(head)), 8);
    Value both = vector::FromElementsOp::create(b, b.vectorOf(b.f32, 2),
                                                ValueRange{state.largest, state.weights});
    b.ifElse(b.equal(element, 0), [&] { b.store(both, b.at(bindings.result(1), offset), 8); });
  }

  Simt &b;
  const VectorPlan &plan;
  const Bindings &bindings;
  Value shared;
  VectorType sumType;
  AttentionTile tile;
  Value wave;
  Value group, chunk;      ///< The lane's, in its wave and in a head.
  Value begin, end;        ///< Positions of the range, or of all that the rows see; uniform.
  Value firstRow, lastRow; ///< Of these query rows; of the block.
  SmallVector<SmallVector<Value>> queries;
  SmallVector<Value> last; ///< Last visible position of each row; uniform.
};

} // namespace

llvm::Expected<KernelBody> planVectorAttention(rt::KernelOp, const AttentionPlan &base) {
  // Queries and sums of a row take 16 registers, keys and values of a position 8; 4 rows and 4
  // positions, or 2 and 8, leave a quarter of 128 registers for the rest.
  constexpr int64_t mostRows = 4, lanesOfWorkgroup = 256;
  VectorPlan plan{base};
  plan.waves = lanesOfWorkgroup / plan.waveSize;
  // Passes over a group's heads are as even as can be.
  plan.rows = plan.splits > 0 ? llvm::divideCeil(plan.group, llvm::divideCeil(plan.group, mostRows))
                              : mostRows;
  // A wave has no more groups of lanes than a page has positions.
  plan.headLanes = std::max(static_cast<int64_t>(llvm::PowerOf2Ceil(plan.chunks())),
                            plan.waveSize / AttentionPlan::pageTokens);
  plan.loads = std::min<int64_t>(AttentionPlan::pageTokens / plan.laneGroups(),
                                 plan.rows <= mostRows / 2 ? 8 : 4);
  KernelBody body;
  body.threads = static_cast<unsigned>(plan.threads());
  body.sharedBytes = plan.sharedBytes();
  // Two workgroups of so much memory are all that a compute unit holds. A window's comparisons are
  // too much for 128 registers where heads have 256 elements: gfx906 would spill 9.
  constexpr int64_t widestWithWindow = 128;
  if (body.sharedBytes > 24 * 1024 || (plan.window != 0 && plan.headDim > widestWithWindow))
    body.laneRegisters = 256;
  body.emit = [plan](Simt &b, Value tile, const Bindings &bindings, Value shared) {
    VectorEmitter(b, plan, bindings, shared).emit(tile);
  };
  return body;
}

} // namespace tawny::simt
