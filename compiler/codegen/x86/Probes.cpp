// The two kernels that measure the machine (runtime/artifact.fbs, Probes).
#include "compiler/codegen/x86/Probes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

constexpr int64_t readTileBytes = 1 << 20;
constexpr int64_t peakRounds = 4096;
/// Independent accumulators: the latency of a dot product times the units that run it, and a few
/// more; 16 registers hold 12 of them and the inputs.
constexpr int64_t peakChains = 12;

/// Loads keep the accumulators alive only if their value matters: a store that never happens.
void keep(Simd &b, Value vector, Value sink) {
  Value bits = vector;
  for (int64_t width = lanes; width > 1; width /= 2) {
    SmallVector<int64_t> low = laneNumbers(0, width / 2);
    SmallVector<int64_t> high = laneNumbers(width / 2, width);
    bits = arith::XOrIOp::create(b, b.shuffle(bits, low), b.shuffle(bits, high));
  }
  Value word = b.extract(bits, 0);
  Value improbable = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, word, b.i32c(0x7A9D3C51));
  b.ifElse(improbable, [&] { b.store(word, sink, 4); });
}

} // namespace

int64_t emitReadProbe(Simd &b, Value tile, ValueRange bindings) {
  constexpr int64_t streams = 8, vectorBytes = 64;
  Value base = b.at(bindings[0], b.mul(tile, readTileBytes));
  SmallVector<Value> zeros(streams, b.i32s(0));
  auto step = [&](Value offset, ValueRange carried) {
    SmallVector<Value> next;
    for (int64_t s = 0; s < streams; ++s) {
      Value data = b.load(b.i32x16, b.at(b.at(base, offset), s * vectorBytes), vectorBytes);
      next.push_back(arith::XOrIOp::create(b, carried[s], data));
    }
    return next;
  };
  SmallVector<Value> sums =
      b.forCarry(b.i64c(0), b.i64c(readTileBytes), streams * vectorBytes, zeros, step);
  Value all = sums[0];
  for (int64_t s = 1; s < streams; ++s)
    all = arith::XOrIOp::create(b, all, sums[s]);
  keep(b, all, bindings[1]);
  return readTileBytes;
}

PeakProbe emitPeakProbe(Simd &b, Value tile, ValueRange bindings, bool int8) {
  Value codes = b.load(b.i32x16, bindings[0], 4);
  Value quad = b.load(b.i32, bindings[0], 4);
  Value x = arith::BitcastOp::create(b, b.f32x16, codes);
  SmallVector<Value> zeros(peakChains, int8 ? b.i32s(0) : b.f32s(0));
  auto step = [&](Value, ValueRange carried) {
    SmallVector<Value> next;
    for (Value chain : carried)
      next.push_back(int8 ? b.dotBytes(chain, codes, quad, 7) : b.fma(x, x, chain));
    return next;
  };
  SmallVector<Value> sums = b.forCarry(b.i64c(0), b.i64c(peakRounds), 1, zeros, step);
  Value all = b.i32s(0);
  for (Value sum : sums)
    all = arith::XOrIOp::create(
        b, all, int8 ? sum : arith::BitcastOp::create(b, b.i32x16, sum).getResult());
  keep(b, all, bindings[0]);
  int64_t operations = peakRounds * peakChains * 2 * lanes * (int8 ? 4 : 1);
  return {operations, !int8 ? "fma.f32" : b.target.vnni ? "vpdpbusd" : "vpmaddubsw"};
}

} // namespace tawny::x86
