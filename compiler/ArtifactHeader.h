// The artifact's FlatBuffer.
#pragma once

#include "compiler/ArtifactWriter.h"
#include "compiler/FillTable.h"
#include "compiler/WeightTable.h"
#include "runtime/artifact_generated.h"

#include "llvm/Support/Error.h"

#include <string>

namespace tawny {

/// The segments of code: one per target, in their order, each with its fallback, if any, behind it.
llvm::SmallVector<llvm::StringRef> codeSegments(const ArtifactContents &contents);

/// The header of an artifact, complete but for the offsets and checksums of its segments: those of
/// code, then those of the weight table. `fills` is null unless weights are generated at load.
llvm::Expected<fb::ArtifactT> buildHeader(const ArtifactContents &contents,
                                          const WeightTable &weights, const FillTable *fills);

/// Encodes a header. All scalars are stored, so the length does not depend on their values.
std::string encodeHeader(const fb::ArtifactT &header);

} // namespace tawny
