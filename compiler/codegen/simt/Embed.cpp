// llm.embed: decodes one row of the table for each token.
//
//   workgroup (token)                                                          grid: one per token
//     wave w, lane i: section w % P of block (w / P) * waveSize + i, and every waves / P * waveSize
//     further:
//       16-byte loads of the words that the section's weights need
//       decode; store 4 weights, 16 bytes, at a time
//
// A row's words are 16 bytes in every 512 of its tile, so nothing coalesces; but a row is read
// once per token. P branches share a block's weights between waves, 64 to a lane, so that no lane
// has a long way to go alone. Plain floats are 64 or 32 to a lane, the last lane's chunk cut short.
//
// Bytes per token: the packed row, 4 per column written.
#include "compiler/codegen/simt/Kernel.h"
#include "compiler/codegen/simt/Weights.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {
namespace {

struct EmbedPlan {
  llm::EmbedOp op;
  WeightShape shape;
  int64_t parts = 1; ///< Of a block, each for waves of its own.
  int64_t lanes = 0; ///< Of all waves of a part.
  int64_t waveSize = 0;

  int64_t partElements() const { return shape.chunkElements() / parts; }
};

class EmbedEmitter {
public:
  EmbedEmitter(Simt &b, const EmbedPlan &plan, const Bindings &bindings)
      : b(b), plan(plan), bindings(bindings) {}

  void emit(Value tile) {
    Value tokens = b.at(bindings.source(rt::Source::Tokens), b.mul(tile, 4));
    row = rowOf(b.loadConstant(b.i32, tokens, 4));
    output =
        b.at(bindings.result(0), b.mul(b.toI64(tile), plan.shape.columns * int64_t{sizeof(float)}));
    Value wave = b.wave();
    Value lane = b.add(b.mul(b.divU(wave, plan.parts), plan.waveSize), b.lane());
    Value part = b.remU(wave, plan.parts);
    b.forRange(lane, b.i32c(plan.shape.chunks()), plan.lanes,
               [&](Value chunk) { emitPart(chunk, part, 0); });
    if (plan.shape.tailElements() != 0)
      b.ifElse(b.equal(b.threadId(), 0),
               [&] { decode(b.i32c(plan.shape.chunks()), 0, plan.shape.tailElements()); });
  }

private:
  /// Where the token's row lies; all of it is uniform.
  LaneRow rowOf(Value token) {
    constexpr int64_t tileRows = simt32Layout.tileRows;
    Value tile = b.mul(b.toI64(b.divU(token, tileRows)), plan.shape.tileBytes());
    return rowOfTile(b, plan.shape, b.at(bindings.operand(plan.op.getTable()), tile),
                     b.remU(token, tileRows));
  }

  /// Branches to the code of the wave's part.
  void emitPart(Value chunk, Value part, int64_t index) {
    auto own = [&] { decode(chunk, index * plan.partElements(), plan.partElements()); };
    if (index + 1 == plan.parts)
      return own();
    b.ifElse(b.equal(part, index), own, [&] { emitPart(chunk, part, index + 1); });
  }

  /// Decodes `count` weights of a chunk from `first` on. LLVM drops the loads of the others.
  void decode(Value chunk, int64_t first, int64_t count) {
    const bool isTail = count < plan.partElements();
    WeightChunk weights(b, plan.shape, row, chunk, isTail ? count : plan.shape.chunkElements());
    SmallVector<Value> run;
    Value address = b.at(output, b.mul(chunk, plan.shape.chunkElements() * 4));
    weights.decode([&](int64_t index, Value weight) {
      if (index < first || index >= first + count)
        return;
      run.push_back(weight);
      int64_t size = static_cast<int64_t>(run.size());
      if (size < width() && index + 1 < first + count)
        return;
      Value vector = vector::FromElementsOp::create(b, b.vectorOf(b.f32, size), run);
      b.store(vector, b.at(address, (index + 1 - size) * 4), static_cast<unsigned>(4 * width()));
      run.clear();
    });
  }

  /// Columns of a store: rows of others are not aligned to 16 bytes.
  int64_t width() const { return plan.shape.columns % 4 == 0 ? 4 : 1; }

  Simt &b;
  EmbedPlan plan;
  const Bindings &bindings;
  LaneRow row;
  Value output;
};

} // namespace

llvm::Expected<KernelBody> planEmbed(rt::KernelOp kernel, llm::EmbedOp op,
                                     const TargetInfo &target) {
  if (llvm::Error error = requireSources(kernel, {rt::Source::Tokens}))
    return error;
  auto type = cast<RankedTensorType>(op.getTable().getType());
  EmbedPlan plan;
  plan.op = op;
  plan.shape = {*formatByName(llm::formatName(type.getElementType())), type.getDimSize(0),
                type.getDimSize(1)};
  plan.waveSize = target.waveSize;
  plan.parts = std::max<int64_t>(plan.shape.chunkElements() / 64, 1);
  const int64_t mostLanes = 512 / plan.parts;
  plan.lanes = std::min<int64_t>(
      llvm::alignTo(std::max<int64_t>(plan.shape.chunks(), 1), plan.waveSize), mostLanes);
  KernelBody body;
  body.threads = static_cast<unsigned>(plan.lanes * plan.parts);
  body.emit = [plan](Simt &b, Value tile, const Bindings &bindings, Value) {
    EmbedEmitter(b, plan, bindings).emit(tile);
  };
  return body;
}

} // namespace tawny::simt
