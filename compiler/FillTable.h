// What the weights of a synthetic model are made of.
#pragma once

#include "compiler/ArtifactWriter.h"
#include "compiler/WeightPacker.h"
#include "compiler/WeightTable.h"
#include "runtime/artifact/GeneratedWeights.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace tawny {

/// The patterns that packed weights repeat (Fill in artifact.fbs). Those of one format, layout and
/// length of row share one, so that the table takes a megabyte at most, whatever the model's size.
struct FillTable {
  struct Fill {
    std::vector<uint8_t> fixed, random;
    FillPattern pattern() const { return {fixed, random}; }
  };
  std::vector<Fill> fills;
  std::vector<uint32_t> indices; ///< For each weight its fill.
};

/// Packs blocks of random codes (models/synthetic/RandomBlocks.h) as each weight is packed; vectors
/// are ones.
FillTable buildFillTable(llvm::ArrayRef<StoredWeight> weights);

/// Hands the bytes of `weights`, whose fills are `indices`, to `sink` as packWeights does.
llvm::Error generateWeights(llvm::ArrayRef<StoredWeight> weights, llvm::ArrayRef<uint32_t> indices,
                            llvm::ArrayRef<FillTable::Fill> fills, WeightSink sink);

} // namespace tawny
