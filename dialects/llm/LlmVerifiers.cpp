// Verifiers of the llm dialect, under the labels of LlmOps.td.
#include "dialects/llm/Llm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Diagnostics.h"

#include <cmath>

using namespace mlir;

namespace tawny::llm {

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

LogicalResult KvType::verify(EmitError emitError, int64_t layers, int64_t heads, int64_t headDim,
                             int64_t bits) {
  if (bits != 16 && bits != 32)
    return emitError() << "expects elements of 16 or 32 bits, found " << bits;
  if (layers <= 0 || heads <= 0 || headDim <= 0)
    return emitError() << "expects positive layers, heads and dim, found " << layers << ", "
                       << heads << " and " << headDim;
  return success();
}

LogicalResult RopeAttr::verify(EmitError emitError, int64_t headDim, int64_t rotaryDim,
                               llvm::APFloat base, RotaryPairs, DenseF64ArrayAttr divisors,
                               llvm::APFloat magnitude) {
  if (headDim <= 0)
    return emitError() << "expects a positive head, found " << headDim;
  if (rotaryDim <= 0 || rotaryDim > headDim || rotaryDim % 2 != 0)
    return emitError() << "expects an even rotary from 2 to head = " << headDim << ", found "
                       << rotaryDim;
  auto isPositive = [](double value) { return std::isfinite(value) && value > 0; };
  if (!isPositive(base.convertToDouble()))
    return emitError() << "expects a positive and finite base";
  if (divisors && divisors.size() != rotaryDim / 2)
    return emitError() << "expects a divisor for each of rotary / 2 = " << rotaryDim / 2
                       << " pairs, found " << divisors.size();
  if (divisors && !llvm::all_of(divisors.asArrayRef(), isPositive))
    return emitError() << "expects positive and finite divisors";
  if (!isPositive(magnitude.convertToDouble()))
    return emitError() << "expects a positive and finite magnitude";
  return success();
}

LogicalResult ProgramAttr::verify(EmitError emitError, ProgramKind kind, int64_t tokens,
                                  int64_t sequences, int64_t logitRows, int64_t blockRows) {
  if (tokens <= 0 || sequences <= 0 || logitRows <= 0 || blockRows <= 0)
    return emitError() << "expects positive bounds";
  if (sequences > tokens || logitRows > tokens)
    return emitError() << "expects at most as many sequences (" << sequences << ") and logit rows ("
                       << logitRows << ") as tokens (" << tokens << ")";
  if (kind == ProgramKind::Decode && (tokens != sequences || blockRows != 1))
    return emitError() << "expects one token for each sequence and one block row in a decode";
  return success();
}

static LogicalResult verifyEps(Operation *op, const llvm::APFloat &eps) {
  double value = eps.convertToDouble();
  if (!std::isfinite(value) || value <= 0)
    return op->emitOpError("expects a positive and finite eps, found ") << value;
  return success();
}

/// Checks that a tensor has `columns` columns; `what` names it in the message.
static LogicalResult verifyColumns(Operation *op, Value tensor, int64_t columns, StringRef what) {
  if (columnsOf(tensor) != columns)
    return op->emitOpError("expects ")
           << what << " to have " << columns << " columns, found " << tensor.getType();
  return success();
}

static LogicalResult verifyLayer(Operation *op, int64_t layer, KvType kv) {
  if (layer < 0 || layer >= kv.getLayers())
    return op->emitOpError("expects a layer from 0 to ")
           << kv.getLayers() - 1 << ", found " << layer;
  return success();
}

static LogicalResult verifyScale(Operation *op, const llvm::APFloat &scale) {
  double value = scale.convertToDouble();
  if (!std::isfinite(value) || value <= 0)
    return op->emitOpError("expects a positive and finite scale, found ") << value;
  return success();
}

/// Checks that every KV head of the pool has equally many query heads.
static LogicalResult verifyQueries(Operation *op, Value queries, KvType kv) {
  int64_t columns = columnsOf(queries);
  if (columns % (kv.getHeads() * kv.getHeadDim()) != 0)
    return op->emitOpError("expects a multiple of the pool's ")
           << kv.getHeads() * kv.getHeadDim() << " columns, found " << columns;
  return success();
}

static LogicalResult verifyWindow(Operation *op, std::optional<uint64_t> window) {
  if (window && static_cast<int64_t>(*window) < 1)
    return op->emitOpError("expects a positive window, found ") << static_cast<int64_t>(*window);
  return success();
}

static LogicalResult verifySplits(Operation *op, int64_t splits) {
  constexpr int64_t most = 256;
  if (splits < 1 || splits > most)
    return op->emitOpError("expects 1 to ") << most << " splits, found " << splits;
  return success();
}

LogicalResult WeightOp::verify() {
  // weight_c1
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape() || type.getRank() < 1 || type.getRank() > 2)
    return emitOpError("expects a static shape of rank 1 or 2, found ") << getType();
  // weight_c2
  int64_t block = formatInfo(*formatOf(type.getElementType())).blockElements;
  if (type.getShape().back() % block != 0)
    return emitOpError("expects rows of whole blocks of ")
           << block << " elements, found " << type.getShape().back() << " columns";
  // weight_c3
  if (static_cast<int64_t>(getOffset()) < 0)
    return emitOpError("expects an offset that is not negative, found ")
           << static_cast<int64_t>(getOffset());
  return success();
}

