// llm.top_k: the k largest logits of a row, the largest first.
//
//   workgroup (row)                                                              grid: one per row
//     each wave, k times:
//       best = largest key over the lanes' own bests                    two reductions over the
//       wave list[wave][j] = best; the lane that had it looks for its next: the largest of its keys
//       below
//     barrier; wave 0, k times:
//       best = largest of the heads of all lists; store it; its list moves on
//
// A key is 64 bits: the logit in an order that unsigned integers have, above the inverse of the
// token, so that all keys differ, the largest is the one to take, and equal logits give the lower
// token. NaN has key 0, as has what is missing.
//
// Bytes: the row, from cache a few times more (a lane has some 32 elements of 32000 and looks at
// them again for each that it gives).
#include "compiler/codegen/simt/Rows.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::simt {
namespace {

constexpr int64_t keyBytes = 8;

class TopKEmitter {
public:
  TopKEmitter(Simt &b, const RowShape &shape, int64_t count, Value shared)
      : b(b), shape(shape), count(count), shared(shared) {}

  void emit(Value input, Value output) {
    row = input;
    Value list = b.at(shared, b.mul(b.wave(), count * keyBytes));
    takeBest(
        nextBelow(b.i64c(-1)), [&](Value best) { return nextBelow(best); },
        [&](Value index, Value best) {
          b.store(best, b.at(list, b.mul(index, keyBytes)), keyBytes);
        });
    b.barrier();
    b.ifElse(b.equal(b.wave(), 0), [&] { merge(output); });
  }

private:
  int64_t waves() const { return shape.threads / static_cast<int64_t>(b.target.waveSize); }

  /// `count` times: finds the largest of all lanes' keys, gives it to `store`, which one lane does,
  /// and lets the lane that had it go on to what `next` says.
  void takeBest(Value first, const std::function<Value(Value best)> &next,
                const std::function<void(Value index, Value best)> &store) {
    b.forCarry(b.i32c(0), b.i32c(count), 1, first, [&](Value index, ValueRange carried) {
      Value best = largestOfWave(carried[0]);
      b.ifElse(b.equal(b.lane(), 0), [&] { store(index, best); });
      Value isOwn = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, carried[0], best);
      return b.choose(
          isOwn, b.i64, [&] { return SmallVector<Value>{next(best)}; },
          [&] { return SmallVector<Value>{carried[0]}; });
    });
  }

