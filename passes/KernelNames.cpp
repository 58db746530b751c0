#include "passes/KernelNames.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace tawny {
namespace {

RankedTensorType tensorType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

/// Says in a name what an op writes, if that is not f32.
StringRef resultSuffix(Operation *op) {
  for (Value result : op->getResults())
    if (RankedTensorType type = tensorType(result)) {
      if (isa<llm::A8Type>(type.getElementType()))
        return "_a8";
      if (type.getElementType().isF16())
        return "_f16";
    }
  return "";
}

void printLinear(llvm::raw_ostream &os, llm::LinearOp linear) {
  for (Value weight : linear.getWeights())
    os << '_' << llm::formatName(tensorType(weight).getElementType());
  os << '_' << linear.outputRows() << 'x' << llm::columnsOf(linear.getInput());
  if (linear.isPaired())
    os << "_paired";
  else if (!linear.getEpilogue().empty())
    os << "_epilogue";
  if (!linear.getBiases().empty())
    os << "_bias";
  if (linear.getRopeAppend())
    os << "_rope";
}

/// Columns of the activations that an op makes, or reads if it makes none.
int64_t activationColumns(Operation *op) {
  for (ValueRange values : {ValueRange(op->getResults()), ValueRange(op->getOperands())})
    for (Value value : values)
      if (RankedTensorType type = tensorType(value); type && type.isDynamicDim(0))
        return type.getShape().back();
  return 0;
}

/// Names of the weights that give an op its label: those of a linear without its biases.
SmallVector<StringRef> weightNames(Operation *op) {
  auto linear = dyn_cast<llm::LinearOp>(op);
  SmallVector<StringRef> names;
  for (Value operand : linear ? ValueRange(linear.getWeights()) : ValueRange(op->getOperands()))
    if (auto load = operand.getDefiningOp<llm::LoadWeightOp>()) {
      StringRef name = load.getWeight();
      name.consume_back(".weight");
      names.push_back(name);
    }
  return names;
}

/// Characters that all names begin with, up to and with a separator.
size_t commonPrefix(ArrayRef<StringRef> names) {
  size_t length = names[0].size();
  for (StringRef name : names.drop_front()) {
    size_t same = 0;
    while (same < std::min(length, name.size()) && name[same] == names[0][same])
      ++same;
    length = same;
  }
  size_t separator = names[0].take_front(length).find_last_of("._");
  return separator == StringRef::npos ? 0 : separator + 1;
}

/// blk.0.attn_q, blk.0.attn_k, blk.0.attn_v: blk.0.attn_qkv. gate and up stay apart: gate_up.
std::string commonName(ArrayRef<StringRef> names) {
  if (llvm::all_equal(names))
    return names[0].str();
  size_t prefix = commonPrefix(names);
  SmallVector<StringRef> rests;
  for (StringRef name : names)
    rests.push_back(name.drop_front(prefix));
  bool letters = llvm::all_of(rests, [](StringRef rest) { return rest.size() == 1; });
  return names[0].take_front(prefix).str() + llvm::join(rests, letters ? "" : "_");
}

} // namespace

std::string kernelName(Operation *op, rt::Extent rows) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << op->getName().stripDialect();
  if (auto linear = dyn_cast<llm::LinearOp>(op)) {
    printLinear(os, linear);
  } else if (auto embed = dyn_cast<llm::EmbedOp>(op)) {
    RankedTensorType table = tensorType(embed.getTable());
    os << '_' << llm::formatName(table.getElementType()) << '_' << table.getDimSize(0) << 'x'
       << table.getDimSize(1);
  } else if (auto part = dyn_cast<llm::AttentionPartOp>(op)) {
    os << '_' << llm::columnsOf(part.getQ());
  } else {
    os << '_' << activationColumns(op);
    // A linear's grid does not depend on its rows, so only these have a kernel for each kind.
    if (rows == rt::Extent::LogitRows && !isa<llm::LogitRowsOp>(op))
      os << "_logits";
  }
  if (auto splits = op->getAttrOfType<IntegerAttr>("splits"))
    os << "_s" << splits.getInt();
  os << resultSuffix(op);
  return name;
}

std::string dispatchLabel(Operation *op) {
  SmallVector<StringRef> names = weightNames(op);
  if (!names.empty())
    return commonName(names);
  std::string label = op->getName().stripDialect().str();
  if (auto layer = op->getAttrOfType<IntegerAttr>("layer"))
    label += "." + std::to_string(layer.getInt());
  return label;
}

} // namespace tawny
