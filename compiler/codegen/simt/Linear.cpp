// Skinny linear: N output rows from 1 to 16 tokens of K inputs, weights in their packed format.
//
//   workgroup (tile: 32 rows of part p; a head with rope_append)            grid: tiles of all
//   parts
//     for t0 in tokens step T (T = 8, or 1 where one token is left):
//       32 lanes (unit of 32 rows, slice s of S), lane = row:
//         sums[T] = 0
//         for chunk c = s, s + S, … of K (a block of the format):
//           16-byte loads of the chunk's words           4.5 bits a weight (Q4_K), read once per t0
//           for each weight: decode (2.4 operations), sums[t] += w * x[t, k]   1 operation a token
//         shared[unit][s][t][lane] = sums[t]
//       barrier; thread = (row, t): sum over s, bias, epilogue, store y[t0 + t, row]; barrier
//
// Bytes: packed weights, and x from cache: one address for all lanes of a wave of 32, so through
// the scalar unit; two for a wave of 64. Activations are f32 and so is all arithmetic.
#include "compiler/codegen/simt/Linear.h"
#include "compiler/codegen/simt/Fragments.h"

#include "passes/KernelShapes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {

int64_t LinearPlan::units() const {
  return unitsPerPart() * (paired ? static_cast<int64_t>(parts.size()) : 1);
}

Value LinearPlan::sumOffset(Simt &b, Value group, Value token, Value lane, int64_t tokens) const {
  Value row = b.add(b.mul(group, tokens), token);
  return b.mul(b.add(b.mul(row, unitRows), lane), 4);
}

namespace {

constexpr int64_t mostLanes = 512;         ///< Of a workgroup.
constexpr int64_t mostSharedBytes = 32768; ///< So that two workgroups fit a compute unit.
constexpr int64_t mostDecodeTokens = 32;   ///< A tile of more is cut for prefill.

class LinearEmitter {
public:
  LinearEmitter(Simt &b, const LinearPlan &plan, const Bindings &bindings, Value shared)
      : b(b), plan(plan), op(plan.op), bindings(bindings), shared(shared) {}

  void emit(Value tile) {
    Value count = b.loadConstant(b.i32, bindings.source(rt::Source::RowCount), 4);
    Value rowTile = tile, first = b.i32c(0);
    tokenEnd = count;
    if (plan.tileTokens != 0) {
      const int64_t rowTiles = linearRowTiles(op, plan.tileRows);
      Value tokenTile;
      if (plan.tileTokens > mostDecodeTokens) {
        // Neighbours share a weight, so that it comes from memory once; inputs stay in the cache.
        Value tokenTiles = b.divU(b.add(count, plan.tileTokens - 1), plan.tileTokens);
        rowTile = arith::DivUIOp::create(b, tile, tokenTiles);
        tokenTile = arith::RemUIOp::create(b, tile, tokenTiles);
      } else {
        rowTile = b.remU(tile, rowTiles);
        tokenTile = b.divU(tile, rowTiles);
      }
      first = b.mul(tokenTile, plan.tileTokens);
      tokenEnd = b.minU(b.add(first, plan.tileTokens), count);
    }
    findPart(rowTile);
    if (plan.matrix)
      emitTokens(first, plan.storedTokens());
    else
      emitDotTokens(first);
  }

private:
  /// A token that is left alone after the full register tiles has code of its own. The two are
  /// loops in turn and not branches, or LLVM would move what they have in common ahead of both: a
  /// block's worth of decoded weights.
  void emitDotTokens(Value first) {
    if (plan.tileTokens == 1)
      return b.forRange(first, tokenEnd, 1, [&](Value token) { emitTokens(token, 1); });
    Value rest = b.remU(b.sub(tokenEnd, first), plan.tokenTile());
    Value tiledEnd = b.select(b.equal(rest, 1), b.sub(tokenEnd, b.i32c(1)), tokenEnd);
    b.forRange(first, tiledEnd, plan.tokenTile(),
               [&](Value firstToken) { emitTokens(firstToken, plan.tokenTile()); });
    b.forRange(tiledEnd, tokenEnd, 1, [&](Value token) { emitTokens(token, 1); });
  }

  /// The part that a tile of a concatenated linear belongs to, and its number there.
  void findPart(Value tile) {
    tileOfPart = tile;
    if (plan.paired || plan.parts.size() == 1)
      return;
    tilePart = b.i32c(0);
    int64_t start = 0;
    for (unsigned part = 1; part < plan.parts.size(); ++part) {
      start += plan.partTiles(part - 1);
      Value isBefore = b.below(tile, start);
      tilePart = b.select(isBefore, tilePart, b.i32c(part));
      tileOfPart = b.select(isBefore, tileOfPart, b.add(tile, -start));
    }
  }

