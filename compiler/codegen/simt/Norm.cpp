// rms_norm and add_rms_norm: one workgroup per row of K columns.
//
//   workgroup (row)                                                              grid: one per row
//     thread i: x[j] = 16-byte loads of row[(j * threads + i) * 4 …], j < ceil(K / 4 / threads)
//               add_rms_norm: x[j] += b[j]
//               square = sum over j of x[j]^2                               2 operations per column
//     add_rms_norm: thread i: store x[j]
//     square over the lanes (in registers), over the waves (shared memory, one barrier)
//     scale = 1 / sqrt(square / K + eps)
//     thread i: store x[j] * scale * weight[j]                              2 operations per column
//
// Bytes per row: 4 K read and written (2 K where the norm is f16), the weight; add_rms_norm twice
// that. A row stays in
// registers between its two uses. Rows of a K that is no multiple of 4 go element by element, since
// they are not aligned.
#include "compiler/codegen/simt/Kernel.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {
namespace {

struct NormPlan {
  Value input, addend, weight; ///< Block arguments of the kernel; `addend` may be null.
  double eps = 0;
  int64_t columns = 0, waveSize = 0;
  int64_t width = 1; ///< Columns of a load.
  int64_t threads = 0;
  bool halfNorm = false; ///< The norm is f16, the sum f32.

  int64_t steps() const { return llvm::divideCeil(columns, width * threads); }
  int64_t waves() const { return threads / waveSize; }
};

class NormEmitter {
public:
  NormEmitter(Simt &b, const NormPlan &plan, const Bindings &bindings, Value shared)
      : b(b), plan(plan), bindings(bindings), shared(shared), type(b.vectorOf(b.f32, plan.width)) {}

  void emit(Value tile) {
    rowOffset = b.mul(b.toI64(tile), plan.columns * 4);
    SmallVector<Value> row;
    Value square = zeros();
    for (int64_t step = 0; step < plan.steps(); ++step) {
      row.push_back(load(step));
      square = b.fma(row.back(), row.back(), square);
    }
    // After all loads: a store may alias those behind it, which then wait for those before it.
    if (plan.addend)
      for (int64_t step = 0; step < plan.steps(); ++step)
        inRange(step, [&] { store(row[step], /*result=*/0, step); });
    Value sum = sumOfWorkgroup(sumOfLane(square));
    Value mean = b.mulF(sum, b.f32c(1.0 / static_cast<double>(plan.columns)));
    Value scale = b.divF(b.f32c(1), b.sqrt(b.addF(mean, b.f32c(plan.eps))));
    Value scales = vector::BroadcastOp::create(b, type, scale);
    unsigned normResult = plan.addend ? 1 : 0;
    for (int64_t step = 0; step < plan.steps(); ++step)
      inRange(step, [&] {
        Value weight = at(plan.weight, step, /*ofRow=*/false);
        Value normalised =
            b.mulF(b.mulF(row[step], scales), b.loadConstant(type, weight, alignment()));
        storeNorm(normalised, normResult, step);
      });
  }

private:
  unsigned alignment() const { return static_cast<unsigned>(4 * plan.width); }
  Value zeros() { return vector::BroadcastOp::create(b, type, b.f32c(0)); }

  /// The thread's first column of a step.
  Value column(int64_t step) {
    return b.add(b.mul(b.threadId(), plan.width), step * plan.threads * plan.width);
  }
  /// Address of those columns in a row of a tensor, or in a vector.
  Value at(Value tensor, int64_t step, bool ofRow) {
    Value base = bindings.operand(tensor);
    if (ofRow)
      base = b.at(base, rowOffset);
    return b.at(base, b.mul(column(step), 4));
  }
  void store(Value value, unsigned result, int64_t step) {
    Value base = b.at(bindings.result(result), rowOffset);
    b.store(value, b.at(base, b.mul(column(step), 4)), alignment());
  }
  void storeNorm(Value value, unsigned result, int64_t step) {
    if (!plan.halfNorm)
      return store(value, result, step);
    Value address =
        b.at(b.at(bindings.result(result), b.divU(rowOffset, 2)), b.mul(column(step), 2));
    b.store(b.saturateToF16(value), address, alignment() / 2);
  }
  bool isWhole(int64_t step) const {
    return (step + 1) * plan.threads * plan.width <= plan.columns;
  }
  void inRange(int64_t step, const std::function<void()> &body) {
    if (isWhole(step))
      return body();
    b.ifElse(b.below(column(step), plan.columns), body);
  }

