// Weights in layout simt32 as rows of the matrix unit: f16, one part of the depth to a lane.
#pragma once

#include "compiler/codegen/simt/Matrix.h"
#include "compiler/codegen/simt/Weights.h"

namespace tawny::simt {

/// How the weights of a format are dealt out. A *run* is a stretch of a row's weights whose codes
/// lie in consecutive words; a lane takes the `part`-th share of each run, so that its words, and
/// the inputs they meet, lie together.
struct RunShape {
  int64_t weights; ///< Of a run: 16 where the words of 16 weights hold 32 (Q4_0), else 32.
  int64_t words;   ///< That hold a run's codes.

  static RunShape of(Format format);
  /// Operations of the matrix unit that a run takes.
  int64_t steps() const { return weights / Matrix::depth; }
};

/// Whether the matrix unit can take a weight: quantised or f16, and of whole runs.
bool fitsMatrix(const WeightShape &shape);

/// Weights of a row that one trip of the loop over K takes: a divisor of the columns, and whole
/// blocks of the format.
int64_t matrixChunk(const WeightShape &shape);

/// What sums must be multiplied with: weights are 64 times as large in f16, which keeps scales of
/// 10^-6 out of its subnormal numbers and lets weights reach 1000.
double sumScale(Format format);

/// One row of the weight, as the lane that holds it sees one chunk. Loads happen where a run first
/// needs them.
class FragmentRow {
public:
  /// `tile` is the address of a tile of the layout (uniform), `row` the lane's row in it, `part`
  /// its part of the depth and `chunk` the chunk's number (uniform).
  FragmentRow(Simt &b, const WeightShape &shape, const Matrix &matrix, Value tile, Value row,
              Value part, Value chunk);

  /// The lane's share of a run as operands of the matrix unit, RunShape::steps() of them.
  mlir::SmallVector<Value> run(int64_t index);

  /// Issues the loads of a run's codes.
  void prefetch(int64_t index);

  // Decode.h's view of a block.
  Value word(unsigned index);
  Value half();

private:
  Value loadWords(int64_t first, int64_t count, Value laneBytes);
  Value looseWord(unsigned word, unsigned index);
  Value floatPair(Value word);
  Value scalePair(Value scale);
  mlir::SmallVector<Value> floatRun(int64_t index);
  Value pairOfCodes(Value codes, int64_t first);
  void decodeAffine(int64_t run, int64_t quad, Value &scale, Value &negatedMin);
  Value select(Value first, Value second);

  Simt &b;
  const WeightShape &shape;
  const Matrix matrix;
  const RunShape runs;
  Value words, loose, halves; ///< Addresses of the chunk's first word of each plane in the row.
  Value part, partBytes;      ///< The lane's part, and where its words of a run begin.
  int64_t block = 0;          ///< Of the chunk: the one that word() and half() read.
  mlir::DenseMap<int64_t, Value> loaded;                    ///< By the first word of a load.
  mlir::DenseMap<int64_t, Value> loadedLoose, loadedHalves; ///< By the block.
};

} // namespace tawny::simt
