// Linears: one tile is `tile_rows` rows of one part (of all parts, if they are paired).
//
// Few tokens, or floats, whose weights are decoded as they are multiplied:
//
//   for tokens [t, t + c) in chunks of 8, 4, 2, 1
//     for part in the tile's parts, for group of 16 rows: acc[part][c][rows] = dot(...)
//     epilogue of c tokens x rows from acc: store, or round to a8, or rotate and append
//
// Many tokens of a8 (StagedKernels.h):
//
//   for up to 192 tokens
//     for part, for pair of groups of 16 rows, for 512 columns
//       decode the weights into the stage; for tokens in chunks of 6, 2, 1: multiply, add to acc
//     epilogue
//
// Weights come from memory once: a tile (32 rows of 4096 Q4_K weights are 72 KiB) stays in the
// second cache while the tokens pass over it. Operations: 2 rows columns tokens.
#include "compiler/codegen/x86/KernelContext.h"

#include "dialects/formats/Activations.h"
#include "dialects/formats/Layouts.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

class LinearEmitter {
public:
  explicit LinearEmitter(KernelContext &context)
      : context(context), b(context.b), op(cast<llm::LinearOp>(context.op)),
        columns(columnsOf(op.getInput())), quantised(isQuantised(op.getInput())) {
    auto resources = context.kernel.getResources();
    tileRows = cast<IntegerAttr>(resources->get("tile_rows")).getInt();
    bool floats = llvm::any_of(op.getWeights(),
                               [](Value weight) { return formatInfo(formatOf(weight)).isFloat(); });
    stages = quantised && !floats;
    accRows = static_cast<int64_t>(
        llvm::alignTo(static_cast<uint64_t>(tileRows),
                      static_cast<uint64_t>(lanes * (stages ? context.staged.rowGroups() : 1))));
  }

  void emit();

private:
  /// The parts of one tile: all of a paired linear's, one of a concatenated one's.
  struct Tile {
    SmallVector<unsigned> parts;
    Value index;  ///< Of the tile within its part, i64.
    int64_t rows; ///< Of the part.
    Value firstRow;
  };

  void emitTile(Tile tile);
  void emitDirect(const Tile &tile);
  void emitDots(const Tile &tile, Value token, unsigned tokens);
  void emitStaged(const Tile &tile);
  void emitStagedProducts(const Tile &tile, Value token, Value tokens);
  void emitStage(Value weight, Value first, Value last, Value column, Value staged);
  void emitMultiplies(Value weight, Value first, Value last, Value column, Value staged,
                      Value token, Value tokens, Value sums);
  void emitEpilogue(const Tile &tile, Value token, Value tokens);
  /// How many groups of 16 rows of its part the tile has, and the first of them.
  Value groupCount(const Tile &tile, Value firstGroup);
  Value inputRow(Value token) {
    return b.at(context.operand(op.getInput()), b.mul(token, activationRowBytes(op.getInput())));
  }
  /// Splits [0, count) into runs of whole chunks, the longest first.
  void forChunks(Value count, ArrayRef<unsigned> chunks,
                 const std::function<void(Value token, unsigned tokens)> &body);
  void storeRows(const Tile &tile, Value outputRow, Value token, Value accRow);
  void storeQuantisedRows(const Tile &tile, Value outputRow, Value token, Value accRow);
  void ropeAppend(const Tile &tile, Value token, Value accRow);
  void addBias(const Tile &tile, Value accRow);
  Value epilogueVector(const Tile &tile, Value token, Value accRow, Value column, Value count);
  Value accAddress(unsigned slot, Value token) {
    return b.at(acc, b.add(b.mul(token, accRows * 4), slot * slotBytes()));
  }
  int64_t directTokens() { return context.dots.tokenChunks().front(); }
  int64_t slotBytes() { return (stages ? stagedTokens : directTokens()) * accRows * 4; }

  /// Up to this many tokens weights are decoded for each chunk of them, beside the products, rather
  /// than staged: 32 tokens of TinyLlama in Q4_K_M then take 0.93 of the time, 64 the same (Zen 4).
  static constexpr int64_t mostDirectTokens = 32;
  /// Rows of activations that pass over a stage: enough that decoding it is a small part, while
  /// their sums, 24 KiB for 32 rows, stay near.
  static constexpr int64_t stagedTokens = 192;

