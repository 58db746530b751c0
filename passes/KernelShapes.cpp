#include "passes/KernelShapes.h"

#include "dialects/formats/Activations.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny {
namespace {

/// The arrays of the step table that an op reads, besides the row count.
SmallVector<rt::Source> stepArrays(Operation *op) {
  using Sources = SmallVector<rt::Source>;
  return llvm::TypeSwitch<Operation *, Sources>(op)
      .Case([](llm::EmbedOp) { return Sources{rt::Source::Tokens}; })
      .Case([](llm::RopeOp) { return Sources{rt::Source::Positions}; })
      .Case([](llm::KvAppendOp) { return Sources{rt::Source::KvSlots}; })
      .Case([](llm::LinearOp linear) {
        return linear.getRopeAppend() ? Sources{rt::Source::Positions, rt::Source::KvSlots}
                                      : Sources{};
      })
      .Case<llm::AttentionOp, llm::AttentionPartOp>(
          [](auto) { return Sources{rt::Source::AttentionBlocks, rt::Source::BlockTables}; })
      .Case([](llm::LogitRowsOp) { return Sources{rt::Source::LogitRows}; })
      .Default([](Operation *) { return Sources{}; });
}

/// What an op does to the pages of its KV layer, if it has one.
std::optional<rt::Access> pageAccess(Operation *op) {
  if (isa<llm::AttentionOp, llm::AttentionPartOp>(op))
    return rt::Access::Read;
  if (llvm::any_of(op->getResultTypes(), llvm::IsaPred<llm::KvType>))
    return rt::Access::ReadWrite;
  return std::nullopt;
}

} // namespace

/// A GPU's tile. One token is a kernel of its own on most chips; 16 and 32 suit the batches that
/// are decoded together; 64 tokens by 128 rows (of gate and up together) are as many sums as a lane
/// has registers for, and read 4 bytes for 64 operations.
static TileShape gpuTile(llm::LinearOp linear, const LayoutInfo &layout, int64_t mostRows) {
  constexpr int64_t stepTokens = 64, stepRows = 128;
  TileShape tile;
  tile.tokens = mostRows == 1 ? 1 : mostRows <= 16 ? 16 : mostRows <= 32 ? 32 : stepTokens;
  tile.rows = layout.tileRows;
  if (tile.tokens == stepTokens)
    tile.rows = linear.isPaired() ? stepRows / int64_t(linear.getWeights().size()) : stepRows;
  tile.rows = std::max<int64_t>(tile.rows / layout.tileRows, 1) * layout.tileRows;
  if (std::optional<llm::RopeAttr> rope = linear.getRopeAppend())
    tile.rows = std::max<int64_t>(tile.rows / rope->getHeadDim(), 1) * rope->getHeadDim();
  return tile;
}

TileShape linearTile(llm::LinearOp linear, const LayoutInfo &layout, int64_t mostRows) {
  if (layout.name == simt32Layout.name)
    return gpuTile(linear, layout, mostRows);
  if (std::optional<llm::RopeAttr> rope = linear.getRopeAppend())
    return {rope->getHeadDim(), 0};
  auto isInt8 = [](Type type) {
    return isa<llm::A8Type>(cast<RankedTensorType>(type).getElementType());
  };
  int64_t rows = layout.tileRows;
  if (isInt8(linear.getInput().getType()) || llvm::any_of(linear.getResultTypes(), isInt8))
    rows = int64_t(llvm::alignTo(rows, ActivationRow::groupElements));
  return {rows, 0};
}

TileShape linearTileOf(rt::KernelOp kernel) {
  TileShape tile;
  if (DictionaryAttr resources = kernel.getResourcesAttr()) {
    if (auto rows = resources.getAs<IntegerAttr>("tile_rows"))
      tile.rows = rows.getInt();
    if (auto tokens = resources.getAs<IntegerAttr>("tile_tokens"))
      tile.tokens = tokens.getInt();
  }
  return tile;
}

int64_t linearRowTiles(llm::LinearOp linear, int64_t tileRows) {
  if (linear.isPaired())
    return llvm::divideCeil(linear.partRows(0), tileRows);
  int64_t tiles = 0;
  for (unsigned part = 0; part < linear.getWeights().size(); ++part)
    tiles += llvm::divideCeil(linear.partRows(part), tileRows);
  return tiles;
}

rt::GridAttr linearGrid(llm::LinearOp linear, const TileShape &tile, rt::Extent rows) {
  int64_t rowTiles = linearRowTiles(linear, tile.rows);
  if (tile.tokens == 0)
    return rt::GridAttr::get(linear.getContext(), rowTiles, rt::Extent::One, /*divisor=*/1);
  return rt::GridAttr::get(linear.getContext(), rowTiles, rows, tile.tokens);
}

static DictionaryAttr resourcesOf(MLIRContext *context, const TileShape &tile) {
  Builder builder(context);
  SmallVector<NamedAttribute> entries{
      builder.getNamedAttr("tile_rows", builder.getI64IntegerAttr(tile.rows))};
  if (tile.tokens != 0)
    entries.push_back(builder.getNamedAttr("tile_tokens", builder.getI64IntegerAttr(tile.tokens)));
  return builder.getDictionaryAttr(entries);
}

KernelShape kernelShape(Operation *op, const LayoutInfo &layout, rt::Extent rows,
                        int64_t mostRows) {
  MLIRContext *context = op->getContext();
  KernelShape shape;
  auto bind = [&](rt::Source source, int64_t index, rt::Access access) {
    shape.bindings.push_back(rt::ArgumentAttr::get(context, source, index, access));
  };
  bind(rt::Source::RowCount, 0, rt::Access::Read);
  for (rt::Source source : stepArrays(op))
    bind(source, 0, rt::Access::Read);
  if (std::optional<rt::Access> access = pageAccess(op)) {
    bind(rt::Source::KeyPages, 0, *access);
    bind(rt::Source::ValuePages, 0, *access);
  }
  for (auto [index, type] : llvm::enumerate(op->getOperandTypes()))
    if (isa<TensorType>(type))
      bind(rt::Source::Operand, index, rt::Access::Read);
  for (auto [index, type] : llvm::enumerate(op->getResultTypes()))
    if (isa<TensorType>(type))
      bind(rt::Source::Result, index, rt::Access::Write);

  auto grid = [&](int64_t fixed, rt::Extent extent) {
    shape.grid = rt::GridAttr::get(context, fixed, extent, /*divisor=*/1);
  };
  if (auto linear = dyn_cast<llm::LinearOp>(op)) {
    shape.tile = linearTile(linear, layout, mostRows);
    shape.resources = resourcesOf(context, shape.tile);
    shape.grid = linearGrid(linear, shape.tile, rows);
  } else if (auto attention = dyn_cast<llm::AttentionOp>(op)) {
    grid(cast<llm::KvType>(attention.getKv().getType()).getHeads(), rt::Extent::AttentionBlocks);
  } else if (auto part = dyn_cast<llm::AttentionPartOp>(op)) {
    int64_t heads = cast<llm::KvType>(part.getKv().getType()).getHeads();
    grid(heads * static_cast<int64_t>(part.getSplits()), rt::Extent::AttentionBlocks);
  } else if (auto merge = dyn_cast<llm::AttentionMergeOp>(op)) {
    grid(merge.getHeads(), rows);
  } else {
    grid(1, rows);
  }
  return shape;
}

} // namespace tawny
