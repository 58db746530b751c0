// Skinny linear: N output rows from 1 to 16 tokens of K inputs, weights in their packed format.
//
//   workgroup (tile: 32 rows of part p; a head with rope_append)            grid: tiles of all parts
//     for t0 in tokens step T (T = 8, or 1 where one token is left):
//       32 lanes (unit of 32 rows, slice s of S), lane = row:
//         sums[T] = 0
//         for chunk c = s, s + S, … of K (a block of the format):
//           16-byte loads of the chunk's words           4.5 bits a weight (Q4_K), read once per t0
//           for each weight: decode (2.4 operations), sums[t] += w * x[t, k]   1 operation a token
//         shared[unit][s][t][lane] = sums[t]
//       barrier; thread = (row, t): sum over s, bias, epilogue, store y[t0 + t, row]; barrier
//
// Bytes: packed weights, and x from cache: one address for all lanes of a wave of 32, so through the
// scalar unit; two for a wave of 64. Activations are f32 and so is all arithmetic.
#include "compiler/codegen/simt/Linear.h"

#include "passes/KernelShapes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {

int64_t LinearPlan::units() const {
  return paired ? static_cast<int64_t>(parts.size()) : (tileRows + unitRows - 1) / unitRows;
}

Value LinearPlan::sumOffset(Simt &b, Value group, Value token, Value lane, int64_t tokens) const {
  Value row = b.add(b.mul(group, tokens), token);
  return b.mul(b.add(b.mul(row, unitRows), lane), 4);
}

namespace {

class LinearEmitter {
public:
  LinearEmitter(Simt &b, const LinearPlan &plan, const Bindings &bindings, Value shared)
      : b(b), plan(plan), bindings(bindings), shared(shared) {}

  void emit(Value tile) {
    tokenCount = b.loadConstant(b.i32, bindings.source(rt::Source::RowCount), 4);
    if (plan.paired)
      emitTile(llvm::to_vector(llvm::seq<unsigned>(0, plan.parts.size())), tile);
    else
      emitPartsFrom(0, tile);
  }

private:
  using Parts = SmallVector<unsigned>;

  /// The tile belongs to `part` or a later one; each part has its own code, because formats differ.
  void emitPartsFrom(unsigned part, Value tile) {
    if (part + 1 == plan.parts.size())
      return emitTile({part}, tile);
    Value end = b.i32c(plan.partTiles(part));
    b.ifElse(
        b.below(tile, end), [&] { emitTile({part}, tile); },
        [&] { emitPartsFrom(part + 1, b.sub(tile, end)); });
  }

  void emitTile(const Parts &parts, Value tile) {
    LinearTile linearTile{b, plan, bindings, shared, tokenCount, parts, tile};
    b.forRange(b.i32c(0), tokenCount, LinearPlan::tokenTile, [&](Value firstToken) {
      auto emitTokens = [&](int64_t tokens) {
        emitUnits(linearTile, firstToken, tokens);
        b.barrier();
        emitStores(linearTile, firstToken, tokens);
        b.barrier();
      };
      b.ifElse(
          b.equal(b.sub(tokenCount, firstToken), 1), [&] { emitTokens(1); },
          [&] { emitTokens(LinearPlan::tokenTile); });
    });
  }

  /// Where 32 lanes work: a unit's first row, and the slice of K.
  struct Group {
    Value index;    ///< unit * slices + slice.
    Value firstRow; ///< Uniform.
    Value slice;
  };

  /// Finds the lane's unit and slice, and with them its weight and rows.
  void emitUnits(const LinearTile &tile, Value firstToken, int64_t tokens) {
    const int64_t groupsPerWave = plan.waveSize / LinearPlan::unitRows;
    const int64_t wavesPerUnit = plan.slices / groupsPerWave;
    Value wave = b.wave(), unit = b.divU(wave, wavesPerUnit);
    Value groupIndex = b.mul(wave, groupsPerWave);
    if (groupsPerWave > 1)
      groupIndex = b.add(groupIndex, b.divU(b.lane(), LinearPlan::unitRows));
    Group group{groupIndex, b.mul(tile.index, plan.tileRows), b.remU(groupIndex, plan.slices)};
    if (!plan.paired) {
      group.firstRow = b.add(group.firstRow, b.mul(unit, LinearPlan::unitRows));
      unsigned part = tile.parts[0];
      return emitSums(plan.parts[part], weight(part), group, firstToken, tokens);
    }
    bool sameFormat = llvm::all_equal(llvm::map_range(
        plan.parts, [](const WeightShape &shape) { return shape.format; }));
    if (sameFormat) { // one piece of code; the wave picks its weight
      Value chosen = weight(0);
      for (unsigned part = 1; part < plan.parts.size(); ++part)
        chosen = b.select(b.equal(unit, part), weight(part), chosen);
      return emitSums(plan.parts[0], chosen, group, firstToken, tokens);
    }
    for (unsigned part = 0; part < plan.parts.size(); ++part)
      b.ifElse(b.equal(unit, part), [&] {
        emitSums(plan.parts[part], weight(part), group, firstToken, tokens);
      });
  }

  Value weight(unsigned part) { return bindings.operand(plan.op.getWeights()[part]); }

