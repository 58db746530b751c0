// Attention on the matrix unit: who holds what of its products, and keys and values in shared
// memory.
#pragma once

#include "compiler/codegen/simt/Attention.h"
#include "compiler/codegen/simt/Matrix.h"

namespace tawny::simt {

/// Attention of blocks of rows on a matrix unit.
///
/// A wave has 16 query rows. They are the columns of both products, scores = K Q^T and
/// sums = V^T P^T, so that a lane's scores belong to one row and, rounded to f16, are the next
/// product's operand where they lie: on the split units of AMD GPUs as they are, on the replicated
/// one after an exchange of half waves. NVIDIA's unit wants that of rows: scores = Q K^T,
/// sums = P V. `line` is the other index: a position of scores, a head element of sums.
struct MatrixAttentionPlan : AttentionPlan {
  Matrix matrix;
  int64_t waves = 4;

  static constexpr int64_t waveRows = 16, chunkTokens = 32, chunkPages = chunkTokens / pageTokens;

  bool queriesAreRows() const { return matrix.laneRows == 2; }
  int64_t lineTile() const { return queriesAreRows() ? matrix.columns : Matrix::rows; }
  int64_t pageTiles() const { return pageTokens / lineTile(); } ///< Of scores, for a page.
  int64_t chunkTiles() const { return chunkPages * pageTiles(); }
  int64_t headTiles() const { return headDim / lineTile(); } ///< Of sums.
  int64_t steps() const { return headDim / Matrix::depth; }  ///< Of scores.
  int64_t laneQueries() const { return queriesAreRows() ? 2 : 1; }
  int64_t threads() const { return waves * waveSize; }

  /// Which of the lane's queries a sum belongs to.
  int64_t queryOfSum(int64_t index) const {
    return queriesAreRows() ? index / (matrix.sums() / 2) : 0;
  }
  /// The lane's row of a wave's 16.
  Value query(Simt &b, int64_t index) const {
    return queriesAreRows() ? matrix.inputRow(b, index) : matrix.inputColumn(b);
  }
  Value inputLine(Simt &b) const {
    return queriesAreRows() ? matrix.inputColumn(b) : matrix.inputRow(b, 0);
  }
  Value sumLine(Simt &b, int64_t index) const {
    return queriesAreRows() ? matrix.sumColumn(b, index) : matrix.sumRow(b, index);
  }
  /// `queries` has a vector for each of the lane's.
  Value multiply(Simt &b, mlir::ValueRange queries, Value lines, Value sums) const {
    return queriesAreRows() ? matrix.multiply(b, queries, lines, sums)
                            : matrix.multiply(b, lines, queries[0], sums);
  }

  // Parts of 4 elements are read for two steps (pages) at once, as 16 bytes.
  bool pairsSteps() const { return matrix.perLane() == 4 && steps() % 2 == 0; }
  int64_t stepsAtOnce() const { return pairsSteps() ? 2 : 1; }
  /// The first of the perLane() head elements that a part has in a step.
  Value stepElement(Simt &b, int64_t step) const;

  // Shared memory: keys [chunkTokens][headDim], then values transposed [headDim][chunkTokens]. Rows
  // have such lengths that lanes which read at the same time read different banks.
  int64_t keyRowBytes() const;
  int64_t valueRowBytes() const;
  int64_t keyBytes() const { return chunkTokens * keyRowBytes(); }
  int64_t sharedBytes() const { return keyBytes() + headDim * valueRowBytes(); }
};

/// Whether planMatrixAttention has code for the plan.
bool fitsMatrixAttention(const AttentionPlan &plan, const Matrix &matrix);
/// Attention on the matrix unit; AttentionMatrix.cpp has the loop nest.
llvm::Expected<KernelBody> planMatrixAttention(rt::KernelOp kernel, const AttentionPlan &plan,
                                               const Matrix &matrix);

/// 32 positions of a sequence in shared memory, from a multiple of 32 on.
class AttentionChunk {
public:
  AttentionChunk(Simt &b, const MatrixAttentionPlan &plan, Value shared)
      : b(b), plan(plan), shared(shared) {}

  /// Loads keys and values of the tile's head, as the thread's share of what keep() stores.
  /// Positions behind `last`, which may never have been written, get those of `last`.
  mlir::SmallVector<Value> fetch(const PageTable &pages, mlir::ValueRange numbers, Value position,
                                 Value last) const;
  /// The numbers that fetch() wants, of the chunk's pages.
  mlir::SmallVector<Value> numbers(const PageTable &pages, Value position, Value last) const;
  /// Stores what all threads have fetched.
  void keep(mlir::ValueRange fetched) const;

  /// The lane's part of keys of a tile of positions (of the chunk's), for stepsAtOnce() steps from
  /// `step` on.
  mlir::SmallVector<Value> keys(int64_t tile, int64_t step) const;
  /// The lane's part of values, for each page, of a tile of head elements.
  mlir::SmallVector<Value> values(int64_t tile) const;

private:
  /// Where two consecutive pages begin, in the pool, and the last position that may be read, from
  /// the first on.
  struct Source {
    Value first, second, last;
  };
  /// Eight elements of a token.
  Value load(const Source &source, Value token, Value piece) const;
  int64_t keyPieces() const;
  int64_t valuePairs() const;
  /// Eight elements of two tokens: element `element` of eight rows of values, and the next.
  struct ValuePair {
    Value element, piece, tokens[2];
  };
  ValuePair valuePair(Value index) const;
  Value tokenOfDepth(Value depth) const;
  /// Calls `body` with each of the thread's shares of `count`; with the last one if it has none.
  void forEachShare(int64_t count, llvm::function_ref<void(Value index, Value isOwn)> body) const;
  mlir::SmallVector<Value> split(Value eight) const;

  Simt &b;
  const MatrixAttentionPlan &plan;
  Value shared;
};

} // namespace tawny::simt