  KernelContext &context;
  Simd &b;
  llm::LinearOp op;
  int64_t columns;
  bool quantised;
  bool stages; ///< Many tokens go through a stage.
  int64_t tileRows;
  int64_t accRows;      ///< tileRows, or as many more as row groups are multiplied at once.
  Value acc;            ///< f32 [parts of the tile][tokens][accRows]
  Value codes, factors; ///< The stage.
  Value rotated;        ///< f32 [tileRows], for rope_append
};

void LinearEmitter::emit() {
  unsigned parts = static_cast<unsigned>(op.getWeights().size());
  unsigned slots = op.isPaired() ? parts : 1;
  acc = b.scratch(slots * slotBytes());
  if (stages) {
    int64_t bytes = 0;
    for (Value weight : op.getWeights())
      bytes = std::max(bytes, StagedKernels::factorsBytes(formatInfo(formatOf(weight))));
    codes = b.scratch(context.staged.rowGroups() * StagedKernels::codesBytes());
    factors = b.scratch(context.staged.rowGroups() * bytes);
  }
  if (op.getRopeAppend())
    rotated = b.scratch(tileRows * 4);
  if (op.isPaired() || parts == 1) {
    auto all = llvm::to_vector(llvm::seq(0u, parts));
    return emitTile({all, context.tile, op.outputRows(), {}});
  }
  // A concatenated linear's tiles count through its parts.
  std::function<void(unsigned, Value)> emitPart = [&](unsigned part, Value index) {
    if (part + 1 == parts)
      return emitTile({{part}, index, op.partRows(part), {}});
    Value tiles = b.i64c((op.partRows(part) + tileRows - 1) / tileRows);
    b.ifElse(
        b.lessThan(index, tiles), [&] { emitTile({{part}, index, op.partRows(part), {}}); },
        [&] { emitPart(part + 1, b.sub(index, tiles)); });
  };
  emitPart(0, context.tile);
}

void LinearEmitter::forChunks(Value count, ArrayRef<unsigned> chunks,
                              const std::function<void(Value, unsigned)> &body) {
  Value begin = b.i64c(0);
  for (unsigned tokens : chunks) {
    Value end = count;
    if (tokens > 1)
      end = b.add(begin, b.mul(b.divU(b.sub(count, begin), tokens), tokens));
    b.forRange(begin, end, tokens, [&](Value token) { body(token, tokens); });
    begin = end;
  }
}

void LinearEmitter::emitTile(Tile tile) {
  tile.firstRow = b.mul(tile.index, tileRows);
  if (!stages)
    return emitDirect(tile);
  b.ifElse(
      b.lessThan(b.i64c(mostDirectTokens), context.rowCount()), [&] { emitStaged(tile); },
      [&] { emitDirect(tile); });
}

void LinearEmitter::emitDirect(const Tile &tile) {
  forChunks(context.rowCount(), context.dots.tokenChunks(), [&](Value token, unsigned tokens) {
    emitDots(tile, token, tokens);
    emitEpilogue(tile, token, b.i64c(tokens));
  });
}

void LinearEmitter::emitEpilogue(const Tile &tile, Value token, Value tokens) {
  b.forRange(b.i64c(0), tokens, 1, [&](Value within) {
    Value accRow = accAddress(0, within), row = b.add(token, within);
    addBias(tile, accRow);
    if (op.getRopeAppend())
      return ropeAppend(tile, row, accRow);
    unsigned part = tile.parts.front();
    Value result = context.result(op.isPaired() ? 0 : part);
    Value resultValue = op.getResults()[op.isPaired() ? 0 : part];
    Value output = b.at(result, b.mul(row, activationRowBytes(resultValue)));
    if (isQuantised(resultValue))
      storeQuantisedRows(tile, output, row, accRow);
    else
      storeRows(tile, output, row, accRow);
  });
}

Value LinearEmitter::groupCount(const Tile &tile, Value firstGroup) {
  int64_t groups = (tile.rows + lanes - 1) / lanes;
  return b.minU(b.i64c(tileRows / lanes), b.sub(b.i64c(groups), firstGroup));
}

/// Bytes of the tile of layout simd16 that holds 16 rows of a weight.
static int64_t rowGroupBytes(Value weight) {
  return static_cast<int64_t>(tileBytes(simd16Layout, formatInfo(formatOf(weight)),
                                        static_cast<uint64_t>(columnsOf(weight))));
}

