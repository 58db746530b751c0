// Attention of whole contexts from that of their ranges.
//
//   tile (row, head)
//     used = ranges before the first empty one
//     for s < used, in ascending order
//       top = max(m, max[s]); o, l = both times 2^(m - top), + 2^(max[s] - top) * those of s; m =
//       top
//     y = o / l
//
// Attention of blocks of rows adds its ranges in the same steps, so the two agree bit for bit.
// Bytes: 4 per range that is not empty and element; operations: 3 per range and element.
#include "compiler/codegen/x86/AttentionRows.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace tawny::x86 {
namespace {

Value broadcast(Simd &b, Value like, Value scalar) {
  return vector::BroadcastOp::create(b, cast<VectorType>(like.getType()), scalar);
}

/// Ranges of a row and head that are not empty: the first ones.
Value countUsed(Simd &b, Value states, int64_t splits, int64_t splitBytes) {
  return b
      .forCarry(b.i64c(0), b.i64c(splits), 1, b.i64c(0),
                [&](Value split, ValueRange carried) -> SmallVector<Value> {
                  Value total = b.load(b.f32, b.at(states, b.add(b.mul(split, splitBytes), 4)), 4);
                  Value isUsed =
                      arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, total, b.f32c(0));
                  return {arith::SelectOp::create(b, isUsed, b.add(split, 1), carried[0])};
                })
      .front();
}

} // namespace

MergedRanges mergeRanges(Simd &b, RangeState before, RangeState added) {
  Value top = b.greaterOf(added.largest, before.largest);
  auto factor = [&](Value largest) {
    return b.extract(emitExp2(b, b.splat(b.subF(largest, top)), 0), 0);
  };
  MergedRanges merged{{top, {}}, factor(before.largest), factor(added.largest)};
  merged.state.total = b.fma(added.total, merged.added, b.mulF(before.total, merged.before));
  return merged;
}

Value mergeSums(Simd &b, const MergedRanges &merged, Value before, Value added) {
  return b.fma(added, broadcast(b, added, merged.added),
               b.mulF(before, broadcast(b, before, merged.before)));
}

void storeHead(KernelContext &context, Value row, Value head, int64_t headDim, Value sums,
               Value total) {
  Simd &b = context.b;
  Value result = context.op->getResult(0);
  const bool quantised = isQuantised(result);
  const int64_t width = vectorWidthFor(headDim);
  Value output = b.at(context.result(), b.mul(row, activationRowBytes(result)));
  Value inverse = b.divF(b.f32c(1), total);
  auto scaled = [&](Value element, int64_t count) {
    Value found = b.load(b.vectorOf(b.f32, count), b.at(sums, b.mul(element, 4)), 4);
    return b.mulF(found, broadcast(b, found, inverse));
  };
  b.forRange(b.i64c(0), b.i64c(headDim), quantised ? 2 * lanes : width, [&](Value element) {
    Value column = b.add(b.mul(head, headDim), element);
    if (quantised)
      storeQuantised(b, output, columnsOf(result), column, scaled(element, lanes),
                     scaled(b.add(element, lanes), lanes));
    else
      b.store(scaled(element, width), b.at(output, b.mul(column, 4)), 4);
  });
}

void emitAttentionMerge(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::AttentionMergeOp>(context.op);
  const int64_t heads = op.getHeads(), splits = static_cast<int64_t>(op.getSplits());
  const int64_t columns = columnsOf(op.getResult()), headDim = columns / heads;
  const int64_t width = vectorWidthFor(headDim);
  Value whole = b.scratch(headDim * 4);
  Value row = b.divU(context.tile, heads), head = b.remU(context.tile, heads);
  Value states =
      b.at(context.operand(op.getState()), b.add(b.mul(row, splits * heads * 8), b.mul(head, 8)));
  Value parts = b.at(context.operand(op.getSums()),
                     b.add(b.mul(row, splits * columns * 4), b.mul(head, headDim * 4)));
  auto type = b.vectorOf(b.f32, width);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  auto forEachVector = [&](llvm::function_ref<void(Value)> body) {
    b.forRange(b.i64c(0), b.i64c(headDim), width, [&](Value element) { body(b.mul(element, 4)); });
  };
  forEachVector([&](Value offset) { b.store(zero, b.at(whole, offset), 4); });
  Value lowest = b.f32c(std::numeric_limits<float>::lowest());
  auto addRange = [&](Value split, ValueRange carried) -> SmallVector<Value> {
    Value state = b.at(states, b.mul(split, heads * 8));
    MergedRanges merged = mergeRanges(b, {carried[0], carried[1]},
                                      {b.load(b.f32, state, 4), b.load(b.f32, b.at(state, 4), 4)});
    Value part = b.at(parts, b.mul(split, columns * 4));
    forEachVector([&](Value offset) {
      Value address = b.at(whole, offset);
      b.store(mergeSums(b, merged, b.load(type, address, 4), b.load(type, b.at(part, offset), 4)),
              address, 4);
    });
    return {merged.state.largest, merged.state.total};
  };
  Value used = countUsed(b, states, splits, heads * 8);
  SmallVector<Value> state =
      b.forCarry(b.i64c(0), used, 1, ValueRange{lowest, b.f32c(0)}, addRange);
  storeHead(context, row, head, headDim, whole, state[1]);
}

} // namespace tawny::x86
