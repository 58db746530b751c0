#include "compiler/codegen/x86/RotaryTable.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

using namespace mlir;

namespace tawny::x86 {
namespace {

constexpr uint64_t lowRows = 64;

/// Appends the row of one position: cosines, then sines of its angles, times `magnitude`.
void appendRow(std::vector<float> &table, llm::RopeAttr rope, uint64_t position, double magnitude) {
  for (bool sine : {false, true})
    for (int64_t pair = 0; pair < rope.getRotaryDim() / 2; ++pair) {
      double angle = static_cast<double>(position) * rope.getFrequency(pair);
      table.push_back(static_cast<float>(magnitude * (sine ? std::sin(angle) : std::cos(angle))));
    }
}

} // namespace

RotaryTables::RotaryTables(ModuleOp module, uint64_t maxContext)
    : module(module), highRows((maxContext + lowRows - 1) / lowRows) {}

StringAttr RotaryTables::globalFor(llm::RopeAttr rope) {
  StringAttr &symbol = globals[rope];
  if (symbol)
    return symbol;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  symbol = builder.getStringAttr("rotary." + std::to_string(globals.size()));
  std::vector<float> table;
  for (uint64_t high = 0; high < highRows; ++high)
    appendRow(table, rope, high * lowRows, rope.getMagnitude());
  for (uint64_t low = 0; low < lowRows; ++low)
    appendRow(table, rope, low, /*magnitude=*/1);
  auto count = static_cast<int64_t>(table.size());
  auto value = DenseElementsAttr::get(RankedTensorType::get({count}, builder.getF32Type()),
                                      ArrayRef<float>(table));
  auto type = LLVM::LLVMArrayType::get(builder.getF32Type(), static_cast<unsigned>(count));
  LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, symbol, value, /*alignment=*/64);
  return symbol;
}

RotaryTables::Rows RotaryTables::rows(Simd &b, llm::RopeAttr rope, Value position) {
  Value table = LLVM::AddressOfOp::create(b, b.pointer, globalFor(rope).getValue());
  int64_t rowBytes = rope.getRotaryDim() * 4;
  Value high = b.mul(b.divU(position, lowRows), rowBytes);
  Value low = b.mul(b.add(b.remU(position, lowRows), static_cast<int64_t>(highRows)), rowBytes);
  return {b.at(table, high), b.at(table, low)};
}

RotaryTables::Rotation RotaryTables::rotation(Simd &b, const Rows &rows, int64_t pairs, Value pair,
                                              int64_t width) {
  auto type = b.vectorOf(b.f32, width);
  auto read = [&](Value row, int64_t plane) {
    return b.load(type, b.at(b.at(row, b.mul(pair, 4)), plane * pairs * 4), 4);
  };
  Value highCos = read(rows.high, 0), highSin = read(rows.high, 1);
  Value lowCos = read(rows.low, 0), lowSin = read(rows.low, 1);
  return {b.subF(b.mulF(highCos, lowCos), b.mulF(highSin, lowSin)),
          b.addF(b.mulF(highSin, lowCos), b.mulF(highCos, lowSin))};
}

} // namespace tawny::x86
