#include "compiler/codegen/simt/Attention.h"
#include "compiler/codegen/simt/AttentionMatrix.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <numbers>

using namespace mlir;

namespace tawny::simt {

Value isSeen(Simt &b, const AttentionPlan &plan, Value position, Value last) {
  // Behind the row's own position the difference wraps around and is large.
  if (plan.window != 0)
    return b.below(b.sub(last, position), plan.window);
  return b.below(position, b.add(last, 1));
}

Value firstSeen(Simt &b, const AttentionPlan &plan, Value last, int64_t unit) {
  if (plan.window == 0)
    return b.i32c(0);
  Value pastLast = b.add(last, 1);
  Value first = b.sub(pastLast, b.minU(pastLast, b.i32c(plan.window)));
  return b.mul(b.divU(first, unit), unit);
}

AttentionTile loadTile(Simt &b, const AttentionPlan &plan, const Bindings &bindings, Value tile) {
  AttentionTile result;
  result.head = b.remU(tile, plan.kvHeads);
  Value rest = b.divU(tile, plan.kvHeads);
  if (plan.splits > 0) {
    result.split = b.remU(rest, plan.splits);
    rest = b.divU(rest, plan.splits);
  }
  Value address = b.at(bindings.source(rt::Source::AttentionBlocks), b.mul(rest, 16));
  Value block = b.loadConstant(b.vectorOf(b.i32, 4), address, 16);
  result.sequence = b.element(block, 0);
  result.firstRow = b.element(block, 1);
  result.rows = b.element(block, 2);
  result.firstPosition = b.element(block, 3);
  return result;
}

PageTable::PageTable(Simt &b, const AttentionPlan &plan, const Bindings &bindings,
                     const AttentionTile &tile)
    : b(b), plan(plan) {
  Value row = b.mul(b.toI64(tile.sequence), plan.maxPages * 4);
  table = b.at(bindings.source(rt::Source::BlockTables), row);
  Value head = b.mul(tile.head, plan.headDim * 2);
  keys = b.at(bindings.source(rt::Source::KeyPages), head);
  values = b.at(bindings.source(rt::Source::ValuePages), head);
}

Value PageTable::number(Value position) const {
  Value entry = b.mul(b.divU(position, AttentionPlan::pageTokens), 4);
  return b.loadConstant(b.i32, b.at(table, entry), 4);
}

PageTable::Page PageTable::page(Value number) const {
  Value offset = b.mul(b.toI64(number), plan.pageBytes());
  return {b.at(keys, offset), b.at(values, offset)};
}

void storeResult(Simt &b, const AttentionPlan &plan, Value result, Value index, Value four) {
  if (!plan.halfResult)
    return b.store(four, b.at(result, b.mul(index, 4)), 16);
  b.store(b.saturateToF16(four), b.at(result, b.mul(index, 2)), 8);
}

/// What no emitter does, as an error.
static llvm::Error checkAttention(rt::KernelOp kernel, llm::KvType kv, Type result) {
  // Lanes read 16 bytes of a head, and at most 32 lanes read one.
  constexpr int64_t loadElements = 8, mostHeadDim = 256;
  int64_t headDim = kv.getHeadDim();
  if (headDim % loadElements != 0 || headDim > mostHeadDim)
    return kernelError(kernel, "no emitter for heads of " + llvm::Twine(headDim) +
                                   " elements on GPUs; they must be multiples of " +
                                   llvm::Twine(loadElements) + " up to " +
                                   llvm::Twine(mostHeadDim));
  if (kv.getBits() != 16)
    return kernelError(kernel, "no emitter for a pool of f32 on GPUs");
  if (!isa<Float32Type, Float16Type>(cast<RankedTensorType>(result).getElementType()))
    return kernelError(kernel, "no emitter yet for int8 activations on GPUs; compile with "
                               "--activations=f16");
  return requireSources(kernel, {rt::Source::AttentionBlocks, rt::Source::BlockTables,
                                 rt::Source::KeyPages, rt::Source::ValuePages});
}

/// What llm.attention and llm.attention_part have in common.
template <typename Op>
static AttentionPlan basePlan(Op op, const TargetInfo &target, uint64_t maxContext) {
  auto kv = cast<llm::KvType>(op.getKv().getType());
  AttentionPlan plan;
  plan.queries = op.getQ();
  plan.kvHeads = kv.getHeads();
  plan.headDim = kv.getHeadDim();
  plan.group = llm::columnsOf(op.getQ()) / (plan.kvHeads * plan.headDim);
  plan.maxPages = static_cast<int64_t>(
      llvm::divideCeil(maxContext, static_cast<uint64_t>(AttentionPlan::pageTokens)));
  plan.window = llm::windowOf(op.getWindow(), maxContext);
  plan.scale = op.getScale().convertToDouble() * std::numbers::log2e;
  plan.waveSize = target.waveSize;
  return plan;
}

llvm::Expected<KernelBody> planAttention(rt::KernelOp kernel, llm::AttentionOp op,
                                         const TargetInfo &target, uint64_t maxContext) {
  if (llvm::Error error = checkAttention(kernel, op.getKv().getType(), op.getResult().getType()))
    return error;
  AttentionPlan plan = basePlan(op, target, maxContext);
  plan.halfResult = cast<RankedTensorType>(op.getResult().getType()).getElementType().isF16();
  std::optional<Matrix> matrix = Matrix::of(target);
  if (matrix && fitsMatrixAttention(plan, *matrix))
    return planMatrixAttention(kernel, plan, *matrix);
  return planVectorAttention(kernel, plan);
}

llvm::Expected<KernelBody> planAttention(rt::KernelOp kernel, llm::AttentionPartOp op,
                                         const TargetInfo &target, uint64_t maxContext) {
  if (llvm::Error error = checkAttention(kernel, op.getKv().getType(), op.getSums().getType()))
    return error;
  AttentionPlan plan = basePlan(op, target, maxContext);
  plan.splits = static_cast<int64_t>(op.getSplits());
  return planVectorAttention(kernel, plan);
}

} // namespace tawny::simt
