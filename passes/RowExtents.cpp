#include "passes/RowExtents.h"

using namespace mlir;

namespace tawny {

static bool isActivation(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 && type.isDynamicDim(0);
}

FailureOr<rt::Extent> RowExtents::visit(Operation *op, bool selectsLogitRows) {
  std::optional<rt::Extent> extent;
  for (Value operand : op->getOperands()) {
    if (!isActivation(operand))
      continue;
    if (extent && *extent != of(operand))
      return op->emitOpError("expects operands with a row for each token or for each wanted logit, "
                             "found both");
    extent = of(operand);
  }
  if (selectsLogitRows)
    extent = rt::Extent::LogitRows;
  if (extent == rt::Extent::LogitRows)
    for (Value result : op->getResults())
      if (isActivation(result))
        logitRows.insert(result);
  return extent.value_or(rt::Extent::Tokens);
}

} // namespace tawny
