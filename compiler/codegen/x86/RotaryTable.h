// Cosines and sines of rotary embedding as constants of the code object.
#pragma once

#include "compiler/codegen/x86/Simd.h"
#include "dialects/llm/Llm.h"
#include "mlir/IR/BuiltinOps.h"

namespace tawny::x86 {

/// A position is 64 high + low, and its angle the sum of theirs, so a table of
/// ceil(context / 64) + 64 rows gives every position's rotation with one complex multiplication:
/// no sine is computed at run time, and no angle is rounded to f32 before it is reduced. A row is
/// cos f32[pairs], then sin f32[pairs]; high rows come first and hold the rotation's magnitude.
/// 4096 positions of 64 pairs take 64 KiB.
class RotaryTables {
public:
  RotaryTables(mlir::ModuleOp module, uint64_t maxContext);

  /// Cosine and sine of pairs [pair, pair + width) at a position, as vectors.
  struct Rotation {
    Value cosine, sine;
  };
  /// Rows of the table for one position: call once per head.
  struct Rows {
    Value high, low;
  };
  Rows rows(Simd &b, llm::RopeAttr rope, Value position);
  Rotation rotation(Simd &b, const Rows &rows, int64_t pairs, Value pair, int64_t width);

private:
  mlir::StringAttr globalFor(llm::RopeAttr rope);

  mlir::ModuleOp module;
  uint64_t highRows;
  llvm::DenseMap<llm::RopeAttr, mlir::StringAttr> globals;
};

} // namespace tawny::x86
