#include "compiler/codegen/simt/Matrix.h"

using namespace mlir;

namespace tawny::simt {

std::optional<Matrix> Matrix::of(const TargetInfo &target) {
  Matrix matrix;
  matrix.unit = target.matrix;
  matrix.waveSize = target.waveSize;
  matrix.columns = 16;
  matrix.laneRows = 1;
  switch (target.matrix) {
  case MatrixUnit::None:
    return std::nullopt;
  case MatrixUnit::WmmaReplicated:
    matrix.parts = 1;
    break;
  case MatrixUnit::WmmaSplit:
    matrix.parts = 2;
    break;
  case MatrixUnit::Mfma:
    matrix.parts = 4;
    break;
  case MatrixUnit::MmaSync:
    matrix.parts = 4;
    matrix.columns = 8;
    matrix.laneRows = 2;
    break;
  }
  return matrix;
}

// Layouts: AMD, RDNA3, RDNA4 and CDNA instruction set guides, matrix sections; NVIDIA, PTX ISA,
// fragments of mma.m16n8k16.

Value Matrix::part(Simt &b) const {
  if (unit == MatrixUnit::MmaSync)
    return b.remU(b.lane(), 4);
  return parts == 1 ? b.i32c(0) : b.divU(b.lane(), 16);
}

Value Matrix::inputRow(Simt &b, int64_t laneRow) const {
  if (unit == MatrixUnit::MmaSync)
    return b.add(b.divU(b.lane(), 4), 8 * laneRow);
  return b.remU(b.lane(), 16);
}

Value Matrix::inputColumn(Simt &b) const {
  return unit == MatrixUnit::MmaSync ? b.divU(b.lane(), 4) : b.remU(b.lane(), 16);
}

Value Matrix::sumRow(Simt &b, int64_t index) const {
  if (unit == MatrixUnit::MmaSync)
    return b.add(b.divU(b.lane(), 4), 8 * (index / 2));
  Value quotient = b.divU(b.lane(), 16);
  if (unit == MatrixUnit::WmmaReplicated)
    return b.add(quotient, 2 * index);
  return b.add(b.mul(quotient, sums()), index);
}

Value Matrix::sumColumn(Simt &b, int64_t index) const {
  if (unit == MatrixUnit::MmaSync)
    return b.add(b.mul(b.remU(b.lane(), 4), 2), index % 2);
  return b.remU(b.lane(), 16);
}

Value Matrix::zeroSums(Simt &b) const {
  return arith::ConstantOp::create(b, b.getZeroAttr(sumType(b)));
}

Value Matrix::multiply(Simt &b, ValueRange a, Value column, Value sums) const {
  return b.backend.matrixMultiply(b, b.getLoc(), a, column, sums);
}

} // namespace tawny::simt
