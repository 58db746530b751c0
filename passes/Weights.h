// What several passes ask about weights.
#pragma once

#include "dialects/llm/Llm.h"

#include "mlir/IR/PatternMatch.h"

#include <optional>

namespace tawny {

/// Makes `values` available at `before`: loads of weights further down its block move up, which
/// they can since a symbol is all they read. Fails, having moved nothing, if anything else among
/// `values` is defined too late.
mlir::LogicalResult hoistWeightLoads(mlir::RewriterBase &rewriter, mlir::ValueRange values,
                                     mlir::Operation *before);

/// Bytes of a weight in its layout. Nothing if it has none, or if the bytes pass 2^62.
std::optional<uint64_t> packedWeightBytes(llm::WeightOp weight);

} // namespace tawny
