// Runs models in plain C++: slow, complete, and the definition of what every op means.
// Models are understood before and after fusion, after their ops were outlined to `rt` kernels that
// `rt.dispatch` calls, and as planned programs of `rt.launch`es.
#pragma once

#include "dialects/interpreter/Operations.h"
#include "dialects/interpreter/Values.h"
#include "dialects/rt/Rt.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

#include <functional>
#include <optional>

namespace tawny::interpreter {

/// The bytes of a weight in its source format: rows * formatInfo(...).rowBytes(columns) of them.
/// They must live as long as the interpreter.
using WeightSource =
    std::function<llvm::Expected<llvm::ArrayRef<uint8_t>>(llvm::StringRef name, const Weight &)>;

/// Weights at the offsets of their `llm.weight` in a file's bytes. `module` holds the symbols.
WeightSource weightsOfFile(mlir::ModuleOp module, llvm::ArrayRef<uint8_t> file);

/// The rows and columns of a weight's type and its format, without bytes. Fails for types that
/// weights do not have.
llvm::Expected<Weight> weightOfType(mlir::Type type);

/// Runs the functions of one module.
class Interpreter {
public:
  /// `module` must be verified and outlive the interpreter.
  Interpreter(mlir::ModuleOp module, WeightSource weights, Accumulate accumulate = Accumulate::F64)
      : module(module), weights(std::move(weights)), accumulate(accumulate) {}

  /// Runs a function of one block. Arguments are, by type: Rows for `tensor<?x…xf32>`,
  /// QuantizedRows for `tensor<?x…x!llm.a8>`, Weight for static tensors, Step and Pool. Results
  /// likewise. Errors name the op and its location.
  llvm::Expected<std::vector<Value>> run(mlir::func::FuncOp function,
                                         llvm::ArrayRef<Value> arguments);

  /// Runs a planned program whose kernels still have llm bodies, on an arena that begins as NaNs,
  /// and returns the logits and the pool. The step must keep to the program's bounds.
  llvm::Expected<std::vector<Value>> runProgram(rt::ProgramOp program,
                                                std::shared_ptr<const Step> step,
                                                std::shared_ptr<const Pool> pool);

private:
  struct ProgramState;
  using Environment = llvm::DenseMap<mlir::Value, Value>;

  llvm::Expected<std::vector<Value>> runBlock(mlir::Block &block, llvm::ArrayRef<Value> arguments);
  llvm::Error runOp(mlir::Operation &op, Environment &values);
  llvm::Error runLlmOp(mlir::Operation &op, Environment &values);
  llvm::Error runElementwise(mlir::Operation &op, Environment &values);
  llvm::Error runLinear(llm::LinearOp op, Environment &values);
  llvm::Error runRopeAppend(llm::LinearOp op, const Rows &x, llvm::ArrayRef<LinearPart> parts,
                            Environment &values);
  llvm::Error runAttention(llm::AttentionOp op, Environment &values);
  llvm::Error runAttentionPart(llm::AttentionPartOp op, Environment &values);
  llvm::Expected<Weight> loadWeight(llvm::StringRef name, mlir::Type type);
  llvm::Error runDispatch(rt::DispatchOp op, Environment &values);
  llvm::Error runLaunch(rt::LaunchOp op, ProgramState &state);
  llvm::Expected<Value> readBinding(rt::BindingAttr binding, mlir::RankedTensorType type,
                                    int64_t rows, const ProgramState &state);
  llvm::Error writeBinding(rt::BindingAttr binding, const Value &value, mlir::Type type,
                           ProgramState &state);
  int64_t layerOf(uint64_t own) const { return dispatchLayer.value_or(static_cast<int64_t>(own)); }

  mlir::ModuleOp module;
  WeightSource weights;
  Accumulate accumulate;
  /// The layer of the dispatch whose kernel runs: equal layers share one body.
  std::optional<int64_t> dispatchLayer;
};

} // namespace tawny::interpreter
