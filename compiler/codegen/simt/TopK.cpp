// llm.top_k: the k largest logits of a row, the largest first.
//
//   workgroup (row)                                                              grid: one per row
//     each lane: own = the largest key of its columns;  each wave: head = the largest own
//     k times:
//       heads[wave] = head; barrier
//       best = the largest of heads, which every wave finds for itself; one lane stores it
//       the wave that had it: the lane that had it looks for its next, the largest of its keys
//       below; head = the largest own
//
// Heads have two places, in turn: a wave may write the next before another has read the last.
// Having every wave find its own k first takes 140 us for 40 of 32000 (H100), since a lane that
// looks again costs its wave as much as if all did.
//
// A key is 64 bits: the logit in an order that unsigned integers have, above the inverse of the
// token, so that all keys differ, the largest is the one to take, and equal logits give the lower
// token. NaN has key 0, as has what is missing.
//
// Bytes: the row, and from cache a lane's part of it (some 32 elements of 32000) for each that is
// found.
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
    Value own = nextBelow(b.i64c(-1));
    SmallVector<Value> first{own, largestOfWave(own)};
    b.forCarry(b.i32c(0), b.i32c(count), 1, first, [&](Value index, ValueRange carried) {
      Value own = carried[0], head = carried[1];
      Value best = largestOfAll(index, head);
      b.ifElse(b.equal(b.threadId(), 0), [&] { storeCandidate(output, index, best); });
      return b.choose(
          isEqual(head, best), {b.i64, b.i64},
          [&] {
            Value next = b.choose(
                isEqual(own, best), b.i64, [&] { return SmallVector<Value>{nextBelow(best)}; },
                [&] { return SmallVector<Value>{own}; })[0];
            return SmallVector<Value>{next, largestOfWave(next)};
          },
          [&] { return SmallVector<Value>{own, head}; });
    });
  }

  static int64_t sharedBytes(const RowShape &shape, const TargetInfo &target) {
    return 2 * waves(shape, target) * keyBytes;
  }

private:
  static int64_t waves(const RowShape &shape, const TargetInfo &target) {
    return shape.threads / static_cast<int64_t>(target.waveSize);
  }

  Value isEqual(Value a, Value b) {
    return arith::CmpIOp::create(this->b, arith::CmpIPredicate::eq, a, b);
  }

  /// The largest of all waves' heads. There are no more waves than a wave has lanes.
  Value largestOfAll(Value index, Value head) {
    const int64_t places = waves(shape, b.target);
    Value heads = b.at(shared, b.mul(b.remU(index, 2), places * keyBytes));
    b.ifElse(b.equal(b.lane(), 0),
             [&] { b.store(head, b.at(heads, b.mul(b.wave(), keyBytes)), keyBytes); });
    b.barrier();
    Value place = b.minU(b.lane(), b.i32c(places - 1));
    return largestOfWave(b.load(b.i64, b.at(heads, b.mul(place, keyBytes)), keyBytes));
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
  body.sharedBytes = TopKEmitter::sharedBytes(shape, target);
  body.emit = [=](Simt &b, Value tile, const Bindings &bindings, Value shared) mutable {
    Value input = rowAddress(b, bindings.operand(op.getInput()), tile, shape.columns, b.f32);
    Value output = b.at(bindings.result(0), b.mul(b.toI64(tile), count * keyBytes));
    TopKEmitter(b, shape, count, shared).emit(input, output);
  };
  return body;
}

} // namespace tawny::simt
