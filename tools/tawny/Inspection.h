// What `tawny inspect` shows, found once and printed as text or JSON.
#pragma once

#include "runtime/artifact/Artifact.h"
#include "runtime/executor/MemoryPlan.h"
#include "runtime/support/Json.h"

#include <string>
#include <vector>

namespace tawny::tool {

/// Weights of one format and layout that are dequantised in the same place.
struct WeightGroup {
  std::string format;
  std::string layout;
  /// "fused": kernels read the packed weights; "materialized": `init` unpacks them; "unused": no
  /// program of the target reads them.
  std::string dequantized;
  uint64_t weights = 0;
  uint64_t elements = 0;
  uint64_t bytes = 0;
};

/// The groups of a target, in the order of the artifact's weights.
std::vector<WeightGroup> groupWeights(const fb::Artifact &artifact, const fb::Target &target);

/// The plan that a model opened with the default options gets.
std::vector<MemoryLine> defaultPlan(const Artifact &artifact, const fb::Target &target);

/// "init", "step" or "decode".
const char *kindName(fb::ProgramKind kind);

/// A string of the artifact, or "" where it has none.
std::string textOf(const flatbuffers::String *text);

/// Everything as one object; the keys are listed in tests/tools/tawny/inspect.test.
Json inspectionJson(const Artifact &artifact);

/// The same for people, on standard output.
void printInspection(const Artifact &artifact);

} // namespace tawny::tool
