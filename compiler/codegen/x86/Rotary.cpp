// Rotation of heads and their way into the KV pool.
//
//   for pair in 0 .. rotaryDim / 2, 16 at a time
//     (c, s) = table[position]                              2 rows of cos and sin, from cache
//     (x0, x1) -> (x0 c - x1 s, x1 c + x0 s)
//   k: page[head][d][position % 16] = x[d]                  headDim stores of one element or pair
//   v: page[head][d / w][position % 16][d % w] = x[d]       of paired pages: one element each
#include "compiler/codegen/x86/KernelContext.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

/// Address of a head's part of the page that holds `slot`, in a pool of keys or values.
Value headOfPage(Simd &b, llm::KvType pool, Value pages, Value slot, Value head) {
  Value page = b.mul(b.divU(slot, pageTokens), pool.getHeads() * headPageBytes(pool));
  return b.at(b.at(pages, page), b.mul(head, headPageBytes(pool)));
}

} // namespace

void rotateHead(KernelContext &context, llm::RopeAttr rope, Value source, Value destination,
                Value position) {
  Simd &b = context.b;
  int64_t pairs = rope.getRotaryDim() / 2, width = vectorWidthFor(pairs);
  auto half = b.vectorOf(b.f32, width), whole = b.vectorOf(b.f32, 2 * width);
  bool adjacent = rope.getPairs() == llm::RotaryPairs::Adjacent;
  auto rows = context.rotaryTables.rows(b, rope, position);
  b.forRange(b.i64c(0), b.i64c(pairs), width, [&](Value pair) {
    auto [cosine, sine] = context.rotaryTables.rotation(b, rows, pairs, pair, width);
    Value offset = b.mul(pair, adjacent ? 8 : 4);
    Value x0, x1;
    if (adjacent) {
      auto split = vector::DeinterleaveOp::create(b, b.load(whole, b.at(source, offset), 4));
      x0 = split.getResult(0);
      x1 = split.getResult(1);
    } else {
      x0 = b.load(half, b.at(source, offset), 4);
      x1 = b.load(half, b.at(b.at(source, offset), pairs * 4), 4);
    }
    Value y0 = b.subF(b.mulF(x0, cosine), b.mulF(x1, sine));
    Value y1 = b.addF(b.mulF(x1, cosine), b.mulF(x0, sine));
    if (adjacent) {
      b.store(vector::InterleaveOp::create(b, y0, y1), b.at(destination, offset), 4);
    } else {
      b.store(y0, b.at(destination, offset), 4);
      b.store(y1, b.at(b.at(destination, offset), pairs * 4), 4);
    }
  });
  b.forRange(b.i64c(rope.getRotaryDim()), b.i64c(rope.getHeadDim()), 1, [&](Value element) {
    Value offset = b.mul(element, 4);
    b.store(b.load(b.f32, b.at(source, offset), 4), b.at(destination, offset), 4);
  });
}

bool hasPairedPages(KernelContext &context, llm::KvType pool) {
  auto executable = context.kernel->getParentOfType<rt::ExecutableOp>();
  return executable.getTarget().getActivations() == "i8" && pool.getBits() == 16 &&
         pool.getHeadDim() % lanes == 0 &&
         llvm::is_contained(context.b.target.required, "avx512bf16");
}

Value loadElements(Simd &b, llm::KvType pool, Value address, int64_t count) {
  auto bytes = static_cast<unsigned>(elementBytes(pool));
  if (bytes == 4)
    return b.load(b.vectorOf(b.f32, count), address, bytes);
  return b.toF32(b.load(b.vectorOf(b.f16, count), address, bytes));
}
void storeElements(Simd &b, llm::KvType pool, Value values, Value address) {
  auto bytes = static_cast<unsigned>(elementBytes(pool));
  b.store(bytes == 4 ? values : b.saturateToF16(values), address, bytes);
}

void appendKeyHead(KernelContext &context, llm::KvType pool, Value source, Value slot, Value head) {
  Simd &b = context.b;
  int64_t bytes = elementBytes(pool), depth = hasPairedPages(context, pool) ? 2 : 1;
  Value base = headOfPage(b, pool, context.binding(rt::Source::KeyPages), slot, head);
  base = b.at(base, b.mul(b.remU(slot, pageTokens), depth * bytes));
  auto type = b.vectorOf(b.f32, depth);
  b.forRange(b.i64c(0), b.i64c(pool.getHeadDim()), depth, [&](Value element) {
    Value x = b.load(type, b.at(source, b.mul(element, 4)), 4);
    storeElements(b, pool, x, b.at(base, b.mul(element, pageTokens * bytes)));
  });
}

void appendValueHead(KernelContext &context, llm::KvType pool, Value source, Value slot,
                     Value head) {
  Simd &b = context.b;
  int64_t bytes = elementBytes(pool), headDim = pool.getHeadDim();
  int64_t depth = hasPairedPages(context, pool) ? 2 : 1;
  Value base = headOfPage(b, pool, context.binding(rt::Source::ValuePages), slot, head);
  Value inPage = b.remU(slot, pageTokens);
  const int64_t width = vectorWidthFor(headDim), step = depth == 1 ? width : 1;
  base = b.at(base, b.mul(b.divU(inPage, depth), depth * width * bytes));
  base = b.at(base, b.mul(b.remU(inPage, depth), bytes));
  b.forRange(b.i64c(0), b.i64c(headDim), width, [&](Value first) {
    Value vector = b.at(base, b.mul(first, pageTokens * bytes));
    b.forRange(b.i64c(0), b.i64c(width), step, [&](Value lane) {
      Value from = b.at(source, b.mul(b.add(first, lane), 4));
      storeElements(b, pool, b.load(b.vectorOf(b.f32, step), from, 4),
                    b.at(vector, b.mul(lane, depth * bytes)));
    });
  });
}

void emitRope(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::RopeOp>(context.op);
  auto rope = op.getRope();
  int64_t columns = columnsOf(op.getInput());
  Value row = b.mul(context.tile, columns * 4);
  Value source = b.at(context.operand(op.getInput()), row);
  Value destination = b.at(context.result(), row);
  Value position =
      b.loadIndex(b.at(context.binding(rt::Source::Positions), b.mul(context.tile, 4)));
  b.forRange(b.i64c(0), b.i64c(columns), rope.getHeadDim(), [&](Value column) {
    Value offset = b.mul(column, 4);
    rotateHead(context, rope, b.at(source, offset), b.at(destination, offset), position);
  });
}

void emitKvAppend(KernelContext &context) {
  Simd &b = context.b;
  auto op = cast<llm::KvAppendOp>(context.op);
  auto kv = cast<llm::KvType>(op.getKv().getType());
  Value slot = b.loadIndex(b.at(context.binding(rt::Source::KvSlots), b.mul(context.tile, 4)));
  Value row = b.mul(context.tile, columnsOf(op.getK()) * 4);
  Value k = b.at(context.operand(op.getK()), row), v = b.at(context.operand(op.getV()), row);
  b.forRange(b.i64c(0), b.i64c(kv.getHeads()), 1, [&](Value head) {
    Value offset = b.mul(head, kv.getHeadDim() * 4);
    appendKeyHead(context, kv, b.at(k, offset), slot, head);
    appendValueHead(context, kv, b.at(v, offset), slot, head);
  });
}

} // namespace tawny::x86
