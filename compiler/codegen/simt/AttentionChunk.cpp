// Keys and values of 32 positions in shared memory, as the operands of a matrix unit.
//
//   fetch: all threads, a share of keys and values       16 bytes per load, all in flight at once
//   keep:  keys[token][element] = share                                        16 bytes per store
//          values[element][depth] = 8 elements of two tokens                    4 bytes per store
//
// A value's row has the 16 positions of each page in the order in which a lane's scores are the
// operand of the next product: [part][page][element of the part].
#include "compiler/codegen/simt/AttentionMatrix.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

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

// 8 lanes read 16 bytes each at once, or 16 lanes 8. On AMD GPUs they are as many rows, which 16
// bytes of padding keep apart. On NVIDIA's four neighbours read a row, so that two rows (four)
// share the 128 bytes of all banks.

int64_t MatrixAttentionPlan::keyRowBytes() const {
  constexpr int64_t bankBytes = 128;
  if (!queriesAreRows())
    return headDim * 2 + 16;
  const int64_t share = pairsSteps() ? bankBytes / 2 : bankBytes / 4;
  return static_cast<int64_t>(llvm::alignTo(headDim * 2 - share, bankBytes)) + share;
}

int64_t MatrixAttentionPlan::valueRowBytes() const {
  return chunkTokens * 2 + (queriesAreRows() ? 0 : 16);
}

void AttentionChunk::forEachShare(int64_t count,
                                  llvm::function_ref<void(Value, Value)> body) const {
  for (int64_t first = 0; first < count; first += plan.threads()) {
    Value index = b.add(b.threadId(), first);
    if (first + plan.threads() <= count)
      body(index, Value());
    else
      body(b.minU(index, b.i32c(count - 1)), b.below(index, count));
  }
}

int64_t AttentionChunk::keyPieces() const {
  return plan.chunkTokens * plan.headDim / pieceElements;
}
int64_t AttentionChunk::valuePairs() const { return keyPieces() / 2; }

Value AttentionChunk::load(const Source &source, Value token, Value piece) const {
  token = b.minU(token, source.last);
  Value page = b.select(b.below(token, plan.pageTokens), source.first, source.second);
  Value offset = b.mul(b.remU(token, plan.pageTokens), plan.tokenBytes());
  Value address = b.at(page, b.add(offset, b.mul(piece, 2 * pieceElements)));
  return b.loadConstant(b.vectorOf(b.f16, pieceElements), address, 16);
}

SmallVector<Value> AttentionChunk::numbers(const PageTable &pages, Value position,
                                           Value last) const {
  SmallVector<Value> result;
  for (int64_t page = 0; page < plan.chunkPages; ++page)
    result.push_back(pages.number(b.minU(b.add(position, page * plan.pageTokens), last)));
  return result;
}

SmallVector<Value> AttentionChunk::fetch(const PageTable &pages, ValueRange numbers, Value position,
                                         Value last) const {
  PageTable::Page first = pages.page(numbers[0]), second = pages.page(numbers[1]);
  Value lastToken = b.sub(last, position);
  const Source keys{first.keys, second.keys, lastToken};
  const Source values{first.values, second.values, lastToken};
  SmallVector<Value> fetched;
  forEachShare(keyPieces(), [&](Value index, Value) {
    const int64_t pieces = plan.headDim / pieceElements;
    fetched.push_back(load(keys, b.divU(index, pieces), b.remU(index, pieces)));
  });
  forEachShare(valuePairs(), [&](Value index, Value) {
    ValuePair pair = valuePair(index);
    for (Value token : pair.tokens)
      fetched.push_back(load(values, token, pair.piece));
  });
  return fetched;
}

void AttentionChunk::keep(ValueRange fetched) const {
  auto next = fetched.begin();
  auto ifOwn = [&](Value isOwn, const std::function<void()> &body) {
    isOwn ? b.ifElse(isOwn, body) : body();
  };
  forEachShare(keyPieces(), [&](Value index, Value isOwn) {
    const int64_t pieces = plan.headDim / pieceElements;
    Value row = b.mul(b.divU(index, pieces), plan.keyRowBytes());
    Value offset = b.add(row, b.mul(b.remU(index, pieces), 2 * pieceElements)), keys = *next++;
    ifOwn(isOwn, [&] { b.store(keys, b.at(shared, offset), 16); });
  });
  forEachShare(valuePairs(), [&](Value index, Value isOwn) {
    ValuePair pair = valuePair(index);
    Value row = b.mul(pair.piece, pieceElements * plan.valueRowBytes());
    Value base = b.at(shared, b.add(b.add(row, b.mul(pair.element, 2)), plan.keyBytes()));
    Value first = *next++, second = *next++;
    ifOwn(isOwn, [&] {
      for (int64_t i = 0; i < pieceElements; ++i) {
        Value both = vector::FromElementsOp::create(
            b, b.vectorOf(b.f16, 2), ValueRange{b.element(first, i), b.element(second, i)});
        b.store(both, b.at(base, i * plan.valueRowBytes()), 4);
      }
    });
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

AttentionChunk::ValuePair AttentionChunk::valuePair(Value index) const {
  const int64_t pairs = plan.chunkTokens / 2, perLane = plan.matrix.perLane();
  ValuePair pair;
  pair.element = b.mul(b.remU(index, pairs), 2);
  pair.piece = b.divU(index, pairs);
  Value part = b.divU(pair.element, 2 * perLane);
  Value page = b.remU(b.divU(pair.element, perLane), 2);
  Value depth = b.add(b.mul(part, perLane), b.remU(pair.element, perLane));
  for (int64_t i = 0; i < 2; ++i)
    pair.tokens[i] = b.add(b.mul(page, plan.pageTokens), tokenOfDepth(b.add(depth, i)));
  return pair;
}

/// Eight elements as two operands of four.
SmallVector<Value> AttentionChunk::split(Value eight) const {
  SmallVector<Value> halves;
  for (int64_t first : {0, 4})
    halves.push_back(vector::ShuffleOp::create(
        b, eight, eight, ArrayRef<int64_t>{first, first + 1, first + 2, first + 3}));
  return halves;
}

SmallVector<Value> AttentionChunk::keys(int64_t tile, int64_t step) const {
  Value token = b.add(plan.inputLine(b), tile * plan.lineTile());
  Value row = b.at(shared, b.mul(token, plan.keyRowBytes()));
  Value address = b.at(row, b.mul(plan.stepElement(b, step), 2));
  if (plan.pairsSteps())
    return split(b.load(b.vectorOf(b.f16, 8), address, 16));
  auto alignment = static_cast<unsigned>(std::min<int64_t>(plan.matrix.perLane() * 2, 16));
  return {b.load(plan.matrix.inputType(b), address, alignment)};
}

SmallVector<Value> AttentionChunk::values(int64_t tile) const {
  const int64_t perLane = plan.matrix.perLane();
  Value element = b.add(plan.inputLine(b), tile * plan.lineTile());
  Value offset =
      b.add(b.mul(element, plan.valueRowBytes()), b.mul(plan.matrix.part(b), 4 * perLane));
  Value address = b.at(shared, b.add(offset, plan.keyBytes()));
  if (perLane == 4)
    return split(b.load(b.vectorOf(b.f16, 8), address, 16));
  SmallVector<Value> pages;
  for (int64_t page = 0; page < plan.chunkPages; ++page)
    pages.push_back(b.load(plan.matrix.inputType(b), b.at(address, page * perLane * 2), 16));
  return pages;
}

} // namespace tawny::simt