void LinearEmitter::emitDots(const Tile &tile, Value token, unsigned tokens) {
  Value x = inputRow(token);
  Value firstGroup = b.mul(tile.index, tileRows / lanes);
  Value count = groupCount(tile, firstGroup);
  for (auto [slot, part] : llvm::enumerate(tile.parts)) {
    Value weight = op.getWeights()[part];
    int64_t bytes = rowGroupBytes(weight);
    auto dot = context.dots.get(formatOf(weight), quantised, tokens);
    Value first = b.at(context.operand(weight), b.mul(firstGroup, bytes));
    b.forRange(b.i64c(0), count, 1, [&](Value group) {
      Value out = b.at(accAddress(static_cast<unsigned>(slot), b.i64c(0)), b.mul(group, lanes * 4));
      func::CallOp::create(b, dot,
                           ValueRange{b.at(first, b.mul(group, bytes)), b.i64c(columns), x,
                                      b.i64c(activationRowBytes(op.getInput())), out,
                                      b.i64c(accRows * 4)});
    });
  }
}

void LinearEmitter::emitStaged(const Tile &tile) {
  Value rowCount = context.rowCount();
  b.forRange(b.i64c(0), rowCount, stagedTokens, [&](Value token) {
    Value tokens = b.minU(b.i64c(stagedTokens), b.sub(rowCount, token));
    emitStagedProducts(tile, token, tokens);
    emitEpilogue(tile, token, tokens);
  });
}

void LinearEmitter::emitStagedProducts(const Tile &tile, Value token, Value tokens) {
  Value firstGroup = b.mul(tile.index, tileRows / lanes);
  Value lastGroup = b.sub(groupCount(tile, firstGroup), b.i64c(1));
  for (auto [slot, part] : llvm::enumerate(tile.parts)) {
    Value weight = op.getWeights()[part];
    Value sums = accAddress(static_cast<unsigned>(slot), b.i64c(0));
    b.forRange(b.i64c(0), b.mul(tokens, accRows * 4), lanes * 4,
               [&](Value offset) { b.store(b.f32s(0), b.at(sums, offset), 64); });
    Value weights = b.at(context.operand(weight), b.mul(firstGroup, rowGroupBytes(weight)));
    b.forRange(b.i64c(0), b.add(lastGroup, 1), context.staged.rowGroups(), [&](Value group) {
      b.forRange(b.i64c(0), b.i64c(columns), stageColumns, [&](Value column) {
        Value staged = b.minU(b.i64c(stageColumns), b.sub(b.i64c(columns), column));
        Value first = b.at(weights, b.mul(group, rowGroupBytes(weight)));
        Value last = b.sub(lastGroup, group);
        emitStage(weight, first, last, column, staged);
        emitMultiplies(weight, first, last, column, staged, token, tokens,
                       b.at(sums, b.mul(group, lanes * 4)));
      });
    });
  }
}

void LinearEmitter::emitStage(Value weight, Value first, Value last, Value column, Value staged) {
  const FormatInfo &format = formatInfo(formatOf(weight));
  for (int64_t r = 0; r < context.staged.rowGroups(); ++r) {
    // Behind the last group of rows it comes once more, for sums that nobody reads.
    Value tile = b.at(first, b.mul(b.minU(b.i64c(r), last), rowGroupBytes(weight)));
    func::CallOp::create(b, context.staged.stage(format.format),
                         ValueRange{tile, b.divU(column, format.blockElements),
                                    b.divU(staged, format.blockElements),
                                    b.at(codes, r * StagedKernels::codesBytes()),
                                    b.at(factors, r * StagedKernels::factorsBytes(format))});
  }
}

void LinearEmitter::emitMultiplies(Value weight, Value first, Value last, Value column,
                                   Value staged, Value token, Value tokens, Value sums) {
  const FormatInfo &format = formatInfo(formatOf(weight));
  Value x = inputRow(token);
  Value rowBytes = b.i64c(activationRowBytes(op.getInput())), accStride = b.i64c(accRows * 4);
  // What the next stage decodes is asked for meanwhile, its row groups in turn.
  int64_t groups = context.staged.rowGroups();
  Value nextBlock = b.divU(b.add(column, staged), format.blockElements);
  Value next = TileBlock::at(b, format, first, nextBlock).words;
  Value stageBytes = b.mul(b.divU(staged, format.blockElements),
                           static_cast<int64_t>(OrderedBlocks(format).pairBytes() / 2));
  auto chunks = context.staged.tokenChunks(format.format);
  forChunks(tokens, chunks, [&](Value begin, unsigned count) {
    Value call = b.divU(begin, chunks.front());
    Value group = b.minU(b.remU(call, groups), last);
    Value done = b.mul(b.divU(call, groups), StagedKernels::prefetchedBytes);
    Value prefetched =
        b.at(b.at(next, b.mul(group, rowGroupBytes(weight))), b.minU(done, stageBytes));
    func::CallOp::create(b, context.staged.multiply(format.format, count),
                         ValueRange{codes, factors, staged, b.i64c(columns), column,
                                    b.at(x, b.mul(begin, rowBytes)), rowBytes,
                                    b.at(sums, b.mul(begin, accStride)), accStride, prefetched});
  });
}

