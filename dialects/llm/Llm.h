// The llm dialect in C++: types, attributes and operations of a model (see LlmDialect.td).
#pragma once

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

/// The lower-case name of a weight's element type as tables and files spell it ("q4_k", "f16"), or
/// an empty string for a type that weights do not have.
llvm::StringRef formatName(mlir::Type elementType);

/// The element type of that name, or null.
mlir::Type formatType(mlir::MLIRContext *context, llvm::StringRef name);

/// Elements of one block of a weight's element type: 1 for plain floats, 0 for a type that weights
/// do not have. Block geometry is the format table's (dialects/formats/Formats.h).
int64_t blockElements(mlir::Type elementType);

/// Columns (the last dimension) of a ranked tensor.
inline int64_t columnsOf(mlir::Value tensor) {
  return llvm::cast<mlir::RankedTensorType>(tensor.getType()).getShape().back();
}

/// `tensor<? x columns x elementType>`: the type of activations.
inline mlir::RankedTensorType rowsType(int64_t columns, mlir::Type elementType) {
  return mlir::RankedTensorType::get({mlir::ShapedType::kDynamic, columns}, elementType);
}

} // namespace tawny::llm