  void emitTokens(Value firstToken, int64_t tokens) {
    emitUnit(firstToken, tokens);
    b.barrier();
    LinearTile tile{b, plan, bindings, shared, tokenEnd, /*parts=*/{}, tileOfPart};
    if (plan.paired) {
      llvm::append_range(tile.parts, llvm::seq<unsigned>(0, plan.parts.size()));
      emitStores(tile, firstToken, tokens);
    } else {
      SmallVector<SmallVector<unsigned>> parts;
      for (unsigned part = 0; part < plan.parts.size(); ++part)
        parts.push_back({part});
      chooseAmong(tilePart, parts, [&](ArrayRef<unsigned> chosen) {
        tile.parts.assign(chosen.begin(), chosen.end());
        emitStores(tile, firstToken, tokens);
      });
    }
    b.barrier();
  }

  /// Emits `body` for each of the sets of parts, under the condition that `part` is in it. The sets
  /// are the branches of one decision: were they conditions one after another, LLVM would keep what
  /// one has loaded for the next, in more registers than there are.
  void chooseAmong(Value part, ArrayRef<SmallVector<unsigned>> sets,
                   const std::function<void(ArrayRef<unsigned>)> &body) {
    if (sets.size() == 1)
      return body(sets[0]);
    Value isFirst = b.equal(part, sets[0][0]);
    for (unsigned other : ArrayRef(sets[0]).drop_front())
      isFirst = arith::OrIOp::create(b, isFirst, b.equal(part, other));
    b.ifElse(isFirst, [&] { body(sets[0]); }, [&] { chooseAmong(part, sets.drop_front(), body); });
  }

  /// Finds the unit of 32 lanes and the slice of K, and with them weight and rows. Parts of one
  /// format share their code.
  void emitUnit(Value firstToken, int64_t tokens) {
    const int64_t groupsPerWave = plan.waveSize / plan.groupLanes();
    Value wave = b.wave(), unit;
    LinearGroup group;
    if (plan.tokenGroups() > 1) {
      group.tokenGroup = b.remU(wave, plan.tokenGroups());
      wave = b.divU(wave, plan.tokenGroups());
    }
    unit = b.divU(wave, plan.slices / groupsPerWave);
    group.index = b.mul(wave, groupsPerWave);
    if (groupsPerWave > 1)
      group.index = b.add(group.index, b.divU(b.lane(), LinearPlan::unitRows));
    group.slice = b.remU(group.index, plan.slices);
    Value firstRow = b.mul(tileOfPart, plan.tileRows);
    Value unitOfPart = plan.paired ? b.remU(unit, plan.unitsPerPart()) : unit;
    firstRow = b.add(firstRow, b.mul(unitOfPart, LinearPlan::unitRows));
    group.firstToken = firstToken;
    group.tokenCount = tokenEnd;
    group.inputs = bindings.operand(op.getInput());
    group.shared = shared;

    Value part = plan.paired ? b.divU(unit, plan.unitsPerPart()) : tilePart;
    llvm::MapVector<Format, SmallVector<unsigned>> formats;
    for (auto [index, shape] : llvm::enumerate(plan.parts))
      formats[shape.format].push_back(static_cast<unsigned>(index));
    SmallVector<SmallVector<unsigned>> sets(llvm::make_second_range(formats));
    chooseAmong(part, sets, [&](ArrayRef<unsigned> parts) {
      group.weight = weight(parts[0]);
      group.lastRow = b.i32c(plan.parts[parts[0]].rows - 1);
      for (unsigned other : parts.drop_front()) {
        Value isOther = b.equal(part, other);
        group.weight = b.select(isOther, weight(other), group.weight);
        group.lastRow = b.select(isOther, b.i32c(plan.parts[other].rows - 1), group.lastRow);
      }
      // A unit past the part's last rows computes those again, and stores nothing.
      group.firstRow = firstRow;
      if (llvm::any_of(plan.parts, [&](auto &shape) { return shape.rows % plan.tileRows != 0; })) {
        Value lastUnit = b.mul(b.divU(group.lastRow, LinearPlan::unitRows), LinearPlan::unitRows);
        group.firstRow = b.minU(firstRow, lastUnit);
      }
      if (plan.matrix)
        emitMatrixSums(b, plan, plan.parts[parts[0]], group);
      else
        emitSums(b, plan, plan.parts[parts[0]], group, tokens);
    });
  }

  Value weight(unsigned part) { return bindings.operand(op.getWeights()[part]); }

