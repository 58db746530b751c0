#include "dialects/interpreter/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace tawny::interpreter {

namespace {

using Function = double (*)(double, double, double);

/// The NaN-propagating maximum and minimum of arith.maximumf and minimumf.
double maximum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::nan("") : std::fmax(a, b);
}
double minimum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? std::nan("") : std::fmin(a, b);
}

Function comparisonOf(arith::CmpFPredicate predicate) {
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
    return [](double a, double b, double) { return double(a == b); };
  case arith::CmpFPredicate::OGT:
    return [](double a, double b, double) { return double(a > b); };
  case arith::CmpFPredicate::OGE:
    return [](double a, double b, double) { return double(a >= b); };
  case arith::CmpFPredicate::OLT:
    return [](double a, double b, double) { return double(a < b); };
  case arith::CmpFPredicate::OLE:
    return [](double a, double b, double) { return double(a <= b); };
  case arith::CmpFPredicate::ONE:
    return [](double a, double b, double) { return double(a < b || a > b); };
  case arith::CmpFPredicate::UNE:
    return [](double a, double b, double) { return double(a != b); };
  default:
    return nullptr;
  }
}

Function arithFunctionOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, Function>(&op)
      .Case<arith::AddFOp>([](auto) { return [](double a, double b, double) { return a + b; }; })
      .Case<arith::SubFOp>([](auto) { return [](double a, double b, double) { return a - b; }; })
      .Case<arith::MulFOp>([](auto) { return [](double a, double b, double) { return a * b; }; })
      .Case<arith::DivFOp>([](auto) { return [](double a, double b, double) { return a / b; }; })
      .Case<arith::NegFOp>([](auto) { return [](double a, double, double) { return -a; }; })
      .Case<arith::MaximumFOp>(
          [](auto) { return [](double a, double b, double) { return maximum(a, b); }; })
      .Case<arith::MinimumFOp>(
          [](auto) { return [](double a, double b, double) { return minimum(a, b); }; })
      .Case<arith::MaxNumFOp>(
          [](auto) { return [](double a, double b, double) { return std::fmax(a, b); }; })
      .Case<arith::MinNumFOp>(
          [](auto) { return [](double a, double b, double) { return std::fmin(a, b); }; })
      .Case<arith::SelectOp>(
          [](auto) { return [](double c, double a, double b) { return c != 0 ? a : b; }; })
      .Case<arith::CmpFOp>(
          [](arith::CmpFOp compare) { return comparisonOf(compare.getPredicate()); })
      .Default([](Operation *) { return Function(nullptr); });
}

Function mathFunctionOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, Function>(&op)
      .Case<math::ExpOp>([](auto) { return [](double a, double, double) { return std::exp(a); }; })
      .Case<math::Exp2Op>(
          [](auto) { return [](double a, double, double) { return std::exp2(a); }; })
      .Case<math::LogOp>([](auto) { return [](double a, double, double) { return std::log(a); }; })
      .Case<math::TanhOp>(
          [](auto) { return [](double a, double, double) { return std::tanh(a); }; })
      .Case<math::ErfOp>([](auto) { return [](double a, double, double) { return std::erf(a); }; })
      .Case<math::SqrtOp>(
          [](auto) { return [](double a, double, double) { return std::sqrt(a); }; })
      .Case<math::RsqrtOp>(
          [](auto) { return [](double a, double, double) { return 1 / std::sqrt(a); }; })
      .Case<math::AbsFOp>(
          [](auto) { return [](double a, double, double) { return std::fabs(a); }; })
      .Case<math::PowFOp>(
          [](auto) { return [](double a, double b, double) { return std::pow(a, b); }; })
      // A product of two f32 is exact in double, so one rounding of the sum is left; it differs
      // from a fused one in rare halfway cases only.
      .Case<math::FmaOp>(
          [](auto) { return [](double a, double b, double c) { return a * b + c; }; })
      .Default([](Operation *) { return Function(nullptr); });
}

llvm::Error unsupported(Operation &op) {
  return llvm::createStringError("the interpreter has no scalar meaning for '%s' with result %s",
                                 op.getName().getStringRef().str().c_str(),
                                 op.getNumResults() == 1 && op.getResult(0).getType().isF32()
                                     ? "f32"
                                     : "of a type other than f32 and i1");
}

} // namespace

ScalarProgram::Function ScalarProgram::functionOf(Operation &op) {
  Function function = arithFunctionOf(op);
  return function ? function : mathFunctionOf(op);
}

llvm::Error ScalarProgram::add(Operation &op, llvm::ArrayRef<unsigned> operands, unsigned result) {
  Function function = functionOf(op);
  if (!function || op.getNumResults() != 1 || operands.size() > 3)
    return unsupported(op);
  Type type = getElementTypeOrSelf(op.getResult(0).getType());
  if (!type.isF32() && !type.isInteger(1))
    return unsupported(op);
  Instruction instruction;
  instruction.function = function;
  llvm::copy(operands, instruction.operands);
  instruction.result = result;
  instruction.isF32 = type.isF32();
  instructions.push_back(instruction);
  return llvm::Error::success();
}

llvm::Expected<ScalarProgram> ScalarProgram::compile(Block &block) {
  ScalarProgram program;
  llvm::DenseMap<mlir::Value, unsigned> slots;
  auto newSlot = [&](mlir::Value value, double initial) {
    slots[value] = program.initialSlots.size();
    program.initialSlots.push_back(initial);
    return slots[value];
  };
  for (BlockArgument argument : block.getArguments())
    newSlot(argument, 0);
  for (Operation &op : block.without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<FloatAttr>(constant.getValue());
      if (!value || !value.getType().isF32())
        return unsupported(op);
      newSlot(constant, value.getValueAsDouble());
      continue;
    }
    llvm::SmallVector<unsigned> operands;
    for (mlir::Value operand : op.getOperands())
      operands.push_back(slots.at(operand));
    if (op.getNumResults() != 1)
      return unsupported(op);
    if (llvm::Error error = program.add(op, operands, newSlot(op.getResult(0), 0)))
      return error;
  }
  program.resultSlot = slots.at(block.getTerminator()->getOperand(0));
  return program;
}

llvm::Expected<ScalarProgram> ScalarProgram::compile(Operation &op) {
  ScalarProgram program;
  unsigned operands = op.getNumOperands();
  program.initialSlots.assign(operands + 1, 0);
  program.resultSlot = operands;
  if (llvm::Error error =
          program.add(op, llvm::to_vector(llvm::seq<unsigned>(0, operands)), operands))
    return error;
  return program;
}

float ScalarProgram::run(llvm::ArrayRef<float> arguments) const {
  llvm::SmallVector<double> slots(initialSlots);
  llvm::copy(arguments, slots.begin());
  for (const Instruction &instruction : instructions) {
    double value =
        instruction.function(slots[instruction.operands[0]], slots[instruction.operands[1]],
                             slots[instruction.operands[2]]);
    slots[instruction.result] = instruction.isF32 ? static_cast<float>(value) : value;
  }
  return static_cast<float>(slots[resultSlot]);
}

} // namespace tawny::interpreter