  /// The lists of all waves into one, by wave 0: a lane has a list, and its place in it.
  void merge(Value output) {
    Value lane = b.lane(), isList = b.below(lane, waves());
    Value list = b.at(shared, b.mul(b.minU(lane, b.i32c(waves() - 1)), count * keyBytes));
    auto keyAt = [&](Value place) -> Value {
      Value isInside = b.both(isList, b.below(place, count));
      Value key =
          b.load(b.i64, b.at(list, b.mul(b.minU(place, b.i32c(count - 1)), keyBytes)), keyBytes);
      return b.select(isInside, key, b.i64c(0));
    };
    SmallVector<Value> first{keyAt(b.i32c(0)), b.i32c(0)};
    b.forCarry(b.i32c(0), b.i32c(count), 1, first, [&](Value index, ValueRange carried) {
      Value best = largestOfWave(carried[0]);
      b.ifElse(b.equal(lane, 0), [&] { storeCandidate(output, index, best); });
      Value isOwn = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, carried[0], best);
      Value place = b.select(isOwn, b.add(carried[1], 1), carried[1]);
      return SmallVector<Value>{keyAt(place), place};
    });
  }

  Value high(Value key) {
    return arith::TruncIOp::create(b, b.i32, arith::ShRUIOp::create(b, key, b.i64c(32)));
  }
  Value low(Value key) { return arith::TruncIOp::create(b, b.i32, key); }
  Value join(Value high, Value low) {
    Value above = arith::ShLIOp::create(b, b.toI64(high), b.i64c(32));
    return arith::OrIOp::create(b, above, b.toI64(low));
  }

  Value largestOfWave(Value key) {
    auto reduce = [&](Value value) -> Value {
      return gpu::SubgroupReduceOp::create(b, value, gpu::AllReduceOperation::MAXUI,
                                           /*uniform=*/false);
    };
    Value top = reduce(high(key));
    Value isTop = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, high(key), top);
    return join(top, reduce(b.select(isTop, low(key), b.i32c(0))));
  }

  /// The largest key of the lane's columns that is below `bound`; 0 if there is none.
  Value nextBelow(Value bound) {
    return b.forCarry(shape.firstColumn(b), b.i32c(shape.columns), shape.threads * shape.width,
                      b.i64c(0), [&](Value column, ValueRange carried) {
                        Value logits = loadColumns(b, shape, row, column, b.f32);
                        Value best = carried[0];
                        for (int64_t index = 0; index < shape.width; ++index) {
                          Value key = keyOf(b.element(logits, index), b.add(column, index));
                          key = b.select(b.below(key, bound), key, b.i64c(0));
                          best = arith::MaxUIOp::create(b, best, key);
                        }
                        return SmallVector<Value>{best};
                      })[0];
  }

  /// Floats in order: negative ones have all bits flipped, others the sign.
  Value keyOf(Value logit, Value token) {
    Value number = b.addF(logit, b.f32c(0)); // -0 is 0
    Value bits = arith::BitcastOp::create(b, b.i32, number);
    Value sign = arith::ShRSIOp::create(b, bits, b.i32c(31));
    Value flip = arith::OrIOp::create(b, sign, b.i32c(INT32_MIN));
    Value ordered = arith::XOrIOp::create(b, bits, flip);
    Value inverse = arith::XOrIOp::create(b, token, b.i32c(-1));
    Value isNumber = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, logit, logit);
    return b.select(isNumber, join(ordered, inverse), b.i64c(0));
  }

  void storeCandidate(Value output, Value index, Value key) {
    Value ordered = high(key), isPositive = b.below(b.i32c(INT32_MAX), ordered);
    Value flip = b.select(isPositive, b.i32c(INT32_MIN), b.i32c(-1));
    Value bits = arith::XOrIOp::create(b, ordered, flip);
    Value token = arith::XOrIOp::create(b, low(key), b.i32c(-1));
    constexpr int32_t minusInfinity = static_cast<int32_t>(0xFF800000);
    Value isNone = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, key, b.i64c(0));
    bits = b.select(isNone, b.i32c(minusInfinity), bits);
    Value candidate =
        vector::FromElementsOp::create(b, b.vectorOf(b.i32, 2), ValueRange{bits, token});
    b.store(candidate, b.at(output, b.mul(index, keyBytes)), keyBytes);
  }

  Simt &b;
  const RowShape &shape;
  int64_t count;
  Value shared, row;
};

} // namespace

llvm::Expected<KernelBody> planTopK(rt::KernelOp, llm::TopKOp op, const TargetInfo &target) {
  RowShape shape =
      RowShape::of(llm::columnsOf(op.getInput()), Float32Type::get(op.getContext()), target);
  const int64_t count = llm::columnsOf(op.getResult());
  KernelBody body;
  body.threads = static_cast<unsigned>(shape.threads);
  body.sharedBytes = shape.threads / static_cast<int64_t>(target.waveSize) * count * keyBytes;
  body.emit = [=](Simt &b, Value tile, const Bindings &bindings, Value shared) mutable {
    Value input = rowAddress(b, bindings.operand(op.getInput()), tile, shape.columns, b.f32);
    Value output = b.at(bindings.result(0), b.mul(b.toI64(tile), count * keyBytes));
    TopKEmitter(b, shape, count, shared).emit(input, output);
  };
  return body;
}

} // namespace tawny::simt
