// Writes the arrays that a program reads its batch from; artifact.fbs describes them.
#pragma once

#include "runtime/executor/StepPlanner.h"
#include "runtime/kv/KvPool.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tawny {

/// One part of a batch, whose sequences have grown already.
struct StepPart {
  std::span<const SequenceInput> batch;
  std::span<const uint32_t> lengthsBefore; ///< of each input's sequence, before the batch
  std::span<const Slice> slices;
  const Extents &extents;
};

/// Fills `table`, of layout.bytes() bytes, with the part. Entries of the arrays beyond the part's
/// extents keep what they held, except that a sequence's block table is filled up with page 0: a
/// kernel that loads whole vectors of it finds pages that exist.
void writeStepTable(std::span<std::byte> table, const fb::StepLayout &layout, const KvPool &pool,
                    const StepPart &part);

} // namespace tawny
