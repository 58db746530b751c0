// llm.rope alone: one workgroup per row.
//
//   workgroup (row)                                                              grid: one per row
//     thread: pair i of head h, and every `threads` pairs further:
//       (x, y) = x cos - y sin, y cos + x sin of position * frequency[i]     40 operations a pair
//     the elements of each head behind the rotary ones are copied
//
// Bytes: the row, read and written. Linear.h has the rotation.
#include "compiler/codegen/simt/Linear.h"
#include "compiler/codegen/simt/Rows.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {
namespace {

class RopeEmitter {
public:
  RopeEmitter(Simt &b, llm::RopeOp op, int64_t threads, const Bindings &bindings)
      : b(b), op(op), rope(op.getRope()), threads(threads), bindings(bindings) {}

  void emit(Value tile) {
    const int64_t columns = llm::columnsOf(op.getInput());
    const int64_t heads = columns / rope.getHeadDim(), pairs = rope.getRotaryDim() / 2;
    const int64_t rest = rope.getHeadDim() - rope.getRotaryDim();
    input = rowAddress(b, bindings.operand(op.getInput()), tile, columns, b.f32);
    output = rowAddress(b, bindings.result(0), tile, columns, b.f32);
    Value positions = b.at(bindings.source(rt::Source::Positions), b.mul(tile, 4));
    position = b.loadConstant(b.i32, positions, 4);
    b.forRange(b.threadId(), b.i32c(heads * pairs), threads,
               [&](Value index) { rotate(b.divU(index, pairs), b.remU(index, pairs)); });
    if (rest != 0)
      b.forRange(b.threadId(), b.i32c(heads * rest), threads, [&](Value index) {
        Value head = b.mul(b.divU(index, rest), rope.getHeadDim());
        Value column = b.add(head, b.add(b.remU(index, rest), rope.getRotaryDim()));
        store(load(column), column);
      });
  }

private:
  Value load(Value column) { return b.load(b.f32, b.at(input, b.mul(column, 4)), 4); }
  void store(Value value, Value column) { b.store(value, b.at(output, b.mul(column, 4)), 4); }

  void rotate(Value head, Value pair) {
    const bool adjacent = rope.getPairs() == llm::RotaryPairs::Adjacent;
    Value first = b.add(b.mul(head, rope.getHeadDim()), adjacent ? b.mul(pair, 2) : pair);
    Value second = b.add(first, adjacent ? 1 : rope.getRotaryDim() / 2);
    Value x = load(first), y = load(second);
    Rotation rotation = emitRotation(b, rope, position, pair);
    store(b.fma(y, b.negF(rotation.sine), b.mulF(x, rotation.cosine)), first);
    store(b.fma(x, rotation.sine, b.mulF(y, rotation.cosine)), second);
  }

  Simt &b;
  llm::RopeOp op;
  llm::RopeAttr rope;
  int64_t threads;
  const Bindings &bindings;
  Value input, output, position;
};

} // namespace

llvm::Expected<KernelBody> planRope(rt::KernelOp kernel, llm::RopeOp op, const TargetInfo &target) {
  if (llvm::Error error = requireSources(kernel, {rt::Source::Positions}))
    return error;
  constexpr int64_t mostThreads = 256;
  int64_t wanted = llvm::alignTo(llm::columnsOf(op.getInput()) / 2, target.waveSize);
  int64_t threads = std::min<int64_t>(wanted, mostThreads);
  KernelBody body;
  body.threads = static_cast<unsigned>(threads);
  body.emit = [=](Simt &b, Value tile, const Bindings &bindings, Value) {
    RopeEmitter(b, op, threads, bindings).emit(tile);
  };
  return body;
}

} // namespace tawny::simt
