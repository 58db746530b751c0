// Changes an artifact's plan as a string of bytes says: what a fuzzer needs to get past the
// structure of a FlatBuffer to the checks of its meaning.
#pragma once

#include "runtime/artifact_generated.h"

#include <cstdint>
#include <span>

namespace tawny::test {

/// Bytes of one change.
inline constexpr size_t mutationBytes = 12;

/// Makes one change for each `mutationBytes` of `bytes`: a scalar of the plan (segments, weights,
/// fills, kernels, KV geometry, probes, programs, step tables, dispatches, grids, bindings) is set,
/// added to, or has a bit flipped; or a list loses or repeats an entry; or a table is left out.
void mutatePlan(fb::ArtifactT &artifact, std::span<const uint8_t> bytes);

} // namespace tawny::test
