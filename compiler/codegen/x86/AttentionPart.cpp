// Paged attention of rows that stand alone, each the new token of a decoded sequence, over one
// range of their contexts.
//
//   tile (block of one row), which takes KV heads [h, h + n) and a range, or nothing
//     for 8 pages, 128 positions, of the range
//       for a page, for a head: s[query heads of it][16] = q . K        one load feeds all of them
//       for a head: p = exp2(s - m), with m, l and o rescaled
//       for a page, for a head: o += p V
//     sums[range] = o, state[range] = (m, l)
//
// Memory is what it waits for, so a page is read from its first byte to its last for all heads of
// the tile: a head's part of a page, 2 KiB in TinyLlama, would be too short a run. Bytes: 4 per
// position and element of a KV head; operations: 4 per position and element of a query head.
#include "compiler/codegen/x86/AttentionRows.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

/// KV heads that a tile takes together, as many as make a run of 16 KiB of a page where there are
/// so many. On two cores of Zen 4, 3072 positions of Llama-2-7B: 1665 us with runs of 8 KiB, 1609
/// with 16, 1549 with 64, beside 1414 for a plain reader; longer runs make fewer tiles.
int64_t headsOfTile(llm::KvType kv) {
  constexpr int64_t runBytes = 16384;
  int64_t heads = 1;
  while (heads * headPageBytes(kv) < runBytes && kv.getHeads() % (2 * heads) == 0)
    heads *= 2;
  return heads;
}

class PartEmitter {
public:
  explicit PartEmitter(KernelContext &context)
      : context(context), b(context.b), op(cast<llm::AttentionPartOp>(context.op)),
        facts(context, op), kvHeads(facts.kv.getHeads()), mostHeads(headsOfTile(facts.kv)),
        splits(static_cast<int64_t>(op.getSplits())),
        rows(context, facts, mostHeads * std::min(facts.group, mostGroup)) {}

  void emit();

private:
  /// Rows of a KV head that pass over the range together, so that scratch stays small.
  static constexpr int64_t mostGroup = 128;
  /// Where tiles of `mostHeads` would be fewer, a tile takes one KV head: short contexts are in the
  /// caches, and threads should not be without work.
  static constexpr int64_t leastTiles = 4;

  void takeWork(Value turn);
  void emitRange(int64_t firstOfGroup, int64_t group);
  void emitBlock(Value begin, Value end, int64_t group);
  void forEachChunk(int64_t group, llvm::function_ref<void(const AttentionRows::Chunk &)> body);
  void forEachRow(int64_t firstOfGroup, int64_t group,
                  llvm::function_ref<void(Value row, Value queryHead)> body);
  void store(Value row, Value queryHead);
  void markEmpty(Value number, Value used);
  Value partIndex(Value queryHead);
  Value stateAddress(Value queryHead);

  KernelContext &context;
  Simd &b;
  llm::AttentionPartOp op;
  AttentionFacts facts;
  int64_t kvHeads, mostHeads, splits; ///< mostHeads: KV heads of a tile; splits: ranges.
  AttentionRows rows;
  Value sequence, token, position;
  Value heads, firstHead, split; ///< What the tile takes.
  Value firstPosition, pastLast; ///< Of the range that the row sees.
};

void PartEmitter::emit() {
  Value turn = b.remU(context.tile, kvHeads * splits);
  Value block = b.at(context.binding(rt::Source::AttentionBlocks),
                     b.mul(b.divU(context.tile, kvHeads * splits), 16));
  sequence = b.loadIndex(block);
  token = b.loadIndex(b.at(block, 4));
  position = b.loadIndex(b.at(block, 12));
  takeWork(turn);
}

/// The ranges that are not empty lie evenly between the tiles of a row, so that threads, which
/// begin with equal shares of the tiles, have equal shares of the work. The other tiles mark ranges
/// that are empty.
void PartEmitter::takeWork(Value turn) {
  Value first = b.i64c(0);
  if (facts.window != 0)
    first = b.maxS(b.sub(position, b.i64c(facts.window - 1)), b.i64c(0));
  Value firstRange = b.divU(first, facts.rangeTokens);
  Value used = b.add(b.sub(b.divU(position, facts.rangeTokens), firstRange), 1);
  Value isShort = b.lessThan(b.mul(used, kvHeads / mostHeads), b.i64c(leastTiles));
  auto choose = [&](int64_t ifShort, int64_t otherwise) -> Value {
    return arith::SelectOp::create(b, isShort, b.i64c(ifShort), b.i64c(otherwise));
  };
  heads = choose(1, mostHeads);
  Value units = b.mul(used, choose(kvHeads, kvHeads / mostHeads));
  auto unitsBefore = [&](Value turn) { return b.divU(b.mul(turn, units), kvHeads * splits); };
  Value unit = unitsBefore(turn);
  Value isEmpty =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, unit, unitsBefore(b.add(turn, 1)));
  auto takeUnit = [&] {
    firstHead = b.mul(arith::DivUIOp::create(b, unit, used), heads);
    split = arith::RemUIOp::create(b, unit, used);
    Value range = b.mul(b.add(firstRange, split), facts.rangeTokens);
    firstPosition = b.maxS(range, first);
    pastLast = b.minU(b.add(range, facts.rangeTokens), b.add(position, 1));
    for (int64_t i = 0; i < facts.group; i += mostGroup)
      emitRange(i, std::min(mostGroup, facts.group - i));
  };
  b.ifElse(isEmpty, [&] { markEmpty(b.sub(turn, unit), used); }, takeUnit);
}

