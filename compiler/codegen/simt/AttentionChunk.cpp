// Keys and values of 32 positions in shared memory, as the operands of a matrix unit.
//
//   all threads, 16 bytes each: keys[token][element] = pool                   8 loads in flight
//   all threads, 2 tokens x 8 elements each: values[element][depth] = pool   4 bytes per store
//
// A value's row has the 16 positions of each page in the order in which a lane's scores are the
// operand of the next product: [part][page][element of the part].
#include "compiler/codegen/simt/AttentionMatrix.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::simt {

constexpr int64_t pieceElements = 8; ///< 16 bytes of f16.

Value MatrixAttentionPlan::stepElement(Simt &b, int64_t step) const {
  Value part = matrix.part(b);
  if (pairsSteps())
    return b.add(b.mul(part, 2 * matrix.perLane()),
                 step / 2 * 2 * Matrix::depth + step % 2 * matrix.perLane());
  return b.add(b.mul(part, matrix.perLane()), step * Matrix::depth);
}

void AttentionChunk::forEach(int64_t count, const Simt::Body &body) const {
  for (int64_t first = 0; first < count; first += plan.threads()) {
    Value index = b.add(b.threadId(), first);
    if (first + plan.threads() <= count)
      body(index);
    else
      b.ifElse(b.below(index, count), [&] { body(index); });
  }
}

Value AttentionChunk::source(Value first, Value second, Value token, Value piece,
                             Value last) const {
  token = b.minU(token, last);
  Value page = b.select(b.below(token, plan.pageTokens), first, second);
  Value offset = b.mul(b.remU(token, plan.pageTokens), plan.tokenBytes());
  return b.at(page, b.add(offset, b.mul(piece, 2 * pieceElements)));
}

void AttentionChunk::load(const PageTable &pages, Value position, Value last) const {
  Value lastToken = b.sub(last, position);
  PageTable::Page first = pages.at(position);
  PageTable::Page second = pages.at(b.minU(b.add(position, plan.pageTokens), last));
  loadKeys(first.keys, second.keys, lastToken);
  loadValues(first.values, second.values, lastToken);
}

void AttentionChunk::loadKeys(Value first, Value second, Value last) const {
  const int64_t pieces = plan.headDim / pieceElements;
  auto type = b.vectorOf(b.f16, pieceElements);
  forEach(plan.chunkTokens * pieces, [&](Value index) {
    Value token = b.divU(index, pieces), piece = b.remU(index, pieces);
    Value keys = b.loadConstant(type, source(first, second, token, piece, last), 16);
    Value offset = b.add(b.mul(token, plan.keyRowBytes()), b.mul(piece, 2 * pieceElements));
    b.store(keys, b.at(shared, offset), 16);
  });
}

/// The position in its page that is at `depth` of the product.
Value AttentionChunk::tokenOfDepth(Value depth) const {
  if (plan.queriesAreRows()) // Sums of a lane: two of each tile of 8.
    return b.add(b.add(b.mul(b.divU(depth, 4), 2), b.remU(depth, 2)),
                 b.mul(b.remU(b.divU(depth, 2), 2), 8));
  if (plan.matrix.parts == 1) // One half wave's sums, then the other's.
    return b.add(b.mul(b.remU(depth, 8), 2), b.divU(depth, 8));
  return depth;
}

void AttentionChunk::loadValues(Value first, Value second, Value last) const {
  const int64_t pairs = plan.chunkTokens / 2, perLane = plan.matrix.perLane();
  auto type = b.vectorOf(b.f16, pieceElements), pairType = b.vectorOf(b.f16, 2);
  forEach(pairs * plan.headDim / pieceElements, [&](Value index) {
    Value element = b.mul(b.remU(index, pairs), 2), piece = b.divU(index, pairs);
    Value part = b.divU(element, 2 * perLane), page = b.remU(b.divU(element, perLane), 2);
    Value depth = b.add(b.mul(part, perLane), b.remU(element, perLane));
    SmallVector<Value> tokens;
    for (int64_t i = 0; i < 2; ++i) {
      Value token = b.add(b.mul(page, plan.pageTokens), tokenOfDepth(b.add(depth, i)));
      tokens.push_back(b.loadConstant(type, source(first, second, token, piece, last), 16));
    }
    Value row = b.mul(piece, pieceElements * plan.valueRowBytes);
    Value base = b.at(shared, b.add(b.add(row, b.mul(element, 2)), plan.keyBytes()));
    for (int64_t i = 0; i < pieceElements; ++i) {
      Value pair = vector::FromElementsOp::create(
          b, pairType, ValueRange{b.element(tokens[0], i), b.element(tokens[1], i)});
      b.store(pair, b.at(base, i * plan.valueRowBytes), 4);
    }
  });
}

/// Eight elements as two operands of four.
SmallVector<Value> AttentionChunk::split(Value eight) const {
  SmallVector<Value> halves;
  for (int64_t first : {0, 4})
    halves.push_back(vector::ShuffleOp::create(
        b, eight, eight, ArrayRef<int64_t>{first, first + 1, first + 2, first + 3}));
  return halves;
}

SmallVector<Value> AttentionChunk::keys(int64_t page, int64_t tile) const {
  Value token = b.add(plan.inputLine(b), page * plan.pageTokens + tile * plan.lineTile());
  Value row = b.at(shared, b.mul(token, plan.keyRowBytes()));
  SmallVector<Value> steps;
  for (int64_t step = 0; step < plan.steps(); ++step) {
    Value address = b.at(row, b.mul(plan.stepElement(b, step), 2));
    if (!plan.pairsSteps()) {
      auto alignment = static_cast<unsigned>(std::min<int64_t>(plan.matrix.perLane() * 2, 16));
      steps.push_back(b.load(plan.matrix.inputType(b), address, alignment));
    } else if (step % 2 == 0) {
      llvm::append_range(steps, split(b.load(b.vectorOf(b.f16, 8), address, 16)));
    }
  }
  return steps;
}

SmallVector<Value> AttentionChunk::values(int64_t tile) const {
  const int64_t perLane = plan.matrix.perLane();
  Value element = b.add(plan.inputLine(b), tile * plan.lineTile());
  Value offset = b.add(b.mul(element, plan.valueRowBytes), b.mul(plan.matrix.part(b), 4 * perLane));
  Value address = b.at(shared, b.add(offset, plan.keyBytes()));
  if (perLane == 4)
    return split(b.load(b.vectorOf(b.f16, 8), address, 16));
  SmallVector<Value> pages;
  for (int64_t page = 0; page < plan.chunkPages; ++page)
    pages.push_back(b.load(plan.matrix.inputType(b), b.at(address, page * perLane * 2), 16));
  return pages;
}

} // namespace tawny::simt
