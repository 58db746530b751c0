#include "compiler/codegen/simt/Rows.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny::simt {
namespace {

int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

constexpr int64_t loadBytes = 16;

unsigned alignmentOf(const RowShape &shape, Type element) {
  return static_cast<unsigned>(std::min(shape.width * bytesOf(element), loadBytes));
}

Value columnAddress(Simt &b, Value address, Value column, Type element) {
  return b.at(address, b.mul(column, bytesOf(element)));
}

} // namespace

RowShape RowShape::of(int64_t columns, ArrayRef<Type> elements, const TargetInfo &target) {
  RowShape shape;
  shape.columns = columns;
  int64_t narrowest = loadBytes;
  for (Type element : elements)
    narrowest = std::min(narrowest, bytesOf(element));
  shape.width = loadBytes / narrowest;
  while (columns % shape.width != 0)
    shape.width /= 2;
  // Four columns of a thread in flight; a workgroup has at most 1024 threads on every chip.
  int64_t wanted = llvm::divideCeil(columns, 4 * shape.width);
  shape.threads = std::min<int64_t>(llvm::alignTo(wanted, target.waveSize), 1024);
  return shape;
}

Value rowAddress(Simt &b, Value base, Value row, int64_t columns, Type element) {
  return b.at(base, b.mul(b.toI64(row), columns * bytesOf(element)));
}

Value loadColumns(Simt &b, const RowShape &shape, Value address, Value column, Type element) {
  return b.load(b.vectorOf(element, shape.width), columnAddress(b, address, column, element),
                alignmentOf(shape, element));
}

void storeColumns(Simt &b, const RowShape &shape, Value vector, Value address, Value column) {
  Type element = cast<VectorType>(vector.getType()).getElementType();
  b.store(vector, columnAddress(b, address, column, element), alignmentOf(shape, element));
}

void mapRow(Simt &b, const RowShape &shape, ArrayRef<Type> types, const LoadColumn &load,
            const StoreColumn &store) {
  const int64_t stride = shape.threads * shape.width;
  const int64_t steps = llvm::divideCeil(shape.columns, stride);
  constexpr int64_t mostUnrolled = 16, inFlight = 4;
  if (steps > mostUnrolled)
    return b.forRange(shape.firstColumn(b), b.i32c(shape.columns), stride,
                      [&](Value column) { store(column, load(column)); });
  for (int64_t first = 0; first < steps; first += inFlight) {
    const int64_t end = std::min(first + inFlight, steps);
    SmallVector<SmallVector<Value>> values;
    for (int64_t step = first; step < end; ++step) {
      Value column = b.add(shape.firstColumn(b), step * stride);
      if ((step + 1) * stride <= shape.columns)
        values.push_back(load(column));
      else
        values.push_back(b.choose(
            b.below(column, shape.columns), types, [&] { return load(column); },
            [&] {
              return llvm::map_to_vector(types, [&](Type type) -> Value {
                return arith::ConstantOp::create(b, b.getZeroAttr(type));
              });
            }));
    }
    for (int64_t step = first; step < end; ++step) {
      Value column = b.add(shape.firstColumn(b), step * stride);
      auto body = [&] { store(column, values[step - first]); };
      if ((step + 1) * stride <= shape.columns)
        body();
      else
        b.ifElse(b.below(column, shape.columns), body);
    }
  }
}

} // namespace tawny::simt
