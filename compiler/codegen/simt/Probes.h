// The two kernels that measure the machine (runtime/artifact.fbs, Probes).
#pragma once

#include "compiler/codegen/simt/Kernel.h"

namespace tawny::simt {

/// A kernel that reads memory; its bindings are source and sink.
struct ReadProbe {
  KernelBody body;
  int64_t tileBytes = 0; ///< What a tile reads.
};
ReadProbe planReadProbe(const TargetInfo &target);

/// A kernel that keeps the unit busy that linears of f16 activations use: the matrix unit, or f32
/// FMA where there is none or activations are f32. Its binding is the sink.
struct PeakProbe {
  KernelBody body;
  int64_t tileOperations = 0; ///< Multiplications and additions of a tile.
  llvm::StringRef unit;
};
PeakProbe planPeakProbe(const TargetInfo &target, llvm::StringRef activations);

} // namespace tawny::simt
