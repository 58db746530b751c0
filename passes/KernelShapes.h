// What a kernel is bound to and how its work is cut into tiles: the contract between the passes,
// which launch kernels, and the emitters, which write them.
#pragma once

#include "dialects/formats/Layouts.h"
#include "dialects/rt/Rt.h"

namespace tawny {

/// What one tile of a linear computes: output rows of a part, for `tokens` rows of the activations
/// (0: for all).
struct TileShape {
  int64_t rows = 0, tokens = 0;
};

/// The shape of one kernel.
///
/// Bindings come in this order: the row count; the arrays of the step table that the op reads; key
/// pages and value pages; the operands that are tensors; the results that are tensors.
///
/// Tiles: a linear has one per TileShape; attention one per block and KV head,
/// tile = block * heads + head; its parts one per block, split and KV head,
/// tile = (block * splits + split) * heads + head; their merge one per row and query head,
/// tile = row * heads + head; every other kernel one per row of its activations.
struct KernelShape {
  rt::GridAttr grid;
  mlir::SmallVector<mlir::Attribute> bindings; ///< rt::ArgumentAttr.
  TileShape tile;                              ///< Of a linear.
  mlir::DictionaryAttr resources; ///< That tile as `tile_rows` and `tile_tokens`, or null.
};

/// The tile of a linear in a program whose activations have at most `mostRows` rows.
///
/// On CPUs (simd16) the rows are the layout's; 32 if it writes int8, whose scales belong to 32
/// columns, or reads int8, which is multiplied with 32 rows at once; or a head with rope_append,
/// which rotates inside a head; tokens are all of them, so that a tile's weights come from memory
/// once. On GPUs (simt32) a step has more tokens than a workgroup has registers for, so it is cut
/// both ways; few tokens get one tile of as many.
TileShape linearTile(llm::LinearOp linear, const LayoutInfo &layout, int64_t mostRows);

/// The tile that a kernel's resources say.
TileShape linearTileOf(rt::KernelOp kernel);

/// Tiles that a linear's output rows make. None straddles two parts; paired parts share theirs.
int64_t linearRowTiles(llm::LinearOp linear, int64_t tileRows);

/// The grid of a linear whose activations have a row for each of `rows`.
rt::GridAttr linearGrid(llm::LinearOp linear, const TileShape &tile, rt::Extent rows);

/// The shape of the kernel that computes `op` alone. `rows` is what its activations have a row for
/// (Tokens or LogitRows), at most `mostRows`; `layout` is that of matrices.
KernelShape kernelShape(mlir::Operation *op, const LayoutInfo &layout, rt::Extent rows,
                        int64_t mostRows);

} // namespace tawny
