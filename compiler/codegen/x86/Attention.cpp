// Paged causal attention: a tile is one block of a sequence's new tokens and one KV head, hence
// `rows = tokens * group` query rows that read the same keys and values.
//
//   for rows [r, r + c) in chunks of 16, 8, 4, 2, 1
//     for ranges of the context
//       for 8 pages, 128 positions, that some row of the chunk sees
//         s[c][16] = q[c][d] . K[d][16] of each page, d = 0 .. headDim     one load feeds c
//         products s beyond a row's position or before its window = -inf, in pages at the border
//         alone m, l, o rescaled, p = exp2(s - m), l += p o[c][16 of headDim] += p[c][j] *
//         V[j][...], j in the pages
//       ranges so far and this one become one, as AttentionMerge.cpp does it
//     y = o / l
//
// (Milakov and Gimelshein, arXiv:1805.02867, for the running maximum and sum.) Bytes: 4 per
// position and element of headDim (f16 keys and values; 8 in f32) once per chunk; operations: 4 per
// position, element and row, in f32 or in pairs of bf16 (AttentionProducts.h). Chunks of few rows
// work on several pages at once, so that 8 sums are under way, and ask for the pages after them.
//
// Blocks of 128 positions and ranges are those of the sequence whatever the rows, and those of
// AttentionPart.cpp, so that a row has the same bits in a prompt and alone.
#include "compiler/codegen/x86/AttentionRows.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

class AttentionEmitter {
public:
  explicit AttentionEmitter(KernelContext &context)
      : context(context), b(context.b), op(cast<llm::AttentionOp>(context.op)), facts(context, op),
        rows(context, facts, b.target.vectorBits >= 512 ? 16 : 4),
        wholeSums(b.scratch(rows.mostRows() * facts.headDim * 4)),
        wholeStates(b.scratch(rows.mostRows() * 8)) {}

  void emit();

private:
  void emitChunk(Value row, int64_t count);
  AttentionRows::Chunk load(Value row, int64_t count);
  void emitRange(const AttentionRows::Chunk &chunk, Value begin, Value end);
  void addRange(Value row);
  void forRows(int64_t count, llvm::function_ref<void(Value)> body) {
    b.forRange(b.i64c(0), b.i64c(count), 1, body);
  }
  Value wholeSum(Value row, Value element) {
    return b.at(b.at(wholeSums, b.mul(row, facts.headDim * 4)), b.mul(element, 4));
  }
  Value wholeState(Value row) { return b.at(wholeStates, b.mul(row, 8)); }

  KernelContext &context;
  Simd &b;
  llm::AttentionOp op;
  AttentionFacts facts;
  AttentionRows rows;
  Value wholeSums, wholeStates; ///< Of the ranges so far: f32 [rows][headDim], [rows][2].
  Value head, sequence, firstToken, firstPosition;
};

void AttentionEmitter::emit() {
  head = b.remU(context.tile, facts.kv.getHeads());
  Value block = b.at(context.binding(rt::Source::AttentionBlocks),
                     b.mul(b.divU(context.tile, facts.kv.getHeads()), 16));
  sequence = b.loadIndex(block);
  firstToken = b.loadIndex(b.at(block, 4));
  Value rowCount = b.mul(b.loadIndex(b.at(block, 8)), facts.group);
  firstPosition = b.loadIndex(b.at(block, 12));
  Value begin = b.i64c(0);
  for (int64_t count = rows.mostRows(); count > 0; count /= 2) {
    Value end = b.add(begin, b.mul(b.divU(b.sub(rowCount, begin), count), count));
    b.forRange(begin, end, count, [&](Value row) { emitChunk(row, count); });
    begin = end;
  }
}

