// How the interpreter reads and writes the values of ops.
#pragma once

#include "dialects/interpreter/Operations.h"
#include "dialects/llm/Llm.h"

#include "llvm/ADT/DenseMap.h"

namespace tawny::interpreter {

using Environment = llvm::DenseMap<mlir::Value, Value>;

/// Activations as f32: rows as they are, quantised ones as scale * code, a static f32 tensor as
/// rows of its own.
std::shared_ptr<const Rows> rowsOf(const Environment &values, mlir::Value value);

/// The elements of a static f32 vector.
std::vector<float> vectorOf(const Environment &values, mlir::Value value);

/// The value of that kind; the verifier has checked that it is one.
const Weight &weightOf(const Environment &values, mlir::Value value);
/// As weightOf.
const Step &stepOf(const Environment &values, mlir::Value value);
/// As weightOf.
const Pool &poolOf(const Environment &values, mlir::Value value);

/// Sets an op's result, quantised if its type says so.
void setRows(Environment &values, mlir::Value result, Rows rows);
/// Sets an op's result to a pool.
void setPool(Environment &values, mlir::Value result, Pool pool);

/// The numbers of the attribute.
Rotation rotationOf(llm::RopeAttr rope);

} // namespace tawny::interpreter