void LinearEmitter::addBias(const Tile &tile, Value accRow) {
  for (auto [slot, part] : llvm::enumerate(tile.parts)) {
    Value bias = op.biasOf(part);
    if (!bias)
      continue;
    Value source = context.operand(bias);
    Value row = b.at(accRow, static_cast<int64_t>(slot) * slotBytes());
    b.forRange(b.i64c(0), b.i64c(tileRows), lanes, [&](Value column) {
      Value at = b.add(tile.firstRow, column);
      Value values = b.loadFirst(b.at(source, b.mul(at, 4)), b.sub(b.i64c(tile.rows), at));
      Value address = b.at(row, b.mul(column, 4));
      b.store(b.addF(b.load(b.f32x16, address, 4), values), address, 4);
    });
  }
}

Value LinearEmitter::epilogueVector(const Tile &tile, Value token, Value accRow, Value column,
                                    Value count) {
  SmallVector<Value> inputs;
  for (unsigned slot = 0; slot < tile.parts.size(); ++slot) {
    int64_t offset = slot * slotBytes();
    inputs.push_back(b.load(b.f32x16, b.at(b.at(accRow, b.mul(column, 4)), offset), 4));
  }
  if (op.getEpilogue().empty())
    return inputs.front();
  for (Value read : op.getReads()) {
    Value row = b.at(context.operand(read), b.mul(token, activationRowBytes(read)));
    Value at = b.add(tile.firstRow, column);
    inputs.push_back(b.loadFirst(b.at(row, b.mul(at, 4)), count));
  }
  Block &block = op.getEpilogue().front();
  IRMapping values;
  values.map(block.getArguments(), inputs);
  for (Operation &inner : block.without_terminator())
    vectorise(b, &inner, values);
  return values.lookup(cast<llm::YieldOp>(block.getTerminator()).getValue());
}

void LinearEmitter::storeRows(const Tile &tile, Value output, Value token, Value accRow) {
  bool whole = tile.rows % tileRows == 0 && tileRows % lanes == 0;
  b.forRange(b.i64c(0), b.i64c(tileRows), lanes, [&](Value column) {
    Value at = b.add(tile.firstRow, column), count = b.sub(b.i64c(tile.rows), at);
    Value y = epilogueVector(tile, token, accRow, column, count);
    Value address = b.at(output, b.mul(at, 4));
    if (whole)
      b.store(y, address, 4);
    else
      b.storeFirst(y, address, count);
  });
}

void LinearEmitter::storeQuantisedRows(const Tile &tile, Value output, Value token, Value accRow) {
  // Columns of a8 are a multiple of 32, so a group of 32 is either whole or absent.
  b.forRange(b.i64c(0), b.i64c(tileRows), 32, [&](Value column) {
    Value at = b.add(tile.firstRow, column);
    b.ifElse(b.lessThan(at, b.i64c(tile.rows)), [&] {
      Value count = b.i64c(lanes);
      Value first = epilogueVector(tile, token, accRow, column, count);
      Value second = epilogueVector(tile, token, accRow, b.add(column, lanes), count);
      storeQuantised(b, output, tile.rows, at, first, second);
    });
  });
}

void LinearEmitter::ropeAppend(const Tile &tile, Value token, Value accRow) {
  auto rope = *op.getRopeAppend();
  auto kv = cast<llm::KvType>(op.getResults().back().getType());
  unsigned part = tile.parts.front();
  Value position = b.loadIndex(b.at(context.binding(rt::Source::Positions), b.mul(token, 4)));
  if (part == 0) {
    Value output = b.at(context.result(0), b.mul(token, op.partRows(0) * 4));
    return rotateHead(context, rope, accRow, b.at(output, b.mul(tile.firstRow, 4)), position);
  }
  Value slot = b.loadIndex(b.at(context.binding(rt::Source::KvSlots), b.mul(token, 4)));
  if (part == 2)
    return appendValueHead(context, kv, accRow, slot, tile.index);
  rotateHead(context, rope, accRow, rotated, position);
  appendKeyHead(context, kv, rotated, slot, tile.index);
}

} // namespace

void emitLinear(KernelContext &context) { LinearEmitter(context).emit(); }

} // namespace tawny::x86
