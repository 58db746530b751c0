// The matrix unit of a GPU: D[16][N] += A[16][16] B[16][N] by one wave, f16 in, f32 sums.
//
// A lane holds some rows of A, one column of B and, of both, one part of the depth of 16: `parts`
// parts of `perLane` elements. Which elements of the depth a part has is free, as long as A and B
// agree: a sum has no order but the unit's own. So a kernel may give each part whatever lies
// together in its memory.
#pragma once

#include "compiler/codegen/simt/Simt.h"

#include <optional>

namespace tawny::simt {

/// One wave's view of its target's matrix unit.
class Matrix {
public:
  /// The unit of a target, if it has one.
  static std::optional<Matrix> of(const TargetInfo &target);

  static constexpr int64_t rows = 16, depth = 16;
  int64_t columns;  ///< N: 16, or 8 on NVIDIA GPUs.
  int64_t parts;    ///< Parts of the depth; 1 where half a wave repeats the other's inputs.
  int64_t laneRows; ///< Rows of A that a lane holds.
  int64_t waveSize;

  int64_t perLane() const { return depth / parts; }
  int64_t sums() const { return rows * columns / waveSize; } ///< Of D, in a lane.

  // Where a lane stands. Values are i32 and differ between lanes.
  Value part(Simt &b) const;                      ///< Its part of the depth, of A and B.
  Value inputRow(Simt &b, int64_t laneRow) const; ///< Of A, for laneRow < laneRows.
  Value inputColumn(Simt &b) const;               ///< Of B.
  Value sumRow(Simt &b, int64_t index) const;     ///< Of D, for index < sums().
  Value sumColumn(Simt &b, int64_t index) const;  ///< Of D.

  /// Types of a lane's operands: f16 vectors of perLane(), and the f32 vector of sums().
  mlir::VectorType inputType(Simt &b) const { return b.vectorOf(b.f16, perLane()); }
  mlir::VectorType sumType(Simt &b) const { return b.vectorOf(b.f32, sums()); }
  Value zeroSums(Simt &b) const;

  /// D of the whole wave, every lane of which must be active. `a` has one vector per lane row.
  Value multiply(Simt &b, mlir::ValueRange a, Value column, Value sums) const;

private:
  MatrixUnit unit = MatrixUnit::None;
};

} // namespace tawny::simt