  /// The row's columns of a step, after the addition; zeros past the row's end.
  Value load(int64_t step) {
    auto body = [&]() -> SmallVector<Value> {
      Value value = b.load(type, at(plan.input, step, /*ofRow=*/true), alignment());
      if (plan.addend)
        value = b.addF(value, b.load(type, at(plan.addend, step, /*ofRow=*/true), alignment()));
      return {value};
    };
    if (isWhole(step))
      return body()[0];
    return b.choose(b.below(column(step), plan.columns), Type(type), body,
                    [&] { return SmallVector<Value>{zeros()}; })[0];
  }

  Value sumOfLane(Value vector) {
    Value sum = b.element(vector, 0);
    for (int64_t index = 1; index < plan.width; ++index)
      sum = b.addF(sum, b.element(vector, index));
    return sum;
  }

  Value sumOfWorkgroup(Value value) {
    Value sum = b.waveSum(value);
    if (plan.waves() == 1)
      return sum;
    b.ifElse(b.equal(b.lane(), 0), [&] { b.store(sum, b.at(shared, b.mul(b.wave(), 4)), 4); });
    b.barrier();
    Value total = b.load(b.f32, shared, 4);
    for (int64_t wave = 1; wave < plan.waves(); ++wave)
      total = b.addF(total, b.load(b.f32, b.at(shared, wave * 4), 4));
    return total;
  }

  Simt &b;
  const NormPlan &plan;
  const Bindings &bindings;
  Value shared;
  VectorType type;
  Value rowOffset;
};

template <typename Op>
llvm::Expected<KernelBody> planRows(rt::KernelOp kernel, Op op, NormPlan plan,
                                    const TargetInfo &target) {
  Type norm = cast<RankedTensorType>(op->getResults().back().getType()).getElementType();
  if (!isa<Float32Type, Float16Type>(norm))
    return kernelError(kernel, "no emitter yet for int8 activations on GPUs; compile with "
                               "--activations=f16");
  plan.halfNorm = norm.isF16();
  plan.weight = op.getWeight();
  plan.eps = op.getEps().convertToDouble();
  plan.columns = llm::columnsOf(plan.input);
  plan.waveSize = target.waveSize;
  plan.width = plan.columns % 4 == 0 ? 4 : 1;
  // Four loads per thread hide each other's latency; the row must fit 64 registers of a thread.
  constexpr int64_t mostThreads = 1024, mostRegisters = 64;
  int64_t wanted = llvm::divideCeil(llvm::divideCeil(plan.columns, plan.width), 4);
  plan.threads = std::min<int64_t>(llvm::alignTo(wanted, plan.waveSize), mostThreads);
  if (plan.steps() * plan.width > mostRegisters)
    return kernelError(kernel, "a row of " + llvm::Twine(plan.columns) +
                                   " columns does not fit a workgroup's registers; at most " +
                                   llvm::Twine(mostThreads * mostRegisters) + " do");
  KernelBody body;
  body.threads = static_cast<unsigned>(plan.threads);
  body.sharedBytes = plan.waves() > 1 ? plan.waves() * 4 : 0;
  body.emit = [plan](Simt &b, Value tile, const Bindings &bindings, Value shared) {
    NormEmitter(b, plan, bindings, shared).emit(tile);
  };
  return body;
}

} // namespace

llvm::Expected<KernelBody> planNorm(rt::KernelOp kernel, llm::RmsNormOp op,
                                    const TargetInfo &target) {
  NormPlan plan;
  plan.input = op.getInput();
  return planRows(kernel, op, plan, target);
}

llvm::Expected<KernelBody> planNorm(rt::KernelOp kernel, llm::AddRmsNormOp op,
                                    const TargetInfo &target) {
  NormPlan plan;
  plan.input = op.getA();
  plan.addend = op.getB();
  return planRows(kernel, op, plan, target);
}

} // namespace tawny::simt
