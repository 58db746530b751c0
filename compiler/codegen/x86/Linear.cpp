// Linears: one tile is `tile_rows` rows of one part (of all parts, if they are paired).
//
//   for tokens [t, t + c) in chunks of 8, 4, 2, 1
//     for part in the tile's parts, for group of 16 rows: acc[part][c][rows] = dot(...)
//     epilogue of c tokens x rows from acc: store, or round to a8, or rotate and append
//
// Weights come from memory once: a tile (16 rows of 4096 Q4_K weights are 36 KiB) stays in the
// second cache while the chunks pass over it. Operations: 2 rows columns tokens.
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
  void emitChunk(const Tile &tile, Value token, unsigned tokens);
  void emitDots(const Tile &tile, Value token, unsigned tokens);
  void storeRows(const Tile &tile, Value outputRow, Value token, Value accRow);
  void storeQuantisedRows(const Tile &tile, Value outputRow, Value token, Value accRow);
  void ropeAppend(const Tile &tile, Value token, Value accRow);
  void addBias(const Tile &tile, Value accRow);
  Value epilogueVector(const Tile &tile, Value token, Value accRow, Value column, Value count);
  Value accAddress(unsigned slot, Value token) {
    return b.at(acc, b.add(b.mul(token, tileRows * 4), slot * maxTokens() * tileRows * 4));
  }
  int64_t maxTokens() { return context.dots.tokenChunks().front(); }

  KernelContext &context;
  Simd &b;
  llm::LinearOp op;
  int64_t columns;
  bool quantised;
  int64_t tileRows;
  Value acc;     ///< f32 [parts of the tile][tokens][tileRows]
  Value rotated; ///< f32 [tileRows], for rope_append
};

void LinearEmitter::emit() {
  unsigned parts = static_cast<unsigned>(op.getWeights().size());
  unsigned slots = op.isPaired() ? parts : 1;
  acc = b.scratch(slots * maxTokens() * tileRows * 4);
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

void LinearEmitter::emitTile(Tile tile) {
  tile.firstRow = b.mul(tile.index, tileRows);
  Value rowCount = context.rowCount(), begin = b.i64c(0);
  for (unsigned tokens : context.dots.tokenChunks()) {
    Value end = rowCount;
    if (tokens > 1)
      end = b.add(begin, b.mul(b.divU(b.sub(rowCount, begin), tokens), tokens));
    b.forRange(begin, end, tokens, [&](Value token) { emitChunk(tile, token, tokens); });
    begin = end;
  }
}

void LinearEmitter::emitChunk(const Tile &tile, Value token, unsigned tokens) {
  emitDots(tile, token, tokens);
  b.forRange(b.i64c(0), b.i64c(tokens), 1, [&](Value within) {
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

void LinearEmitter::emitDots(const Tile &tile, Value token, unsigned tokens) {
  int64_t rowBytes = activationRowBytes(op.getInput());
  Value x = b.at(context.operand(op.getInput()), b.mul(token, rowBytes));
  int64_t groupsInTile = tileRows / lanes, groups = (tile.rows + lanes - 1) / lanes;
  Value firstGroup = b.mul(tile.index, groupsInTile);
  Value count = b.minU(b.i64c(groupsInTile), b.sub(b.i64c(groups), firstGroup));
  for (auto [slot, part] : llvm::enumerate(tile.parts)) {
    Value weight = op.getWeights()[part];
    Format format = formatOf(weight);
    int64_t bytes = static_cast<int64_t>(
        tileBytes(simd16Layout, formatInfo(format), static_cast<uint64_t>(columns)));
    auto dot = context.dots.get(format, quantised, tokens);
    Value first = b.at(context.operand(weight), b.mul(firstGroup, bytes));
    b.forRange(b.i64c(0), count, 1, [&](Value group) {
      Value out = b.at(accAddress(static_cast<unsigned>(slot), b.i64c(0)), b.mul(group, lanes * 4));
      func::CallOp::create(b, dot,
                           ValueRange{b.at(first, b.mul(group, bytes)), b.i64c(columns), x,
                                      b.i64c(rowBytes), out, b.i64c(tileRows * 4)});
    });
  }
}

void LinearEmitter::addBias(const Tile &tile, Value accRow) {
  for (auto [slot, part] : llvm::enumerate(tile.parts)) {
    Value bias = op.biasOf(part);
    if (!bias)
      continue;
    Value source = context.operand(bias);
    Value row = b.at(accRow, static_cast<int64_t>(slot) * maxTokens() * tileRows * 4);
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
    int64_t offset = slot * maxTokens() * tileRows * 4;
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
