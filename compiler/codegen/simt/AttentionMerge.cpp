// Attention of the whole context from that of its ranges: one workgroup per row and query head.
//
//   workgroup (row, head)                                               grid: rows * query heads
//     top = max over ranges s of max[s]; used = ranges before the first empty one
//     lane i: four elements of the head
//       for s < used: w = 2^(max[s] - top), o += w sums[s][4 i ...], total += w weights[s]
//       store o / total
//
// Bytes: 4 per range that is not empty and element of the head, and 8 per range; operations: 2 per
// range and element. Empty ranges stand behind all others.
#include "compiler/codegen/simt/Attention.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {
namespace {

struct MergePlan {
  Value sums, state; ///< Block arguments of the kernel.
  AttentionPlan result;
  int64_t heads = 0, splits = 0, headDim = 0;
  int64_t columns() const { return heads * headDim; }
};

class MergeEmitter {
public:
  MergeEmitter(Simt &b, const MergePlan &plan, const Bindings &bindings)
      : b(b), plan(plan), bindings(bindings) {}

  void emit(Value tile) {
    head = b.remU(tile, plan.heads);
    row = b.toI64(b.divU(tile, plan.heads));
    Value offset = b.mul(b.add(b.mul(row, plan.splits * plan.heads), b.toI64(head)), 8);
    states = b.at(bindings.operand(plan.state), offset);
    findUsed();
    Value element = b.mul(b.threadId(), 4);
    b.ifElse(b.below(element, plan.headDim), [&] { emitFour(element); });
  }

private:
  Value state(Value split) {
    Value offset = b.mul(split, plan.heads * 8);
    return b.loadConstant(b.vectorOf(b.f32, 2), b.at(states, offset), 8);
  }

  /// The largest score of all ranges, and how many are not empty.
  void findUsed() {
    Value first = b.element(state(b.i32c(0)), 0);
    SmallVector<Value> found =
        b.forCarry(b.i32c(1), b.i32c(plan.splits), 1, ValueRange{first, b.i32c(1)},
                   [&](Value split, ValueRange carried) -> SmallVector<Value> {
                     Value both = state(split);
                     Value isUsed = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE,
                                                          b.element(both, 1), b.f32c(0));
                     Value count = b.select(isUsed, b.add(split, 1), carried[1]);
                     return {b.maxF(carried[0], b.element(both, 0)), count};
                   });
    top = found[0];
    used = found[1];
  }

  void emitFour(Value element) {
    auto four = b.vectorOf(b.f32, 4);
    Value column = b.add(b.mul(head, plan.headDim), element);
    Value base =
        b.at(b.at(bindings.operand(plan.sums), b.mul(row, plan.splits * plan.columns() * 4)),
             b.mul(column, 4));
    Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(four));
    // Eight loads at once: one after another would each wait for memory. Ranges past the used ones
    // are empty, which changes nothing.
    const int64_t loads = std::min<int64_t>(plan.splits, 8);
    auto add = [&](Value first, ValueRange carried) {
      SmallVector<Value> states, parts, next(carried);
      for (int64_t load = 0; load < loads; ++load) {
        Value split = b.minU(b.add(first, load), b.i32c(plan.splits - 1));
        states.push_back(state(split));
        parts.push_back(b.loadConstant(four, b.at(base, b.mul(split, plan.columns() * 4)), 16));
      }
      for (int64_t load = 0; load < loads; ++load) {
        Value factor = b.exp2(b.subF(b.element(states[load], 0), top));
        if (plan.splits % loads != 0)
          factor = b.select(b.below(b.add(first, load), plan.splits), factor, b.f32c(0));
        next[0] = b.fma(b.element(states[load], 1), factor, next[0]);
        next[1] = b.fma(parts[load], vector::BroadcastOp::create(b, four, factor), next[1]);
      }
      return next;
    };
    SmallVector<Value> totals =
        b.forCarry(b.i32c(0), used, loads, ValueRange{b.f32c(0), zeros}, add);
    Value inverse = b.divF(b.f32c(1), totals[0]);
    Value result = b.mulF(totals[1], vector::BroadcastOp::create(b, four, inverse));
    Value index = b.add(b.mul(row, plan.columns()), b.toI64(column));
    storeResult(b, plan.result, bindings.result(0), index, result);
  }

  Simt &b;
  const MergePlan &plan;
  const Bindings &bindings;
  Value head, row, states; ///< `states` is that of range 0.
  Value top, used;
};

} // namespace

llvm::Expected<KernelBody> planAttentionMerge(rt::KernelOp kernel, llm::AttentionMergeOp op,
                                              const TargetInfo &target) {
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  if (!isa<Float32Type, Float16Type>(element))
    return kernelError(kernel, "no emitter yet for int8 activations on GPUs; compile with "
                               "--activations=f16");
  MergePlan plan;
  plan.sums = op.getSums();
  plan.state = op.getState();
  plan.heads = op.getHeads();
  plan.splits = static_cast<int64_t>(op.getSplits());
  plan.headDim = llm::columnsOf(op.getResult()) / plan.heads;
  plan.result.halfResult = element.isF16();
  constexpr int64_t mostThreads = 1024;
  int64_t threads = static_cast<int64_t>(llvm::alignTo(plan.headDim / 4, target.waveSize));
  if (plan.headDim % 4 != 0 || threads > mostThreads)
    return kernelError(kernel, "no emitter for heads of " + llvm::Twine(plan.headDim) +
                                   " elements on GPUs; they must be multiples of 4 up to " +
                                   llvm::Twine(4 * mostThreads));
  KernelBody body;
  body.threads = static_cast<unsigned>(threads);
  body.emit = [plan](Simt &b, Value tile, const Bindings &bindings, Value) {
    MergeEmitter(b, plan, bindings).emit(tile);
  };
  return body;
}

} // namespace tawny::simt
