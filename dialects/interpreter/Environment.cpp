#include "dialects/interpreter/Environment.h"

namespace tawny::interpreter {

std::shared_ptr<const Rows> rowsOf(const Environment &values, mlir::Value value) {
  const Value &found = values.at(value);
  if (auto *rows = std::get_if<std::shared_ptr<const Rows>>(&found))
    return *rows;
  if (auto *quantized = std::get_if<std::shared_ptr<const QuantizedRows>>(&found))
    return std::make_shared<Rows>(dequantize(**quantized));
  const Weight &weight = std::get<Weight>(found);
  Rows rows(weight.rows, weight.columns);
  std::vector<float> row;
  for (int64_t r = 0; r < weight.rows; ++r) {
    decodeWeightRow(weight, r, row);
    llvm::copy(row, rows.row(r).begin());
  }
  return std::make_shared<Rows>(std::move(rows));
}

std::vector<float> vectorOf(const Environment &values, mlir::Value value) {
  std::vector<float> elements;
  decodeWeightRow(weightOf(values, value), 0, elements);
  return elements;
}

const Weight &weightOf(const Environment &values, mlir::Value value) {
  return std::get<Weight>(values.find(value)->second);
}

const Step &stepOf(const Environment &values, mlir::Value value) {
  return *std::get<std::shared_ptr<const Step>>(values.find(value)->second);
}

const Pool &poolOf(const Environment &values, mlir::Value value) {
  return *std::get<std::shared_ptr<const Pool>>(values.find(value)->second);
}

void setRows(Environment &values, mlir::Value result, Rows rows) {
  mlir::Type element = mlir::getElementTypeOrSelf(result.getType());
  if (llvm::isa<llm::A8Type>(element)) {
    values[result] = std::make_shared<const QuantizedRows>(quantize(rows));
    return;
  }
  if (element.isF16())
    roundToHalf(rows);
  values[result] = std::make_shared<const Rows>(std::move(rows));
}

void setPool(Environment &values, mlir::Value result, Pool pool) {
  values[result] = std::make_shared<const Pool>(std::move(pool));
}

Rotation rotationOf(llm::RopeAttr rope) {
  Pairs pairs = rope.getPairs() == llm::RotaryPairs::Adjacent ? Pairs::Adjacent : Pairs::Halves;
  Rotation rotation{rope.getHeadDim(), rope.getRotaryDim(), rope.getBase(), pairs};
  if (rope.getDivisors())
    rotation.divisors = rope.getDivisors().asArrayRef();
  rotation.magnitude = rope.getMagnitude();
  return rotation;
}

} // namespace tawny::interpreter
