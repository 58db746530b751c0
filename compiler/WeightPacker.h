// Packs weights from the model file, in little memory.
#pragma once

#include "compiler/WeightTable.h"
#include "models/Import.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tawny {

/// Takes the next bytes of the packed weights.
using WeightSink = llvm::function_ref<llvm::Error(llvm::ArrayRef<std::byte> bytes)>;

/// Packs `weights`, each padded to StoredWeight::paddedBytes() with zeros, from the model file
/// `source`, and hands the bytes to `sink` in order, on the calling thread, while a second
/// thread packs ahead. Memory stays at a few buffers of some megabytes (or of one tile, if that is
/// more); pages of `source` are released once they are packed. Ends with the sink's first error.
llvm::Error packWeights(llvm::ArrayRef<StoredWeight> weights, const ModelFile &source,
                        WeightSink sink);

} // namespace tawny
