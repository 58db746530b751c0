// Rotary position embedding in the store of a linear.
//
//   for each element d of a head at position p:                       once per output, not per
//   input
//     turns = fract(p * frequency[i] / 2 pi)                          i: the pair of d
//     q or k: x[d] * m cos(turns) -+ x[partner] * m sin(turns)        the partner's sum is in
//     shared q: store f32; k, v: store at pool[kv_slots[token]]          memory
#include "compiler/codegen/simt/Linear.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <numbers>

using namespace mlir;

namespace tawny::simt {
namespace {

/// Each pair's turns per position, as a sum of two floats: f32 [pairs][2] in constant memory.
Value frequencyTable(Simt &b, llm::RopeAttr rope) {
  SmallVector<float> table;
  for (int64_t pair = 0; pair < rope.getRotaryDim() / 2; ++pair) {
    double turns = rope.getFrequency(pair) / (2 * std::numbers::pi);
    table.push_back(static_cast<float>(turns));
    table.push_back(static_cast<float>(turns - static_cast<double>(table.back())));
  }
  int64_t size = static_cast<int64_t>(table.size());
  Operation *function = b.getInsertionBlock()->getParentOp();
  while (!isa<FunctionOpInterface>(function))
    function = function->getParentOp();
  auto module = function->getParentOfType<gpu::GPUModuleOp>();
  std::string name = (SymbolTable::getSymbolName(function).getValue() + ".turns").str();
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    LLVM::GlobalOp::create(
        top, b.getLoc(), LLVM::LLVMArrayType::get(b.f32, size),
        /*isConstant=*/true, LLVM::Linkage::Internal, name,

        DenseElementsAttr::get(RankedTensorType::get(size, b.f32), ArrayRef<float>(table)),
        /*alignment=*/8, constantSpace);
  }
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), constantSpace);
  return LLVM::AddressOfOp::create(b, pointer, name);
}

/// sum over i of factor * coefficients[i] * square^i.
Value polynomial(Simt &b, Value square, ArrayRef<double> coefficients, double factor) {
  Value value = b.f32c(factor * coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    value = b.fma(value, square, b.f32c(factor * coefficient));
  return value;
}

/// Stores an f32 in the pool, as an element of its type.
void append(const LinearTile &tile, const LinearElement &element, rt::Source pages, Value value) {
  Simt &b = tile.b;
  Value slots = tile.bindings.source(rt::Source::KvSlots);
  Value slot = b.load(b.i32, b.at(slots, b.mul(element.token, 4)), 4);
  int64_t rowElements = tile.plan.parts[tile.parts[0]].rows; // heads * head elements
  Value index = b.add(b.mul(b.toI64(slot), rowElements), b.toI64(element.row));
  llm::LinearOp op = tile.plan.op;
  int64_t bits = cast<llm::KvType>(op.getResults().back().getType()).getBits();
  Value stored = bits == 16 ? b.saturateToF16(value) : value;
  unsigned bytes = static_cast<unsigned>(bits / 8);
  b.store(stored, b.at(tile.bindings.source(pages), b.mul(index, bytes)), bytes);
}

/// The element after rotation; elements past the rotary ones stay as they are.
Value rotated(const LinearTile &tile, const LinearElement &element, int64_t tokens) {
  Simt &b = tile.b;
  llm::LinearOp op = tile.plan.op;
  llm::RopeAttr rope = *op.getRopeAppend();
  const int64_t half = rope.getRotaryDim() / 2;
  unsigned part = tile.parts[0];
  Value own = linearSum(tile, part, element.tileRow, element.row, element.slot, tokens);
  Value within = b.remU(element.row, rope.getHeadDim());
  auto rotate = [&]() -> SmallVector<Value> {
    bool adjacent = rope.getPairs() == llm::RotaryPairs::Adjacent;
    int64_t distance = adjacent ? 1 : half;
    Value isFirst = adjacent ? b.equal(b.remU(within, 2), 0) : b.below(within, half);
    Value pair = adjacent ? b.divU(within, 2) : b.remU(within, half);
    Value step = b.select(isFirst, b.i32c(distance), b.i32c(-distance));
    Value partner = linearSum(tile, part, b.add(element.tileRow, step), b.add(element.row, step),
                              element.slot, tokens);
    Value positions = tile.bindings.source(rt::Source::Positions);
    Value position = b.load(b.i32, b.at(positions, b.mul(element.token, 4)), 4);
    Rotation rotation = emitRotation(b, rope, position, pair);
    Value sine = b.select(isFirst, b.negF(rotation.sine), rotation.sine);
    return {b.fma(partner, sine, b.mulF(own, rotation.cosine))};
  };
  if (rope.getRotaryDim() == rope.getHeadDim())
    return rotate()[0];
  return b.choose(b.below(within, rope.getRotaryDim()), b.f32, rotate,
                  [&] { return SmallVector<Value>{own}; })[0];
}

} // namespace

