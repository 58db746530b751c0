// Weights in layout simt32, as one lane sees them: a lane is a row.
#pragma once

#include "compiler/codegen/simt/Simt.h"
#include "dialects/formats/Decode.h"
#include "dialects/formats/Layouts.h"

namespace tawny::simt {

/// A weight matrix of known shape.
struct WeightShape {
  Format format;
  int64_t rows, columns;

  int64_t tileBytes() const; ///< Bytes of a tile of the layout.
  /// Words, without the loose ones, of a row of `elements` weights.
  int64_t wordsOf(int64_t elements) const;
  int64_t looseWords() const;  ///< Of a block.
  int64_t looseOffset() const; ///< Of the plane of loose words in a tile.
  int64_t halvesOffset() const;
  /// Weights that are loaded together: a block, or so many plain floats as fill a few loads.
  int64_t chunkElements() const;
  /// Whole chunks of a row, and the weights after them (plain floats only).
  int64_t chunks() const { return columns / chunkElements(); }
  int64_t tailElements() const { return columns % chunkElements(); }
};

/// The row of each lane: a uniform address and what a lane adds to it.
struct LaneRow {
  Value tile;   ///< Address of a tile of the layout; uniform.
  Value words;  ///< Byte offset of the lane's first word from there.
  Value loose;  ///< Byte offset of the lane's first loose word.
  Value halves; ///< Byte offset of the lane's first f16 outside the words.
};

/// The loose words of block `block` (a constant) behind `address`, a lane's first loose word.
Value loadLoose(Simt &b, const WeightShape &shape, Value address, int64_t block);

/// Row `row` (i32) of the tile at `tile`.
LaneRow rowOfTile(Simt &b, const WeightShape &shape, Value tile, Value row);

/// 32 consecutive rows from `firstRow` on, one to each lane of a wave or half a wave. `isAligned`
/// says that firstRow is a multiple of 32. Lanes past `lastRow` read that row again, so that
/// nothing outside the weight is read; whoever stores masks them. Weight and rows are uniform.
LaneRow laneRow(Simt &b, const WeightShape &shape, Value weight, Value firstRow, Value lastRow,
                bool isAligned);

/// One chunk of the lane's row: all its 16-byte loads are issued at construction.
class WeightChunk {
public:
  /// `chunk` is the index of a chunk; `elements` of it are wanted.
  WeightChunk(Simt &b, const WeightShape &shape, const LaneRow &row, Value chunk, int64_t elements);

  /// Calls `use` with weights 0 … elements - 1 of the chunk, in that order, decoded to f32.
  using Use = llvm::function_ref<void(int64_t index, Value weight)>;
  void decode(Use use);

  // Decode.h's view of a block.
  Value word(unsigned index);
  Value half() { return halfBits; }

private:
  void decodeFloats(Use use);

  Simt &b;
  const WeightShape &shape;
  int64_t elements;
  mlir::SmallVector<Value> loads; ///< vector<4xi32> each.
  Value loose;                    ///< A vector of i32, where the format has loose words.
  Value halfBits;
};

} // namespace tawny::simt