/// Of the ranges from `used` on, (range - used) * kvHeads + head is the number of a KV head's part.
void PartEmitter::markEmpty(Value number, Value used) {
  split = b.add(used, b.divU(number, kvHeads));
  Value isRange = b.lessThan(split, b.i64c(splits));
  b.ifElse(isRange, [&] {
    Value first = b.mul(b.remU(number, kvHeads), facts.group);
    b.forRange(b.i64c(0), b.i64c(facts.group), 1, [&](Value head) {
      Value state = stateAddress(b.add(first, head));
      b.store(b.f32c(std::numeric_limits<float>::lowest()), state, 4);
      b.store(b.f32c(0), b.at(state, 4), 4);
    });
  });
}

/// Rows lie in scratch as [head of the tile][query head of the group].
void PartEmitter::forEachRow(int64_t firstOfGroup, int64_t group,
                             llvm::function_ref<void(Value row, Value queryHead)> body) {
  b.forRange(b.i64c(0), b.mul(heads, group), 1, [&](Value row) {
    Value head = b.add(firstHead, b.divU(row, group));
    body(row, b.add(b.add(b.mul(head, facts.group), firstOfGroup), b.remU(row, group)));
  });
}

void PartEmitter::forEachChunk(int64_t group,
                               llvm::function_ref<void(const AttentionRows::Chunk &)> body) {
  b.forRange(b.i64c(0), heads, 1, [&](Value head) {
    Value headBytes = b.mul(head, headPageBytes(facts.kv));
    int64_t begin = 0;
    for (int64_t size = rows.mostRows(); size > 0; size /= 2)
      for (; group - begin >= size; begin += size) {
        Value first = b.add(b.mul(head, group), begin);
        body({size, first, SmallVector<Value>(size, position), headBytes,
              /*isPrefetching=*/begin == 0});
      }
  });
}

void PartEmitter::emitRange(int64_t firstOfGroup, int64_t group) {
  Value queries = b.at(context.operand(facts.q), b.mul(token, columnsOf(facts.q) * 4));
  forEachRow(firstOfGroup, group, [&](Value row, Value queryHead) {
    rows.loadQuery(row, b.at(queries, b.mul(queryHead, facts.headDim * 4)));
    rows.reset(row);
  });
  Value firstPage = b.divU(firstPosition, pageTokens);
  Value endPage = b.divU(b.add(pastLast, pageTokens - 1), pageTokens);
  Value firstBlock = b.mul(b.divU(firstPage, blockPages), blockPages);
  b.forRange(firstBlock, endPage, blockPages, [&](Value block) {
    emitBlock(b.maxS(block, firstPage), b.minU(b.add(block, blockPages), endPage), group);
  });
  forEachRow(firstOfGroup, group, [&](Value row, Value queryHead) { store(row, queryHead); });
}

/// Pages [begin, end), at most 8.
void PartEmitter::emitBlock(Value begin, Value end, int64_t group) {
  using Chunk = AttentionRows::Chunk;
  rows.locatePages(sequence, b.mul(firstHead, headPageBytes(facts.kv)), begin,
                   b.divU(position, pageTokens));
  Value count = b.sub(end, begin);
  b.forRange(b.i64c(0), count, 1, [&](Value page) {
    forEachChunk(group, [&](const Chunk &chunk) { rows.score(chunk, page, b.add(page, 1)); });
  });
  forEachChunk(group, [&](const Chunk &chunk) { rows.weigh(chunk, begin, end); });
  b.forRange(b.i64c(0), count, 1, [&](Value page) {
    forEachChunk(group,
                 [&](const Chunk &chunk) { rows.addValues(chunk, begin, page, b.add(page, 1)); });
  });
}

/// Number of a head's part among all of the results.
Value PartEmitter::partIndex(Value queryHead) {
  Value range = b.add(b.mul(token, splits), split);
  return b.add(b.mul(range, kvHeads * facts.group), queryHead);
}

Value PartEmitter::stateAddress(Value queryHead) {
  return b.at(context.result(1), b.mul(partIndex(queryHead), 8));
}

void PartEmitter::store(Value row, Value queryHead) {
  Value output = b.at(context.result(0), b.mul(partIndex(queryHead), facts.headDim * 4));
  b.forRange(b.i64c(0), b.i64c(facts.headDim), rows.vectorWidth(), [&](Value element) {
    b.store(rows.sums(row, element), b.at(output, b.mul(element, 4)), 4);
  });
  RangeState state = rows.state(row);
  b.store(state.largest, stateAddress(queryHead), 4);
  b.store(state.total, b.at(stateAddress(queryHead), 4), 4);
}

} // namespace

void emitAttentionPart(KernelContext &context) { PartEmitter(context).emit(); }

} // namespace tawny::x86
