// The inner loop of the skinny linear: 32 rows, one to a lane, by some tokens.
#include "compiler/codegen/simt/Linear.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {
namespace {

/// A token's products go to four sums in turn, so that a multiply-add need not wait for the last.
constexpr int64_t sumsPerToken = 4;

/// Inputs of the register tile's tokens: a uniform address, and what each token adds to it. Tokens
/// past the last read that one again.
struct Inputs {
  Value base;
  SmallVector<Value> offsets;

  Inputs(Simt &b, const LinearPlan &plan, const LinearGroup &group, int64_t tokens) {
    const int64_t rowBytes = plan.columns() * plan.inputBytes();
    base = b.at(group.inputs, b.mul(b.toI64(group.firstToken), rowBytes));
    Value last = b.sub(b.sub(group.tokenCount, b.i32c(1)), group.firstToken);
    for (int64_t token = 0; token < tokens; ++token)
      offsets.push_back(token == 0 ? b.i32c(0) : b.mul(b.minU(b.i32c(token), last), rowBytes));
  }
};

/// Adds the products of one chunk to `sums`.
void emitChunk(Simt &b, const LinearPlan &plan, const WeightShape &shape, const LaneRow &row,
               const Inputs &inputs, Value chunk, int64_t elements, SmallVector<Value> &sums) {
  WeightChunk weights(b, shape, row, chunk, elements);
  Value chunkOffset = b.mul(chunk, shape.chunkElements() * plan.inputBytes());
  SmallVector<Value> addresses, run;
  // What differs between lanes, if anything, is the chunk: it stands last, so that all before it is
  // in scalar registers. Where nothing differs, one base and 32-bit offsets take fewer of them.
  const bool isScalar = b.target.waveSize == LinearPlan::unitRows;
  for (Value offset : inputs.offsets)
    addresses.push_back(isScalar ? b.at(inputs.base, b.add(chunkOffset, offset))
                                 : b.at(b.at(inputs.base, offset), chunkOffset));
  // Token by token, in runs of 16 inputs: one load of the scalar unit where the address is uniform.
  // There a fence keeps the loads in flight within the 100 or so scalar registers, of which 8
  // tokens take 30 for their own. Left alone, LLVM's scheduler moves a chunk's loads to its front
  // and spills: in Q4_K on gfx1151 (LLVM 22) 114 registers, 16 at 4 loads between fences. Vectors
  // of inputs take 16 registers each of the 128 that a lane has.
  constexpr int64_t runElements = 16;
  const int64_t loadsPerFence = !isScalar ? 1 : addresses.size() == 1 ? 2 : 1;
  const auto alignment = static_cast<unsigned>(
      llvm::MinAlign(plan.columns() * plan.inputBytes(), plan.inputBytes() * runElements));
  int64_t loads = 0;
  weights.decode([&](int64_t index, Value weight) {
    run.push_back(weight);
    int64_t size = static_cast<int64_t>(run.size()), first = index + 1 - size;
    if (size < runElements && index + 1 < elements)
      return;
    for (auto [token, address] : llvm::enumerate(addresses)) {
      if (loads++ % loadsPerFence == 0)
        b.scheduleFence();
      Type element = plan.halfInputs ? b.f16 : b.f32;
      Value inputAddress = b.at(address, first * plan.inputBytes()), loaded;
      // Rows of an odd number of halves are not aligned to words; each is loaded on its own.
      if (alignment >= 4)
        loaded = b.loadConstant(b.vectorOf(element, size), inputAddress, alignment);
      for (int64_t i = 0; i < size; ++i) {
        Value &sum = sums[sumsPerToken * token + i % sumsPerToken];
        Value input = loaded ? b.element(loaded, i)
                             : b.loadConstant(element, b.at(inputAddress, 2 * i), alignment);
        if (plan.halfInputs)
          input = arith::ExtFOp::create(b, b.f32, input);
        sum = b.fma(run[i], input, sum);
      }
    }
    run.clear();
  });
}

/// The sums over the slice's whole chunks.
SmallVector<Value> emitChunks(Simt &b, const LinearPlan &plan, const WeightShape &shape,
                              const LaneRow &row, const Inputs &inputs, Value slice,
                              SmallVector<Value> sums) {
  auto body = [&](Value chunk, ValueRange carried) {
    SmallVector<Value> next(carried);
    emitChunk(b, plan, shape, row, inputs, chunk, shape.chunkElements(), next);
    return next;
  };
  if (shape.chunks() >= plan.slices)
    return b.forCarry(slice, b.i32c(shape.chunks()), plan.slices, sums, body);
  // The chunk is the slice. LLVM would see through a loop, and move all its loads ahead of it.
  return b.choose(
      b.below(slice, shape.chunks()), ValueRange(sums).getTypes(),
      [&] { return body(slice, sums); }, [&] { return sums; });
}

} // namespace

void emitSums(Simt &b, const LinearPlan &plan, const WeightShape &shape, const LinearGroup &group,
              int64_t tokens) {
  bool isAligned = plan.tileRows % LinearPlan::unitRows == 0;
  LaneRow row = laneRow(b, shape, group.weight, group.firstRow, group.lastRow, isAligned);
  Inputs inputs(b, plan, group, tokens);
  SmallVector<Value> sums(sumsPerToken * tokens, b.f32c(0));
  sums = emitChunks(b, plan, shape, row, inputs, group.slice, sums);
  if (shape.tailElements() != 0)
    sums = b.choose(
        b.equal(group.slice, shape.chunks() % plan.slices), ValueRange(sums).getTypes(),
        [&] {
          SmallVector<Value> next(sums);
          emitChunk(b, plan, shape, row, inputs, b.i32c(shape.chunks()), shape.tailElements(),
                    next);
          return next;
        },
        [&] { return sums; });
  Value lane = b.remU(b.lane(), LinearPlan::unitRows);
  for (int64_t token = 0; token < tokens; ++token) {
    Value sum = sums[sumsPerToken * token];
    for (int64_t i = 1; i < sumsPerToken; ++i)
      sum = b.addF(sum, sums[sumsPerToken * token + i]);
    Value offset = plan.sumOffset(b, group.index, b.i32c(token), lane, tokens);
    b.store(sum, b.at(group.shared, offset), 4);
  }
}

} // namespace tawny::simt
