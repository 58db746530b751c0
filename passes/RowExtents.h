// What the rows of activations count: the step's tokens, or those of them that want logits.
#pragma once

#include "dialects/rt/Rt.h"

#include "llvm/ADT/DenseSet.h"

namespace tawny {

/// Follows rows through a function, one op after another.
class RowExtents {
public:
  /// What the rows of `op` count: the wanted logits if `selectsLogitRows`, else whatever those of
  /// its operands count. Remembers it for the results. Fails with a diagnostic if operands differ.
  mlir::FailureOr<rt::Extent> visit(mlir::Operation *op, bool selectsLogitRows);

  /// What the rows of an activation count: Tokens or LogitRows.
  rt::Extent of(mlir::Value value) const {
    return logitRows.contains(value) ? rt::Extent::LogitRows : rt::Extent::Tokens;
  }

private:
  llvm::DenseSet<mlir::Value> logitRows;
};

} // namespace tawny
