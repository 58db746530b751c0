// The llm dialect in C++: types, attributes and operations of a model (see LlmDialect.td).
#pragma once

#include "dialects/formats/Formats.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/llm/LlmEnums.h.inc"

#include "dialects/llm/LlmDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/llm/LlmTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/llm/LlmAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/llm/LlmOps.h.inc"

namespace tawny::llm {

/// The storage format of a weight's element type; nothing for types that weights do not have.
std::optional<Format> formatOf(mlir::Type elementType);

/// The element type of weights stored in a format.
mlir::Type formatType(mlir::MLIRContext *context, Format format);

/// The same two by the format's name in the format table; an empty name and a null type stand for
/// what is in no row of it.
llvm::StringRef formatName(mlir::Type elementType);
mlir::Type formatType(mlir::MLIRContext *context, llvm::StringRef name);

/// Columns (the last dimension) of a ranked tensor.
inline int64_t columnsOf(mlir::Value tensor) {
  return llvm::cast<mlir::RankedTensorType>(tensor.getType()).getShape().back();
}

/// The `window` of an attention, or 0 where a row sees all positions below `maxContext` anyway.
inline int64_t windowOf(std::optional<uint64_t> window, uint64_t maxContext = UINT64_MAX) {
  return window && *window < maxContext ? static_cast<int64_t>(*window) : 0;
}

/// Positions of a range of a context, where ranges are the same in all programs of a model: 256, so
/// that one sequence is work for several threads, and more where that made over 32 of them.
inline int64_t contextRange(int64_t maxContext) {
  constexpr int64_t least = 256, mostRanges = 32;
  int64_t range = least;
  while (range * mostRanges < maxContext)
    range *= 2;
  return range;
}

/// Such ranges that a row sees at most, of a window or, with 0, of the whole context.
inline int64_t contextRanges(int64_t window, int64_t maxContext) {
  int64_t range = contextRange(maxContext), all = (maxContext + range - 1) / range;
  return window == 0 ? all : std::min(all, (window - 1 + range - 1) / range + 1);
}

/// `tensor<? x columns x elementType>`: the type of activations.
inline mlir::RankedTensorType rowsType(int64_t columns, mlir::Type elementType) {
  return mlir::RankedTensorType::get({mlir::ShapedType::kDynamic, columns}, elementType);
}

} // namespace tawny::llm
