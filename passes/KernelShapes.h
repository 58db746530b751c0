// What a kernel is bound to and how its work is cut into tiles: the contract between the passes,
// which launch kernels, and the emitters, which write them.
#pragma once

#include "dialects/formats/Layouts.h"
#include "dialects/rt/Rt.h"

namespace tawny {

/// The shape of one kernel.
///
/// Bindings come in this order: the row count; the arrays of the step table that the op reads; key
/// pages and value pages; the operands that are tensors; the results that are tensors.
///
/// Tiles: a linear has one per `tileRows` output rows of a part, whatever the number of rows of its
/// activations; attention one per block and KV head, tile = block * heads + head; every other
/// kernel one per row of its activations.
struct KernelShape {
  rt::GridAttr grid;
  mlir::SmallVector<mlir::Attribute> bindings; ///< rt::ArgumentAttr.
  int64_t tileRows = 0;                        ///< 0 for everything but a linear.
};

/// Output rows of one tile of a linear: the layout's; a multiple of 32 if it writes int8, whose
/// scales belong to 32 columns; a head with rope_append, which rotates inside a head.
int64_t linearTileRows(llm::LinearOp linear, const LayoutInfo &layout);

/// Tiles of a linear. No tile straddles two parts; paired parts share theirs.
int64_t linearTiles(llm::LinearOp linear, int64_t tileRows);

/// The shape of the kernel that computes `op` alone. `rows` is what its activations have a row for
/// (Tokens or LogitRows); `layout` is that of matrices.
KernelShape kernelShape(mlir::Operation *op, const LayoutInfo &layout, rt::Extent rows);

} // namespace tawny