  /// One slice of the dot products of 32 rows with `tokens` tokens.
  void emitSums(const WeightShape &shape, Value weight, const Group &group, Value firstToken,
                int64_t tokens) {
    bool isAligned = plan.tileRows % LinearPlan::unitRows == 0;
    LaneRow row = laneRow(b, shape, weight, group.firstRow, isAligned);
    Value inputs = bindings.operand(plan.op.getInput());
    SmallVector<Value> inputRows;
    Value last = b.sub(tokenCount, b.i32c(1));
    for (int64_t token = 0; token < tokens; ++token) {
      Value clamped = b.minU(b.add(firstToken, token), last);
      inputRows.push_back(b.at(inputs, b.mul(b.toI64(clamped), plan.columns() * 4)));
    }
    // Two sums per token, of even and odd inputs: a multiply-add need not wait for the last one.
    SmallVector<Value> sums(2 * tokens, b.f32c(0));
    sums = b.forCarry(group.slice, b.i32c(shape.chunks()), plan.slices, sums,
                      [&](Value chunk, ValueRange carried) {
                        SmallVector<Value> next(carried);
                        emitChunk(shape, row, inputRows, chunk, shape.chunkElements(), next);
                        return next;
                      });
    if (shape.tailElements() != 0)
      sums = b.choose(
          b.equal(group.slice, shape.chunks() % plan.slices), ValueRange(sums).getTypes(),
          [&] {
            SmallVector<Value> next(sums);
            emitChunk(shape, row, inputRows, b.i32c(shape.chunks()), shape.tailElements(), next);
            return next;
          },
          [&] { return sums; });
    Value lane = b.remU(b.lane(), LinearPlan::unitRows);
    for (int64_t token = 0; token < tokens; ++token) {
      Value sum = b.addF(sums[2 * token], sums[2 * token + 1]);
      Value offset = plan.sumOffset(b, group.index, b.i32c(token), lane, tokens);
      b.store(sum, b.at(shared, offset), 4);
    }
  }

  void emitChunk(const WeightShape &shape, const LaneRow &row, ArrayRef<Value> inputRows,
                 Value chunk, int64_t elements, SmallVector<Value> &sums) {
    WeightChunk weights(b, shape, row, chunk, elements);
    Value offset = b.mul(chunk, shape.chunkElements() * 4);
    SmallVector<Value> inputs, loaded(inputRows.size());
    for (Value inputRow : inputRows)
      inputs.push_back(b.at(inputRow, offset));
    // As many scalars as a token's share of the 100 or so scalar registers allows.
    const int64_t width = inputRows.size() == 1 ? 16 : 8;
    weights.decode([&](int64_t index, Value weight) {
      for (size_t token = 0; token < inputs.size(); ++token) {
        if (index % width == 0)
          loaded[token] = b.loadConstant(b.vectorOf(b.f32, std::min(width, elements - index)),
                                         b.at(inputs[token], index * 4), 4);
        Value &sum = sums[2 * token + index % 2];
        sum = b.fma(weight, b.element(loaded[token], index % width), sum);
      }
    });
  }

  Simt &b;
  const LinearPlan &plan;
  const Bindings &bindings;
  Value shared;
  Value tokenCount;
};

/// What this emitter does not do, as an error.
llvm::Error checkLinear(rt::KernelOp kernel, llm::LinearOp op) {
  auto isF32 = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return !tensor || tensor.getElementType().isF32();
  };
  if (!isF32(op.getInput().getType()) || !llvm::all_of(op.getResultTypes(), isF32))
    return kernelError(kernel, "no emitter yet for int8 activations on GPUs; compile with "
                               "--activations=f32");
  if (llvm::Error error = requireSources(kernel, {rt::Source::RowCount}))
    return error;
  if (op.getRopeAppend())
    return requireSources(kernel, {rt::Source::Positions, rt::Source::KvSlots,
                                   rt::Source::KeyPages, rt::Source::ValuePages});
  return llvm::Error::success();
}

} // namespace

llvm::Expected<KernelBody> planLinear(rt::KernelOp kernel, llm::LinearOp op,
                                      const TargetInfo &target) {
  if (llvm::Error error = checkLinear(kernel, op))
    return error;
  LinearPlan plan;
  plan.op = op;
  plan.paired = op.isPaired();
  plan.waveSize = target.waveSize;
  plan.tileRows = linearTileRows(op, simt32Layout);
  int64_t mostChunks = 1;
  for (Value weight : op.getWeights()) {
    auto type = cast<RankedTensorType>(weight.getType());
    llvm::StringRef name = llm::formatName(type.getElementType());
    WeightShape shape{*formatByName(name), type.getDimSize(0), type.getDimSize(1)};
    mostChunks = std::max<int64_t>(mostChunks,
                                   llvm::divideCeil(shape.columns, shape.chunkElements()));
    plan.parts.push_back(shape);
  }
  constexpr int64_t mostWaves = 16;
  if (plan.units() > mostWaves)
    return kernelError(kernel, "a tile of " + llvm::Twine(plan.units()) +
                                   " times 32 rows does not fit a workgroup of " +
                                   llvm::Twine(mostWaves) + " waves");
  // Eight waves keep some 70 loads of 16 bytes per lane in flight; more where units take them.
  int64_t waves = plan.units() > 2 ? mostWaves : 8, groupsPerWave = plan.waveSize / plan.unitRows;
  plan.slices = std::min<int64_t>(waves / plan.units(), llvm::divideCeil(mostChunks, groupsPerWave));
  plan.slices *= groupsPerWave;

  KernelBody body;
  body.threads = static_cast<unsigned>(plan.threads());
  body.sharedBytes = plan.sharedBytes();
  body.emit = [plan](Simt &b, Value tile, const Bindings &bindings, Value shared) {
    LinearEmitter(b, plan, bindings, shared).emit(tile);
  };
  return body;
}

} // namespace tawny::simt
