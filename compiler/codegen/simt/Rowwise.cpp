// Kernels without sums: element-wise arithmetic, rounding to f16, and the two copies of rows.
//
//   workgroup (row)                                                              grid: one per row
//     thread i: columns (j * threads + i) * width …, 16 bytes of the narrowest type at a time
//       elementwise   y = op(a, b, …), silu included
//       quantize      y = f16(x), clamped to +-65504
//       logit_rows    y = x of row logit_rows[row]
//       kv_append     pool[kv_slots[row]] = k; the same for v
//
// Bytes: the rows read and written, once each.
#include "compiler/codegen/simt/Rows.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::simt {
namespace {

Type elementOf(Value tensor) { return cast<RankedTensorType>(tensor.getType()).getElementType(); }

/// The body of a kernel that maps the rows of `inputs` to a row of `result`.
template <typename Compute>
KernelBody planMap(ValueRange inputs, Value result, const TargetInfo &target, Compute compute) {
  SmallVector<Value> tensors(inputs);
  SmallVector<Type> elements;
  for (Value tensor : tensors)
    elements.push_back(elementOf(tensor));
  elements.push_back(elementOf(result));
  RowShape shape = RowShape::of(llm::columnsOf(result), elements, target);
  KernelBody body;
  body.threads = static_cast<unsigned>(shape.threads);
  body.emit = [=](Simt &b, Value tile, const Bindings &bindings, Value) mutable {
    SmallVector<Value> rows;
    SmallVector<Type> types;
    for (Value tensor : tensors) {
      rows.push_back(
          rowAddress(b, bindings.operand(tensor), tile, shape.columns, elementOf(tensor)));
      types.push_back(b.vectorOf(elementOf(tensor), shape.width));
    }
    Value output = rowAddress(b, bindings.result(0), tile, shape.columns, elements.back());
    mapRow(
        b, shape, types,
        [&](Value column) {
          SmallVector<Value> loaded;
          for (auto [tensor, row] : llvm::zip_equal(tensors, rows))
            loaded.push_back(loadColumns(b, shape, row, column, elementOf(tensor)));
          return loaded;
        },
        [&](Value column, ValueRange values) {
          storeColumns(b, shape, compute(b, values), output, column);
        });
  };
  return body;
}

Value emitSilu(Simt &b, Value x) {
  Value one = vector::BroadcastOp::create(b, x.getType(), b.f32c(1));
  return b.divF(x, b.addF(math::ExpOp::create(b, b.negF(x)), one));
}

} // namespace

bool isElementwise(Operation *op) {
  StringRef dialect = op->getName().getDialectNamespace();
  bool isScalarOp = (dialect == "arith" || dialect == "math") &&
                    op->hasTrait<OpTrait::Elementwise>() && op->getNumRegions() == 0;
  auto isRows = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getRank() == 2 && type.isDynamicDim(0) &&
           isa<Float16Type, Float32Type>(type.getElementType());
  };
  return (isScalarOp || isa<llm::SiluOp>(op)) && op->getNumResults() == 1 &&
         llvm::all_of(op->getOperands(), isRows) && isRows(op->getResult(0));
}

llvm::Expected<KernelBody> planElementwise(rt::KernelOp, Operation *op, const TargetInfo &target) {
  return planMap(
      op->getOperands(), op->getResult(0), target, [op](Simt &b, ValueRange values) -> Value {
        if (isa<llm::SiluOp>(op))
          return emitSilu(b, values[0]);
        int64_t width = cast<VectorType>(values[0].getType()).getNumElements();
        OperationState state(b.getLoc(), op->getName(), values,
                             b.vectorOf(elementOf(op->getResult(0)), width), op->getAttrs());
        return b.create(state)->getResult(0);
      });
}

llvm::Expected<KernelBody> planQuantize(rt::KernelOp kernel, llm::QuantizeOp op,
                                        const TargetInfo &target) {
  if (!elementOf(op.getResult()).isF16())
    return kernelError(kernel, "no emitter yet for int8 activations on GPUs; compile with "
                               "--activations=f16");
  return planMap(op.getInput(), op.getResult(), target,
                 [](Simt &b, ValueRange values) { return b.saturateToF16(values[0]); });
}

llvm::Expected<KernelBody> planLogitRows(rt::KernelOp kernel, llm::LogitRowsOp op,
                                         const TargetInfo &target) {
  if (llvm::Error error = requireSources(kernel, {rt::Source::LogitRows}))
    return error;
  Type element = elementOf(op.getInput());
  RowShape shape = RowShape::of(llm::columnsOf(op.getInput()), element, target);
  KernelBody body;
  body.threads = static_cast<unsigned>(shape.threads);
  body.emit = [=](Simt &b, Value tile, const Bindings &bindings, Value) mutable {
    Value wanted = b.at(bindings.source(rt::Source::LogitRows), b.mul(tile, 4));
    Value source = b.loadConstant(b.i32, wanted, 4);
    Value input = rowAddress(b, bindings.operand(op.getInput()), source, shape.columns, element);
    Value output = rowAddress(b, bindings.result(0), tile, shape.columns, element);
    mapRow(
        b, shape, {b.vectorOf(element, shape.width)},
        [&](Value column) -> SmallVector<Value> {
          return {loadColumns(b, shape, input, column, element)};
        },
        [&](Value column, ValueRange values) {
          storeColumns(b, shape, values[0], output, column);
        });
  };
  return body;
}

llvm::Expected<KernelBody> planKvAppend(rt::KernelOp kernel, llm::KvAppendOp op,
                                        const TargetInfo &target) {
  if (llvm::Error error = requireSources(
          kernel, {rt::Source::KvSlots, rt::Source::KeyPages, rt::Source::ValuePages}))
    return error;
  auto bits = static_cast<unsigned>(cast<llm::KvType>(op.getKv().getType()).getBits());
  Type f32 = Float32Type::get(op.getContext());
  Type stored = bits == 16 ? Type(Float16Type::get(op.getContext())) : f32;
  RowShape shape = RowShape::of(llm::columnsOf(op.getK()), {f32, stored}, target);
  KernelBody body;
  body.threads = static_cast<unsigned>(shape.threads);
  body.emit = [=](Simt &b, Value tile, const Bindings &bindings, Value) mutable {
    Value slots = b.at(bindings.source(rt::Source::KvSlots), b.mul(tile, 4));
    Value slot = b.loadConstant(b.i32, slots, 4);
    SmallVector<Value> inputs, outputs;
    for (Value tensor : {op.getK(), op.getV()})
      inputs.push_back(rowAddress(b, bindings.operand(tensor), tile, shape.columns, f32));
    for (rt::Source pages : {rt::Source::KeyPages, rt::Source::ValuePages})
      outputs.push_back(rowAddress(b, bindings.source(pages), slot, shape.columns, stored));
    Type loaded = b.vectorOf(f32, shape.width);
    mapRow(
        b, shape, {loaded, loaded},
        [&](Value column) {
          return llvm::map_to_vector(
              inputs, [&](Value row) { return loadColumns(b, shape, row, column, f32); });
        },
        [&](Value column, ValueRange values) {
          for (auto [value, row] : llvm::zip_equal(values, outputs))
            storeColumns(b, shape, bits == 16 ? b.saturateToF16(value) : Value(value), row, column);
        });
  };
  return body;
}

} // namespace tawny::simt
