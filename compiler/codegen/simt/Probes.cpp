// The two kernels that measure the machine.
//
//   read  workgroup of 256 threads (tile: 64 KiB)
//           twice: 8 loads of 16 bytes per lane, neighbours side by side: 32 KiB in flight for a
//           workgroup; the machine needs latency x bandwidth, some 4 MB on an H200 (0.8 us), which
//           is one such workgroup on each of its multiprocessors
//   peak  workgroup of 8 waves
//           rounds times: 8 independent products of the matrix unit, or 16 multiply-adds, per wave
//
// What is read or computed is combined into one word, which is stored where it has an improbable
// value, so that nothing can be left out.
#include "compiler/codegen/simt/Probes.h"

#include "compiler/codegen/simt/Matrix.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::simt {
namespace {

constexpr int64_t readThreads = 256, loadBytes = 16, loadsInFlight = 8, readRounds = 2;
constexpr int64_t peakWaves = 8, peakRounds = 512, matrixChains = 8, fmaChains = 16;

/// Stores the word where it is improbable.
void keep(Simt &b, Value word, Value sink) {
  b.ifElse(b.equal(word, 0x7A9D3C51), [&] { b.store(word, sink, 4); });
}

Value exclusiveOr(Simt &b, Value x, Value y) { return arith::XOrIOp::create(b, x, y); }

void emitRead(Simt &b, Value tile, Value source, Value sink) {
  constexpr int64_t stepBytes = readThreads * loadBytes;
  Type four = b.vectorOf(b.i32, 4);
  Value base = b.at(source, b.mul(b.toI64(tile), readRounds * loadsInFlight * stepBytes));
  base = b.at(base, b.mul(b.threadId(), loadBytes));
  Value all = arith::ConstantOp::create(b, b.getZeroAttr(four));
  for (int64_t round = 0; round < readRounds; ++round) {
    SmallVector<Value> loads;
    for (int64_t load = 0; load < loadsInFlight; ++load)
      loads.push_back(
          b.loadConstant(four, b.at(base, (round * loadsInFlight + load) * stepBytes), loadBytes));
    for (Value loaded : loads)
      all = exclusiveOr(b, all, loaded);
  }
  Value word = b.element(all, 0);
  for (int64_t index = 1; index < 4; ++index)
    word = exclusiveOr(b, word, b.element(all, index));
  keep(b, word, sink);
}

/// Numbers of about one that LLVM does not know: zeros would need less power than a model's.
Value laneNumbers(Simt &b, int64_t count, int64_t salt) {
  SmallVector<Value> numbers;
  for (int64_t index = 0; index < count; ++index) {
    Value integer = b.add(b.lane(), salt + index);
    Value number = b.mulF(arith::UIToFPOp::create(b, b.f32, integer), b.f32c(1.0 / 64));
    numbers.push_back(arith::TruncFOp::create(b, b.f16, number));
  }
  return vector::FromElementsOp::create(b, b.vectorOf(b.f16, count), numbers);
}

Value bitsOf(Simt &b, Value f32) { return arith::BitcastOp::create(b, b.i32, f32); }

void emitMatrixPeak(Simt &b, const Matrix &matrix, Value sink) {
  SmallVector<Value> rows;
  for (int64_t row = 0; row < matrix.laneRows; ++row)
    rows.push_back(laneNumbers(b, matrix.perLane(), row));
  Value column = laneNumbers(b, matrix.perLane(), 7);
  // Chains that begin alike would be one to LLVM.
  SmallVector<Value> sums;
  for (int64_t chain = 0; chain < matrixChains; ++chain)
    sums.push_back(
        vector::BroadcastOp::create(b, matrix.sumType(b), b.f32c(static_cast<double>(chain))));
  sums = b.forCarry(b.i32c(0), b.i32c(peakRounds), 1, sums, [&](Value, ValueRange carried) {
    return llvm::map_to_vector<6>(carried,
                                  [&](Value sum) { return matrix.multiply(b, rows, column, sum); });
  });
  Value word = b.i32c(0);
  for (Value sum : sums)
    for (int64_t index = 0; index < matrix.sums(); ++index)
      word = exclusiveOr(b, word, bitsOf(b, b.element(sum, index)));
  keep(b, word, sink);
}

void emitFmaPeak(Simt &b, Value sink) {
  Value x = arith::UIToFPOp::create(b, b.f32, b.lane());
  SmallVector<Value> sums;
  for (int64_t chain = 0; chain < fmaChains; ++chain)
    sums.push_back(b.f32c(static_cast<double>(chain)));
  sums = b.forCarry(b.i32c(0), b.i32c(peakRounds), 1, sums, [&](Value, ValueRange carried) {
    return llvm::map_to_vector<6>(carried,
                                  [&](Value sum) -> Value { return b.fma(sum, b.f32c(0.5), x); });
  });
  Value word = b.i32c(0);
  for (Value sum : sums)
    word = exclusiveOr(b, word, bitsOf(b, sum));
  keep(b, word, sink);
}

llvm::StringRef nameOf(MatrixUnit unit) {
  switch (unit) {
  case MatrixUnit::None:
    return "fma.f32";
  case MatrixUnit::WmmaReplicated:
  case MatrixUnit::WmmaSplit:
    return "wmma.f16";
  case MatrixUnit::Mfma:
    return "mfma.f16";
  case MatrixUnit::MmaSync:
    return "mma.f16";
  }
  return "";
}

} // namespace

ReadProbe planReadProbe(const TargetInfo &) {
  ReadProbe probe;
  probe.tileBytes = readThreads * loadBytes * loadsInFlight * readRounds;
  probe.body.threads = readThreads;
  probe.body.emit = [](Simt &b, Value tile, const Bindings &bindings, Value) {
    emitRead(b, tile, bindings.at(0), bindings.at(1));
  };
  return probe;
}

PeakProbe planPeakProbe(const TargetInfo &target, llvm::StringRef activations) {
  std::optional<Matrix> matrix = activations == "f32" ? std::nullopt : Matrix::of(target);
  PeakProbe probe;
  probe.body.threads = static_cast<unsigned>(peakWaves * target.waveSize);
  int64_t waveOperations = matrix
                               ? matrixChains * 2 * Matrix::rows * matrix->columns * Matrix::depth
                               : fmaChains * 2 * static_cast<int64_t>(target.waveSize);
  probe.tileOperations = peakWaves * peakRounds * waveOperations;
  probe.unit = nameOf(matrix ? target.matrix : MatrixUnit::None);
  probe.body.emit = [matrix](Simt &b, Value, const Bindings &bindings, Value) {
    if (matrix)
      emitMatrixPeak(b, *matrix, bindings.at(0));
    else
      emitFmaPeak(b, bindings.at(0));
  };
  return probe;
}

} // namespace tawny::simt
