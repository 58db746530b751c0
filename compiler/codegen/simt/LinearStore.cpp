// The store of a linear: sums of the slices, bias, epilogue.
#include "compiler/codegen/simt/Linear.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tawny::simt {

Value linearSum(const LinearTile &tile, unsigned part, Value tileRow, Value row, Value slot,
                int64_t tokens) {
  Simt &b = tile.b;
  const LinearPlan &plan = tile.plan;
  Value unit = b.divU(tileRow, LinearPlan::unitRows);
  if (plan.paired)
    unit = b.add(unit, part * plan.unitsPerPart());
  Value lane = b.remU(tileRow, LinearPlan::unitRows);
  Value sum;
  for (int64_t slice = 0; slice < plan.slices; ++slice) {
    Value group = b.add(b.mul(unit, plan.slices), slice);
    Value partial =
        b.load(b.f32, b.at(tile.shared, plan.sumOffset(b, group, slot, lane, tokens)), 4);
    sum = sum ? b.addF(sum, partial) : partial;
  }
  llm::LinearOp op = plan.op;
  if (Value bias = op.biasOf(part))
    sum = b.addF(sum, b.load(b.f32, b.at(tile.bindings.operand(bias), b.mul(row, 4)), 4));
  return sum;
}

/// Byte offset of an element of an f32 tensor of `columns` columns.
static Value elementOffset(Simt &b, const LinearElement &element, int64_t columns) {
  return b.mul(b.add(b.mul(b.toI64(element.token), columns), b.toI64(element.row)), 4);
}

/// Inlines the epilogue region on the parts' sums.
static Value inlineEpilogue(const LinearTile &tile, const LinearElement &element,
                            ArrayRef<Value> sums, Value offset) {
  Simt &b = tile.b;
  llm::LinearOp op = tile.plan.op;
  if (op.getEpilogue().empty())
    return sums[0];
  Block &block = op.getEpilogue().front();
  IRMapping mapping;
  mapping.map(block.getArguments().take_front(sums.size()), sums);
  for (auto [argument, read] :
       llvm::zip_equal(block.getArguments().drop_front(sums.size()), op.getReads()))
    mapping.map(argument, b.load(b.f32, b.at(tile.bindings.operand(read), offset), 4));
  for (Operation &inner : block.without_terminator())
    b.clone(inner, mapping);
  return mapping.lookup(block.getTerminator()->getOperand(0));
}

static void emitElement(const LinearTile &tile, const LinearElement &element, int64_t tokens) {
  Simt &b = tile.b;
  SmallVector<Value> sums;
  for (unsigned part : tile.parts)
    sums.push_back(linearSum(tile, part, element.tileRow, element.row, element.slot, tokens));
  unsigned first = tile.parts[0];
  Value offset = elementOffset(b, element, tile.plan.parts[first].rows);
  Value value = inlineEpilogue(tile, element, sums, offset);
  Value result = tile.bindings.result(first);
  llm::LinearOp op = tile.plan.op;
  if (cast<RankedTensorType>(op.getResult(first).getType()).getElementType().isF16())
    b.store(b.saturateToF16(value), b.at(result, b.divU(offset, 2)), 2);
  else
    b.store(value, b.at(result, offset), 4);
}

void emitStores(const LinearTile &tile, Value firstToken, int64_t tokens) {
  Simt &b = tile.b;
  const LinearPlan &plan = tile.plan;
  int64_t rows = plan.parts[tile.parts[0]].rows;
  b.forRange(b.threadId(), b.i32c(plan.tileRows * tokens), plan.threads(), [&](Value index) {
    LinearElement element;
    element.tileRow = b.remU(index, plan.tileRows);
    element.slot = b.divU(index, plan.tileRows);
    element.row = b.add(b.mul(tile.index, plan.tileRows), element.tileRow);
    element.token = b.add(firstToken, element.slot);
    Value inside = b.both(b.below(element.row, rows), b.below(element.token, tile.tokenEnd));
    llm::LinearOp op = plan.op;
    b.ifElse(inside, [&] {
      if (op.getRopeAppend())
        emitRopeAppend(tile, element, tokens);
      else
        emitElement(tile, element, tokens);
    });
  });
}

} // namespace tawny::simt