/// Queries of rows [row, row + count) of the block.
AttentionRows::Chunk AttentionEmitter::load(Value row, int64_t count) {
  constexpr int64_t mostRowsBoundByMemory = 8;
  AttentionRows::Chunk chunk{count, b.i64c(0), {}, b.i64c(0), count <= mostRowsBoundByMemory};
  for (int64_t r = 0; r < count; ++r)
    chunk.positions.push_back(b.add(firstPosition, b.divU(b.add(row, r), facts.group)));
  auto zeros = b.vectorOf(b.f32, rows.vectorWidth());
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(zeros));
  forRows(count, [&](Value r) {
    Value flat = b.add(row, r), token = b.add(firstToken, b.divU(flat, facts.group));
    Value queryHead = b.add(b.mul(head, facts.group), b.remU(flat, facts.group));
    rows.loadQuery(r, b.at(context.operand(op.getQ()), b.add(b.mul(token, columnsOf(op.getQ()) * 4),
                                                             b.mul(queryHead, facts.headDim * 4))));
    b.forRange(b.i64c(0), b.i64c(facts.headDim), rows.vectorWidth(),
               [&](Value element) { b.store(zero, wholeSum(r, element), 4); });
    b.store(b.f32c(std::numeric_limits<float>::lowest()), wholeState(r), 4);
    b.store(b.f32c(0), b.at(wholeState(r), 4), 4);
  });
  return chunk;
}

void AttentionEmitter::emitChunk(Value row, int64_t count) {
  AttentionRows::Chunk chunk = load(row, count);
  Value pastLast = b.add(b.divU(chunk.positions.back(), pageTokens), 1);
  // Pages that no row of the chunk sees are not read, so that time does not grow with the context.
  Value first = b.i64c(0);
  if (facts.window != 0)
    first = b.divU(b.maxS(b.sub(chunk.positions.front(), b.i64c(facts.window - 1)), b.i64c(0)),
                   pageTokens);
  const int64_t rangePages = facts.rangeTokens / pageTokens;
  Value firstRange = b.mul(b.divU(first, rangePages), rangePages);
  b.forRange(firstRange, pastLast, rangePages, [&](Value range) {
    forRows(count, [&](Value r) { rows.reset(r); });
    emitRange(chunk, b.maxS(range, first), b.minU(b.add(range, rangePages), pastLast));
    forRows(count, [&](Value r) { addRange(r); });
  });
  forRows(count, [&](Value r) {
    Value flat = b.add(row, r);
    storeHead(context, b.add(firstToken, b.divU(flat, facts.group)),
              b.add(b.mul(head, facts.group), b.remU(flat, facts.group)), facts.headDim,
              wholeSum(r, b.i64c(0)), b.load(b.f32, b.at(wholeState(r), 4), 4));
  });
}

/// Pages [begin, end) of one range.
void AttentionEmitter::emitRange(const AttentionRows::Chunk &chunk, Value begin, Value end) {
  Value last = b.divU(chunk.positions.back(), pageTokens);
  Value firstBlock = b.mul(b.divU(begin, blockPages), blockPages);
  b.forRange(firstBlock, end, blockPages, [&](Value block) {
    Value first = b.maxS(block, begin), past = b.minU(b.add(block, blockPages), end);
    Value count = b.sub(past, first);
    rows.locatePages(sequence, b.mul(head, headPageBytes(facts.kv)), first, last);
    rows.score(chunk, b.i64c(0), count);
    rows.weigh(chunk, first, past);
    rows.addValues(chunk, first, b.i64c(0), count);
  });
}

void AttentionEmitter::addRange(Value row) {
  Value state = wholeState(row), total = b.at(state, 4);
  MergedRanges merged =
      mergeRanges(b, {b.load(b.f32, state, 4), b.load(b.f32, total, 4)}, rows.state(row));
  b.store(merged.state.largest, state, 4);
  b.store(merged.state.total, total, 4);
  auto type = b.vectorOf(b.f32, rows.vectorWidth());
  b.forRange(b.i64c(0), b.i64c(facts.headDim), rows.vectorWidth(), [&](Value element) {
    Value address = wholeSum(row, element);
    b.store(mergeSums(b, merged, b.load(type, address, 4), rows.sums(row, element)), address, 4);
  });
}

} // namespace

void emitAttention(KernelContext &context) { AttentionEmitter(context).emit(); }

} // namespace tawny::x86
