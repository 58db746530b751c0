// The parts of the linear's emitter: how it is divided, its two inner loops, and its store.
#pragma once

#include "compiler/codegen/simt/Kernel.h"
#include "compiler/codegen/simt/Matrix.h"
#include "compiler/codegen/simt/Weights.h"

namespace tawny::simt {

/// How a linear is divided over a workgroup. A workgroup computes `tileRows` output rows of one
/// part (of every part if they are paired) for `tileTokens` tokens (0: for all). Its `units` are 32
/// rows of one part each; every unit has `slices` groups of lanes, of which each takes every
/// `slices`-th chunk of K. On the matrix unit a group is a wave; else it is 32 lanes, and a wave of
/// 64 is two.
struct LinearPlan {
  llm::LinearOp op;
  mlir::SmallVector<WeightShape> parts;
  bool paired = false;
  int64_t waveSize = 0;
  int64_t tileRows = 0;
  int64_t tileTokens = 0;
  int64_t slices = 1;           ///< Whole waves of a unit.
  bool halfInputs = false;      ///< f16, or f32.
  std::optional<Matrix> matrix; ///< The unit, if the kernel uses it.

  static constexpr int64_t unitRows = simt32Layout.tileRows;
  /// Tokens of a register tile without the matrix unit. A token costs one operation per weight,
  /// decoding 2.4, so that with 8 tokens decoding is a quarter of the work; their 16 sums take 16
  /// registers. Waves of 64 have their inputs in vector registers, and 128 of those: 8 tokens
  /// spill.
  int64_t tokenTile() const { return waveSize == unitRows ? 8 : 4; }

  int64_t columns() const { return parts[0].columns; }
  int64_t unitsPerPart() const { return (tileRows + unitRows - 1) / unitRows; }
  int64_t units() const; ///< Of all parts if they are paired, one after another.
  int64_t partTiles(unsigned part) const { return (parts[part].rows + tileRows - 1) / tileRows; }
  int64_t groupLanes() const { return matrix ? waveSize : unitRows; }
  int64_t threads() const { return units() * slices * tokenGroups() * groupLanes(); }
  /// Tokens of a group of lanes. Where half a wave repeats the other's inputs these take twice the
  /// registers, and 64 tokens spill (LLVM 22, gfx1151: 33 to 423 registers).
  int64_t registerTokens() const {
    if (!matrix)
      return tokenTile();
    const int64_t most = matrix->parts == 1 ? 32 : 64;
    return (std::min(tileTokens, most) + matrix->columns - 1) / matrix->columns * matrix->columns;
  }
  /// Groups of lanes that share the tile's tokens between them.
  int64_t tokenGroups() const {
    return matrix ? (tileTokens + registerTokens() - 1) / registerTokens() : 1;
  }
  /// Tokens of which sums are in shared memory at a time.
  int64_t storedTokens() const { return tokenGroups() * registerTokens(); }
  int64_t inputBytes() const { return halfInputs ? 2 : 4; }
  /// Sums of all lanes: f32 [units][slices][tokens][32].
  int64_t sharedBytes() const { return units() * slices * storedTokens() * unitRows * 4; }
  /// Byte offset of a lane's sum for a token, when `tokens` share the memory. `group` is
  /// unit * slices + slice.
  Value sumOffset(Simt &b, Value group, Value token, Value lane, int64_t tokens) const;
};

/// A tile of a linear while its body is emitted.
struct LinearTile {
  Simt &b;
  const LinearPlan &plan;
  const Bindings &bindings;
  Value shared;
  Value tokenEnd;                    ///< Rows of the activations up to the tile's last; uniform.
  mlir::SmallVector<unsigned> parts; ///< The part, or all of a paired linear.
  Value index;                       ///< The tile's number in its part; uniform.
};

/// Where 32 lanes work: 32 rows of a part, and a slice of K.
struct LinearGroup {
  Value index; ///< unit * slices + slice.
  Value slice;
  Value tokenGroup; ///< On the matrix unit.
  Value weight;     ///< The part's; uniform, as are the following.
  Value firstRow;   ///< Of the unit, in the part.
  Value lastRow;    ///< Of the part.
  Value firstToken; ///< Of the tokens of which sums are stored.
  Value tokenCount;
  Value inputs;
  Value shared;
};

/// Emits the dot products of a group's rows with `tokens` tokens, over its slice of K, and stores
/// them in shared memory at LinearPlan::sumOffset.
void emitSums(Simt &b, const LinearPlan &plan, const WeightShape &shape, const LinearGroup &group,
              int64_t tokens);

/// The same on the matrix unit, for the token group's registerTokens().
void emitMatrixSums(Simt &b, const LinearPlan &plan, const WeightShape &shape,
                    const LinearGroup &group);

/// Where a store goes: an output row of the tile's part and a token, both in range.
struct LinearElement {
  Value tileRow; ///< Row in the tile.
  Value row;     ///< Row of the part.
  Value slot;    ///< Token in the register tile.
  Value token;   ///< Token of the step.
};

/// Adds up the slices' sums for `tokens` tokens from `firstToken` on and stores what the epilogue
/// makes of them: coalesced, masked at the last row and token.
void emitStores(const LinearTile &tile, Value firstToken, int64_t tokens);

/// The sum of a part at a row of the tile, its bias included.
Value linearSum(const LinearTile &tile, unsigned part, Value tileRow, Value row, Value slot,
                int64_t tokens);

/// The store of `rope_append`: rotates q and k by the token's position, appends k and v to the
/// pool.
///
/// A layer's half of the pool is [slot][KV head][head element], a slot being one token of a page
/// (`kv_slots`), so that a page is as long as the geometry says whatever its page size.
void emitRopeAppend(const LinearTile &tile, const LinearElement &element, int64_t tokens);

/// Sine and cosine of `position` times the pair's frequency.
struct Rotation {
  Value sine, cosine;
};
/// `pair` counts the rotating pairs of a head. Correct to a few units in the last place of f32 at
/// every position below 2^24: the angle is reduced in turns, with two floats per frequency.
Rotation emitRotation(Simt &b, llm::RopeAttr rope, Value position, Value pair);

} // namespace tawny::simt