Rotation emitRotation(Simt &b, llm::RopeAttr rope, Value position, Value pair) {
  Value entry = b.at(frequencyTable(b, rope), b.mul(pair, 8));
  Value high = b.loadConstant(b.f32, entry, 8), low = b.loadConstant(b.f32, b.at(entry, 4), 4);
  // p * high is split exactly into a rounded product and its error; whole turns then drop out
  // without loss.
  Value p = arith::UIToFPOp::create(b, b.f32, position);
  Value product = b.mulF(p, high);
  Value error = b.fma(p, high, b.negF(product));
  Value whole = math::RoundEvenOp::create(b, product);
  Value turns = b.addF(b.subF(product, whole), b.fma(p, low, error));
  // A quarter turn is the range of the polynomials: Taylor series to x^9 and x^10 at |x| <= pi / 4
  // are off by at most 2e-9. The rotation's magnitude costs nothing in their coefficients.
  Value quarters = math::RoundEvenOp::create(b, b.mulF(turns, b.f32c(4)));
  Value rest = b.fma(quarters, b.f32c(-0.25), turns);
  Value angle = b.mulF(rest, b.f32c(2 * std::numbers::pi));
  Value square = b.mulF(angle, angle);
  Value sine = polynomial(b, square, {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880},
                          rope.getMagnitude());
  sine = b.mulF(angle, sine);
  Value cosine =
      polynomial(b, square, {1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800},
                 rope.getMagnitude());
  Value quadrant =
      arith::AndIOp::create(b, arith::FPToSIOp::create(b, b.i32, quarters).getResult(), b.i32c(3));
  Value isOdd = b.equal(b.remU(quadrant, 2), 1);
  Value isSineNegative = b.equal(b.divU(quadrant, 2), 1);
  Value isCosineNegative = b.equal(b.divU(b.remU(b.add(quadrant, 1), 4), 2), 1);
  Value turnedSine = b.select(isOdd, cosine, sine), turnedCosine = b.select(isOdd, sine, cosine);
  return {b.select(isSineNegative, b.negF(turnedSine), turnedSine),
          b.select(isCosineNegative, b.negF(turnedCosine), turnedCosine)};
}

void emitRopeAppend(const LinearTile &tile, const LinearElement &element, int64_t tokens) {
  Simt &b = tile.b;
  unsigned part = tile.parts[0];
  if (part == 2) {
    Value sum = linearSum(tile, part, element.tileRow, element.row, element.slot, tokens);
    return append(tile, element, rt::Source::ValuePages, sum);
  }
  Value value = rotated(tile, element, tokens);
  if (part == 1)
    return append(tile, element, rt::Source::KeyPages, value);
  Value index = b.add(b.mul(b.toI64(element.token), tile.plan.parts[0].rows), b.toI64(element.row));
  b.store(value, b.at(tile.bindings.result(0), b.mul(index, 4)), 4);
}

} // namespace tawny::simt
