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
      .Case([](llm::AttentionOp) {
        return Sources{rt::Source::AttentionBlocks, rt::Source::BlockTables};
      })
      .Case([](llm::LogitRowsOp) { return Sources{rt::Source::LogitRows}; })
      .Default([](Operation *) { return Sources{}; });
}

/// What an op does to the pages of its KV layer, if it has one.
std::optional<rt::Access> pageAccess(Operation *op) {
  if (isa<llm::AttentionOp>(op))
    return rt::Access::Read;
  if (llvm::any_of(op->getResultTypes(), llvm::IsaPred<llm::KvType>))
    return rt::Access::ReadWrite;
  return std::nullopt;
}

} // namespace

int64_t linearTileRows(llm::LinearOp linear, const LayoutInfo &layout) {
  if (std::optional<llm::RopeAttr> rope = linear.getRopeAppend())
    return rope->getHeadDim();
  bool writesInt8 = llvm::any_of(linear.getResultTypes(), [](Type type) {
    return isa<llm::A8Type>(cast<RankedTensorType>(type).getElementType());
  });
  int64_t rows = layout.tileRows;
  return writesInt8 ? llvm::alignTo(rows, ActivationRow::groupElements) : rows;
}

int64_t linearTiles(llm::LinearOp linear, int64_t tileRows) {
  if (linear.isPaired())
    return llvm::divideCeil(linear.partRows(0), tileRows);
  int64_t tiles = 0;
  for (unsigned part = 0; part < linear.getWeights().size(); ++part)
    tiles += llvm::divideCeil(linear.partRows(part), tileRows);
  return tiles;
}

KernelShape kernelShape(Operation *op, const LayoutInfo &layout, rt::Extent rows) {
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
    shape.tileRows = linearTileRows(linear, layout);
    grid(linearTiles(linear, shape.tileRows), rt::Extent::One);
  } else if (auto attention = dyn_cast<llm::AttentionOp>(op)) {
    grid(cast<llm::KvType>(attention.getKv().getType()).getHeads(), rt::Extent::AttentionBlocks);
  } else {
    grid(1, rows);
  }
  return shape;
}

} // namespace tawny
