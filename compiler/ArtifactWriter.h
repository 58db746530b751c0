// Writes artifacts (runtime/artifact.fbs).
#pragma once

#include "compiler/RtModule.h"
#include "models/Import.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <functional>

namespace tawny {

/// Everything an artifact is made of.
struct ArtifactContents {
  const ImportedModel &model;
  /// Empty for an artifact with the vocabulary alone; the bounds are 0 then.
  llvm::ArrayRef<TargetProgram> targets;
  uint32_t maxContext = 0;
  uint32_t maxBatch = 0;
  uint64_t kvTokens = 0;
  /// The weights of a synthetic model are left out and made when the model is loaded.
  bool generateAtLoad = false;
};

/// Bytes of the parts of a finished file.
struct ArtifactSize {
  uint64_t file = 0;
  uint64_t header = 0;
  uint64_t code = 0;
  uint64_t weights = 0; ///< 0 where they are generated at load.
};

/// Told how many of how many bytes of weights are written.
using WriteProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Writes an artifact to `path`: first under a temporary name beside it, then renamed, so that a
/// failure or a signal leaves what was there before. Weights are packed from the model file's
/// mapping as they are written; memory stays bounded. The same contents give the same bytes.
/// Fails for a path that names the model file or something that is no regular file.
llvm::Expected<ArtifactSize> writeArtifact(const ArtifactContents &contents, llvm::StringRef path,
                                           const WriteProgress &progress);

} // namespace tawny
