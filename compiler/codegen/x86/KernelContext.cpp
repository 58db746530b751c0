#include "compiler/codegen/x86/KernelContext.h"

#include "dialects/formats/Activations.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace tawny::x86 {

Value KernelContext::binding(rt::Source source, int64_t index) {
  for (auto [position, attribute] : llvm::enumerate(kernel.getBindings())) {
    auto argument = cast<rt::ArgumentAttr>(attribute);
    if (argument.getSource() == source && argument.getIndex() == index)
      return arguments[position];
  }
  llvm::report_fatal_error("a kernel lacks a binding its emitter needs");
}

Value KernelContext::operand(Value value) {
  return binding(rt::Source::Operand, cast<BlockArgument>(value).getArgNumber());
}

int64_t columnsOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getShape().back();
}

bool isQuantised(Value tensor) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  return type && isa<llm::A8Type>(type.getElementType());
}

int64_t activationRowBytes(Value tensor) {
  int64_t columns = columnsOf(tensor);
  if (!isQuantised(tensor))
    return columns * 4;
  return static_cast<int64_t>(ActivationRow{static_cast<uint64_t>(columns)}.bytes());
}

Format formatOf(Value weight) {
  Type element = cast<RankedTensorType>(weight.getType()).getElementType();
  return *formatByName(std::string_view(llm::formatName(element)));
}

int64_t vectorWidthFor(int64_t count) {
  int64_t width = lanes;
  while (count % width != 0)
    width /= 2;
  return width;
}

namespace {

/// Rounds 16 scaled inputs, stores the codes, and returns their sum as i32.
Value storeCodes(Simd &b, Value scaled, Value address) {
  Value rounded = math::RoundEvenOp::create(b, scaled);
  Value codes = arith::FPToSIOp::create(b, b.i32x16, rounded);
  b.store(arith::TruncIOp::create(b, b.vectorOf(b.i8), codes), address, 16);
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, codes);
}

} // namespace

void storeQuantised(Simd &b, Value row, int64_t columns, Value column, Value first, Value second) {
  ActivationRow layout{static_cast<uint64_t>(columns)};
  // NaN among them makes the scale NaN, so that it gets on to what `--check` looks at.
  Value magnitude = b.greatestMagnitude(first, second);
  Value isZero = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, magnitude, b.f32c(0));
  Value inverse = arith::SelectOp::create(b, isZero, b.f32c(0), b.divF(b.f32c(127), magnitude));
  Value scale = b.divF(magnitude, b.f32c(127));
  Value factor = b.splat(inverse);
  Value codes = b.at(row, column);
  Value firstSum = storeCodes(b, b.mulF(first, factor), codes);
  Value secondSum = storeCodes(b, b.mulF(second, factor), b.at(codes, lanes));
  Value group = b.divU(column, 32), sum = arith::AddIOp::create(b, firstSum, secondSum);
  auto plane = [&](uint64_t offset, int64_t bytes) {
    return b.at(b.at(row, b.mul(group, bytes)), static_cast<int64_t>(offset));
  };
  auto storeSum = [&](Value sum, Value scaled, Value negated) {
    b.store(b.mulF(scale, arith::SIToFPOp::create(b, b.f32, sum)), scaled, 4);
    b.store(arith::SubIOp::create(b, b.i32c(0), sum), negated, 4);
  };
  b.store(scale, plane(layout.scalesOffset(), 4), 4);
  storeSum(sum, plane(layout.sums32Offset(), 4), plane(layout.offsets32Offset(), 4));
  Value sums16 = plane(layout.sums16Offset(), 8), offsets16 = plane(layout.offsets16Offset(), 8);
  storeSum(firstSum, sums16, offsets16);
  storeSum(secondSum, b.at(sums16, 4), b.at(offsets16, 4));
}

Operation *vectorise(Simd &b, Operation *op, IRMapping &values) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Value scalar = b.clone(*op)->getResult(0);
    values.map(constant.getResult(), b.splat(scalar));
    return scalar.getDefiningOp();
  }
  OperationState state(b.getLoc(), op->getName());
  for (Value operand : op->getOperands())
    state.addOperands(values.lookup(operand));
  for (Type type : op->getResultTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    state.addTypes(b.vectorOf(tensor ? tensor.getElementType() : type));
  }
  state.addAttributes(op->getAttrs());
  Operation *vector = b.create(state);
  values.map(op->getResults(), vector->getResults());
  return vector;
}

} // namespace tawny::x86
