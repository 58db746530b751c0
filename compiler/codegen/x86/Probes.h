// The two kernels that measure the machine (runtime/artifact.fbs, Probes).
#pragma once

#include "compiler/codegen/x86/Simd.h"

namespace tawny::x86 {

/// Emits a tile that reads memory; bindings are source and sink. Returns the bytes of a tile.
int64_t emitReadProbe(Simd &b, Value tile, mlir::ValueRange bindings);

/// What a tile of the peak probe does.
struct PeakProbe {
  int64_t tileOperations; ///< Multiplications and additions of a tile.
  llvm::StringRef unit;
};
/// Emits a tile that keeps the unit of the target's linears busy: the int8 dot product, or f32
/// FMA. The binding is a sink of 64 readable bytes.
PeakProbe emitPeakProbe(Simd &b, Value tile, mlir::ValueRange bindings, bool int8);

} // namespace tawny::x86
