// The verifier of llm.linear, under the labels of LlmOps.td.
#include "dialects/llm/Llm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace tawny::llm {

/// linear_c1 and linear_c2: the parts and the rows that they cover.
static LogicalResult verifyParts(LinearOp op) {
  // linear_c1
  ArrayRef<int64_t> firstRows = op.getFirstRows();
  if (op.getWeights().empty())
    return op.emitOpError("expects at least one weight");
  if (firstRows.size() != op.getWeights().size())
    return op.emitOpError("expects one first row for each of ")
           << op.getWeights().size() << " weights, found " << firstRows.size();
  int64_t columns = columnsOf(op.getInput());
  for (Value weight : op.getWeights()) {
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    if (!type || !type.hasStaticShape() || type.getRank() != 2 || type.getDimSize(1) != columns)
      return op.emitOpError("expects weights of ")
             << columns << " columns, as the input has, found " << weight.getType();
  }
  // linear_c2
  int64_t next = 0;
  for (auto [part, first] : llvm::enumerate(firstRows)) {
    if (op.isPaired() ? first != 0 || op.partRows(part) != op.partRows(0) : first != next)
      return op.emitOpError("expects parts that cover the same rows from 0, or tile the rows from "
                            "0 without a gap; part ")
             << part << " covers [" << first << ", " << first + op.partRows(part) << ")";
    next += op.partRows(part);
  }
  return success();
}

static LogicalResult verifyBiases(LinearOp op) {
  // linear_c3
  ArrayRef<int64_t> parts = op.getBiasParts().value_or(ArrayRef<int64_t>());
  if (parts.size() != op.getBiases().size())
    return op.emitOpError("expects a part for each of ")
           << op.getBiases().size() << " biases, found " << parts.size();
  int64_t previous = -1;
  for (auto [part, bias] : llvm::zip_equal(parts, op.getBiases())) {
    if (part <= previous || part >= static_cast<int64_t>(op.getWeights().size()))
      return op.emitOpError("expects ascending bias parts below ")
             << op.getWeights().size() << ", found " << part << " after " << previous;
    if (columnsOf(bias) != op.partRows(part))
      return op.emitOpError("expects a bias of ")
             << op.partRows(part) << " elements for part " << part << ", found " << bias.getType();
    previous = part;
  }
  return success();
}

/// Whether an op may stand in an epilogue: scalar arith or math on values of the epilogue itself.
static bool isScalarComputation(Operation &op, Block &epilogue) {
  if (!isa<arith::ArithDialect, math::MathDialect>(op.getDialect()))
    return false;
  auto scalar = [](Type type) { return type.isIntOrIndexOrFloat(); };
  return llvm::all_of(op.getOperandTypes(), scalar) && llvm::all_of(op.getResultTypes(), scalar) &&
         llvm::all_of(op.getOperands(),
                      [&](Value operand) { return operand.getParentBlock() == &epilogue; });
}

static LogicalResult verifyEpilogue(LinearOp op) {
  Region &epilogue = op.getEpilogue();
  bool concatenated = op.getWeights().size() > 1 && !op.isPaired();
  // linear_c4
  if (op.isPaired() && epilogue.empty())
    return op.emitOpError("expects an epilogue, since its parts cover the same rows");
  if (concatenated && !epilogue.empty())
    return op.emitOpError("expects no epilogue, since its parts tile the rows");
  // linear_c5
  if (epilogue.empty()) {
    if (!op.getReads().empty())
      return op.emitOpError("expects an epilogue for what it reads");
    return success();
  }
  Block &block = epilogue.front();
  size_t arguments = op.getWeights().size() + op.getReads().size();
  if (!epilogue.hasOneBlock() || block.getNumArguments() != arguments ||
      !llvm::all_of(block.getArgumentTypes(), llvm::IsaPred<Float32Type>))
    return op.emitOpError("expects an epilogue of one block with ")
           << arguments << " f32 arguments: one per part, then one per tensor that it reads";
  if (block.empty() || !isa<YieldOp>(block.back()))
    return op.emitOpError("expects an epilogue that ends in llm.yield");
  for (Operation &inner : block.without_terminator())
    if (!isScalarComputation(inner, block))
      return op.emitOpError("expects only scalar arith and math on the epilogue's own values, "
                            "found ")
             << inner.getName();
  if (block.back().getOperand(0).getParentBlock() != &block)
    return op.emitOpError("expects the epilogue to yield one of its own values");
  // linear_c6
  for (Value read : op.getReads())
    if (columnsOf(read) != op.outputRows())
      return op.emitOpError("expects what it reads to have the shape of the result, ")
             << op.outputRows() << " columns, found " << read.getType();
  return success();
}

static LogicalResult verifyResults(LinearOp op) {
  // linear_c7
  bool paired = op.isPaired();
  size_t parts = op.getWeights().size();
  size_t expected = paired ? 1 : parts;
  if (op.getNumResults() != expected)
    return op.emitOpError("expects ")
           << expected << (paired ? " result for paired parts" : " results, one for each part")
           << ", found " << op.getNumResults();
  for (auto [part, result] : llvm::enumerate(op.getResults())) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || type.getShape().back() != op.partRows(part))
      return op.emitOpError("expects result ")
             << part << " to have " << op.partRows(part) << " columns, found " << result.getType();
    if (parts > 1 && !paired && !type.getElementType().isF32())
      return op.emitOpError("expects f32 results of a concatenated linear, found ") << type;
  }
  if (!op.getState().empty())
    return op.emitOpError("expects no state without rope_append");
  return success();
}

static LogicalResult verifyRopeAppend(LinearOp op, RopeAttr rope) {
  // linear_c8
  if (op.getWeights().size() != 3 || op.isPaired() || !op.getEpilogue().empty())
    return op.emitOpError("expects q, k and v as three concatenated parts and no epilogue beside "
                          "rope_append");
  auto kv = op.getState().size() == 2 ? dyn_cast<KvType>(op.getState()[1].getType()) : KvType();
  if (!kv || !isa<StepType>(op.getState()[0].getType()))
    return op.emitOpError("expects the step and the pool as state of rope_append");
  int64_t rows = kv.getHeads() * kv.getHeadDim();
  if (rope.getHeadDim() != kv.getHeadDim())
    return op.emitOpError("expects a rotation of the pool's heads of ")
           << kv.getHeadDim() << ", found " << rope.getHeadDim();
  if (op.partRows(1) != rows || op.partRows(2) != rows || op.partRows(0) % rows != 0)
    return op.emitOpError("expects k and v of the pool's ")
           << rows << " rows and q of a multiple of that, found " << op.partRows(0) << ", "
           << op.partRows(1) << " and " << op.partRows(2);
  Type q = rowsType(op.partRows(0), Float32Type::get(op.getContext()));
  if (op.getNumResults() != 2 || op.getResult(0).getType() != q || op.getResult(1).getType() != kv)
    return op.emitOpError("expects the rotated q and the pool as results: ") << q << " and " << kv;
  // linear_c9
  if (!op.getLayer() || *op.getLayer() >= static_cast<uint64_t>(kv.getLayers()))
    return op.emitOpError("expects a layer from 0 to ") << kv.getLayers() - 1;
  return success();
}

LogicalResult LinearOp::verify() {
  if (failed(verifyParts(*this)) || failed(verifyBiases(*this)) || failed(verifyEpilogue(*this)))
    return failure();
  if (RopeAttr rope = getRopeAppendAttr())
    return verifyRopeAppend(*this, rope);
  // linear_c9
  if (getLayer())
    return emitOpError("expects no layer without rope_append");
  return verifyResults(*this);
}

} // namespace tawny::llm
