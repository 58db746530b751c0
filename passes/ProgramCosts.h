// What a step of a program moves and does, for plans, reports and comparisons of fusions.
#pragma once

#include "dialects/rt/Rt.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace tawny {

/// The costs of one program.
struct ProgramCosts {
  int64_t launches = 0;
  int64_t kernels = 0; ///< Different ones.
  /// Packed bytes of the weights that a step reads, each once.
  int64_t weightBytes = 0;
  /// Bytes of activations that launches read and write for one token that wants logits, each
  /// binding counted once. Keys and values are not among them.
  int64_t activationBytesPerToken = 0;
  int64_t operationsPerToken = 0;
  int64_t operationsPerLogitRow = 0;
  int64_t arenaBytes = 0;
  /// Weights, KV pool, arena and step table together.
  int64_t peakBytes = 0;
};

/// The costs of a planned program.
ProgramCosts programCosts(rt::ProgramOp program);

/// Prints costs on one line.
llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const ProgramCosts &costs);

/// The `costs` attribute of an rt.program: what its launches alone no longer tell. The counterpart
/// of programCosts.
mlir::DictionaryAttr costsAttribute(mlir::MLIRContext *context, const ProgramCosts &costs);

} // namespace tawny
