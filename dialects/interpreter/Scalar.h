// Scalar arith and math: what an epilogue computes for one element, and what an arith or math op
// on tensors computes for each.
#pragma once

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace tawny::interpreter {

/// A straight line of scalar ops, ready to run. f32 results are rounded to f32 after each op, as
/// separate ops on f32 tensors would round them; i1 values are 0 and 1.
class ScalarProgram {
public:
  /// The ops of `block` up to its terminator; the terminator's first operand is the result.
  static llvm::Expected<ScalarProgram> compile(mlir::Block &block);

  /// One op on its own operands, whose types may be tensors of its scalar type.
  static llvm::Expected<ScalarProgram> compile(mlir::Operation &op);

  /// `arguments` are the block's arguments, or the op's operands.
  float run(llvm::ArrayRef<float> arguments) const;

private:
  using Function = double (*)(double, double, double);
  struct Instruction {
    Function function;
    unsigned operands[3] = {0, 0, 0}; ///< slots
    unsigned result = 0;              ///< slot
    bool isF32 = true;
  };

  llvm::Error add(mlir::Operation &op, llvm::ArrayRef<unsigned> operands, unsigned result);
  static Function functionOf(mlir::Operation &op);

  /// Slots hold the arguments, then constants and results; constants are set from the start.
  llvm::SmallVector<double> initialSlots;
  llvm::SmallVector<Instruction> instructions;
  unsigned resultSlot = 0;
};

} // namespace tawny::interpreter
