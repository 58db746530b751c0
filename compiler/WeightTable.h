// Which weights an artifact stores, and where.
#pragma once

#include "compiler/RtModule.h"
#include "dialects/formats/Layouts.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"

#include <string>
#include <vector>

namespace tawny {

/// One weight in one layout.
struct StoredWeight {
  std::string name;
  FormatInfo format;
  LayoutInfo layout;
  uint64_t rows = 0; ///< 1 for a vector.
  uint64_t columns = 0;
  uint64_t sourceOffset = 0; ///< Of its bytes in the model file.
  uint64_t sourceBytes = 0;
  uint64_t bytes = 0;   ///< Packed.
  uint64_t segment = 0; ///< Index into WeightTable::segmentBytes.
  uint64_t offset = 0;  ///< In the segment.

  /// The next weight starts here, counted from this one's start.
  uint64_t paddedBytes() const;
};

/// Every pair of weight and layout once, whatever number of targets reads it. Each target has the
/// segment of what it reads and no target before it does, in the order in which its programs read
/// it, so that a device which loads one target reads from front to back.
struct WeightTable {
  std::vector<StoredWeight> weights;  ///< By segment, then by offset.
  std::vector<uint64_t> segmentBytes; ///< None is empty.
  /// For each target: the index of each `llm.weight` that it reads, by symbol.
  std::vector<llvm::DenseMap<mlir::StringAttr, uint32_t>> indices;
};

/// Lays out the weights of all targets. Fails where a weight has no layout or its bytes do not lie
/// in a source file of `sourceBytes` bytes.
llvm::Expected<WeightTable> buildWeightTable(llvm::ArrayRef<TargetProgram> targets,
                                             uint64_t sourceBytes);

} // namespace tawny