  Simt &b;
  const LinearPlan &plan;
  llm::LinearOp op;
  const Bindings &bindings;
  Value shared;
  Value tokenEnd;
  Value tilePart;   ///< Null where there is no choice; uniform.
  Value tileOfPart; ///< Uniform.
};

/// What this emitter does not do, as an error.
llvm::Error checkLinear(rt::KernelOp kernel, llm::LinearOp op) {
  auto isFloat = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return !tensor || isa<Float32Type, Float16Type>(tensor.getElementType());
  };
  if (!isFloat(op.getInput().getType()) || !llvm::all_of(op.getResultTypes(), isFloat))
    return kernelError(kernel, "no emitter yet for int8 activations on GPUs; compile with "
                               "--activations=f16");
  if (llvm::Error error = requireSources(kernel, {rt::Source::RowCount}))
    return error;
  if (op.getRopeAppend())
    return requireSources(kernel, {rt::Source::Positions, rt::Source::KvSlots, rt::Source::KeyPages,
                                   rt::Source::ValuePages});
  return llvm::Error::success();
}

/// Cuts K into slices: as many waves as a workgroup has use for. 512 lanes leave each of them 128
/// vector registers on every chip; eight waves keep some 70 loads of 16 bytes per lane in flight;
/// more waves where units take them. A lone unit of warps, whose columns are 8, has few loads in
/// each and wants all sixteen: 4096 x 11008 by one token takes 17 us instead of 24 in Q4_K and 30
/// instead of 46 in Q8_0 (H100); two units, the pair of 11008 x 4096, take 30 instead of 26.
void sliceColumns(LinearPlan &plan) {
  int64_t mostChunks = 1;
  for (const WeightShape &shape : plan.parts) {
    int64_t chunk = plan.matrix ? matrixChunk(shape) : shape.chunkElements();
    mostChunks = std::max<int64_t>(mostChunks, llvm::divideCeil(shape.columns, chunk));
  }
  if (plan.matrix && plan.tileTokens > mostDecodeTokens) {
    plan.slices = 1;
    return;
  }
  const bool isLoneWarpUnit = plan.units() == 1 && plan.matrix && plan.matrix->columns == 8;
  const int64_t mostWaves = mostLanes / plan.waveSize;
  const int64_t waves = plan.units() > 2 || isLoneWarpUnit ? mostWaves : 8;
  const int64_t groupsPerWave = plan.waveSize / plan.groupLanes();
  plan.slices =
      std::min<int64_t>(waves / plan.units(), llvm::divideCeil(mostChunks, groupsPerWave));
  if (!plan.matrix) {
    // Two slices at least: with one, LLVM would know the chunk and share its inputs between parts,
    // in more registers than there are.
    plan.slices = std::max<int64_t>(plan.slices * groupsPerWave, 2);
    return;
  }
  plan.slices = std::max<int64_t>(plan.slices, 1);
  while (plan.slices > 1 && plan.sharedBytes() > mostSharedBytes)
    plan.slices /= 2;
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
  const TileShape tile = linearTileOf(kernel);
  plan.tileRows = tile.rows;
  plan.tileTokens = tile.tokens;
  plan.halfInputs = cast<RankedTensorType>(op.getInput().getType()).getElementType().isF16();
  for (Value weight : op.getWeights()) {
    auto type = cast<RankedTensorType>(weight.getType());
    llvm::StringRef name = llm::formatName(type.getElementType());
    plan.parts.push_back({*formatByName(name), type.getDimSize(0), type.getDimSize(1)});
  }
  // One token would fill a sixteenth of a unit of 16 columns; there the loop over lanes does less
  // and waits for the same bytes.
  std::optional<Matrix> matrix = Matrix::of(target);
  if (matrix && plan.halfInputs && plan.tileTokens > (matrix->columns > 8 ? 1 : 0) &&
      llvm::all_of(plan.parts, fitsMatrix))
    plan.matrix = matrix;
  if (plan.units() > mostLanes / plan.waveSize)
    return kernelError(kernel, "a tile of " + llvm::Twine(plan.units()) +
                                   " times 32 rows does not fit a workgroup of " +
                                   llvm::Twine(mostLanes / plan.waveSize) + " waves");
  sliceColumns(plan);

  KernelBody body;
  body.threads = static_cast<unsigned>(plan.threads());
  body.sharedBytes = plan.sharedBytes();
  // Sums of several column tiles, a run of weights and the inputs on their way: up to 179 registers
  // on RDNA 3, which chips with 1024 of them on a SIMD (gfx1103, gfx1150) do not have eight times.
  if (plan.matrix && plan.waveSize == 32 && plan.registerTokens() > plan.matrix->columns)
    body.laneRegisters = 200;
  body.emit = [plan](Simt &b, Value tile, const Bindings &bindings, Value shared) {
    LinearEmitter(b, plan, bindings, shared).emit(tile);
  };
  return body;
}

} // namespace tawny::simt