LogicalResult LoadWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  // load_weight_c1
  if (!weight)
    return emitOpError("expects @") << getWeight() << " to name an llm.weight";
  if (weight.getType() != getType())
    return emitOpError("expects the weight's type ") << weight.getType() << ", found " << getType();
  return success();
}

LogicalResult EmbedOp::verify() {
  auto table = dyn_cast<RankedTensorType>(getTable().getType());
  // embed_c1
  if (!table || table.getRank() != 2 || table.getDimSize(1) != columnsOf(getResult()))
    return emitOpError("expects as many columns in the result as in the table, found ")
           << getTable().getType() << " and " << getType();
  return success();
}

LogicalResult RmsNormOp::verify() {
  // rms_norm_c1
  int64_t columns = columnsOf(getInput());
  if (failed(verifyColumns(*this, getWeight(), columns, "the weight")) ||
      failed(verifyColumns(*this, getResult(), columns, "the result")))
    return failure();
  // rms_norm_c2
  return verifyEps(*this, getEps());
}

LogicalResult AddRmsNormOp::verify() {
  // add_rms_norm_c1
  int64_t columns = columnsOf(getA());
  if (failed(verifyColumns(*this, getWeight(), columns, "the weight")) ||
      failed(verifyColumns(*this, getNorm(), columns, "the norm")))
    return failure();
  // add_rms_norm_c2
  return verifyEps(*this, getEps());
}

LogicalResult QuantizeOp::verify() {
  // quantize_c1
  int64_t columns = columnsOf(getInput());
  bool isInt8 = isa<A8Type>(cast<RankedTensorType>(getType()).getElementType());
  if (isInt8 && columns % 32 != 0)
    return emitOpError("expects a multiple of 32 columns, found ") << columns;
  return verifyColumns(*this, getResult(), columns, "the result");
}

LogicalResult RopeOp::verify() {
  // rope_c1
  int64_t headDim = getRope().getHeadDim();
  if (columnsOf(getInput()) % headDim != 0)
    return emitOpError("expects a whole number of heads of ")
           << headDim << ", found " << columnsOf(getInput()) << " columns";
  return success();
}

LogicalResult KvAppendOp::verify() {
  KvType kv = getKv().getType();
  // kv_append_c1
  if (failed(verifyColumns(*this, getK(), kv.getHeads() * kv.getHeadDim(), "k and v")))
    return failure();
  // kv_append_c2
  return verifyLayer(*this, getLayer(), kv);
}

LogicalResult AttentionOp::verify() {
  KvType kv = getKv().getType();
  // attention_c1
  if (failed(verifyQueries(*this, getQ(), kv)) ||
      failed(verifyColumns(*this, getResult(), columnsOf(getQ()), "the result")))
    return failure();
  // attention_c2
  if (failed(verifyLayer(*this, getLayer(), kv)))
    return failure();
  // attention_c3
  if (failed(verifyScale(*this, getScale())))
    return failure();
  // attention_c4
  return verifyWindow(*this, getWindow());
}

LogicalResult AttentionPartOp::verify() {
  KvType kv = getKv().getType();
  // attention_part_c1
  if (failed(verifyQueries(*this, getQ(), kv)))
    return failure();
  // attention_part_c2
  if (failed(verifyLayer(*this, getLayer(), kv)))
    return failure();
  // attention_part_c3
  if (failed(verifyScale(*this, getScale())))
    return failure();
  // attention_part_c4
  if (failed(verifySplits(*this, getSplits())))
    return failure();
  // attention_part_c6
  if (failed(verifyWindow(*this, getWindow())))
    return failure();
  // attention_part_c5
  int64_t splits = static_cast<int64_t>(getSplits()), columns = columnsOf(getQ());
  if (failed(verifyColumns(*this, getSums(), splits * columns, "sums")))
    return failure();
  return verifyColumns(*this, getState(), 2 * splits * (columns / kv.getHeadDim()), "state");
}

int64_t AttentionMergeOp::getHeads() {
  return columnsOf(getState()) / (2 * static_cast<int64_t>(getSplits()));
}

LogicalResult AttentionMergeOp::verify() {
  // attention_merge_c1
  if (failed(verifySplits(*this, getSplits())))
    return failure();
  // attention_merge_c2
  int64_t splits = static_cast<int64_t>(getSplits()), columns = columnsOf(getResult());
  if (failed(verifyColumns(*this, getSums(), splits * columns, "sums")))
    return failure();
  // attention_merge_c3
  int64_t heads = getHeads();
  if (heads == 0 || columnsOf(getState()) % (2 * splits) != 0 || columns % heads != 0)
    return emitOpError("expects state to have ")
           << 2 * splits << " columns for each of some heads that divide " << columns
           << " columns, found " << columnsOf(getState());
  return success();
}

LogicalResult TopKOp::verify() {
  // top_k_c1
  int64_t most = std::min(mostCandidates, columnsOf(getInput())), columns = columnsOf(getResult());
  if (columns < 1 || columns > most)
    return emitOpError("expects 1 to ") << most << " candidates, found " << columns;
  return success();
}

} // namespace tawny::llm
