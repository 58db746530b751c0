// Numbers of the artifact's format that the schema cannot state; artifact.fbs explains them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tawny::format {

inline constexpr std::string_view magic = "TAWNYAOT";
inline constexpr uint32_t version = 1;
inline constexpr uint64_t preambleBytes = 64;
inline constexpr uint64_t segmentAlignment = 4096;

/// Weights, arrays of the step table and bindings start at multiples of this, so that kernels may
/// use aligned vector loads of any width.
inline constexpr uint64_t dataAlignment = 64;

/// FlatBuffers counts with 31 bits.
inline constexpr uint64_t maxHeaderBytes = (uint64_t(1) << 31) - 1;

/// The first bytes of a file.
struct Preamble {
  char magic[8];
  uint32_t version;
  uint32_t headerBytes;
  uint64_t headerChecksum;
  uint64_t fileBytes;
  std::byte zeros[32];
};
static_assert(sizeof(Preamble) == preambleBytes);

/// One of the largest logits of a row (Program.candidates).
struct Candidate {
  float logit;
  int32_t token;
};

/// Bounds that no sensible model passes. They keep products of a damaged file far from overflow and
/// make it fail by name instead of by running out of memory.
inline constexpr uint64_t maxSegments = 1 << 16;
inline constexpr uint64_t maxVocabulary = 1 << 24;
inline constexpr uint64_t maxHiddenSize = 1 << 24;
inline constexpr uint64_t maxLayers = 1 << 16;
inline constexpr uint64_t maxContext = 1 << 28;
inline constexpr uint64_t maxBatch = 1 << 16;
inline constexpr uint64_t maxCandidates = 64;
inline constexpr uint64_t maxStepTokens = 1 << 20;
inline constexpr uint64_t maxBindings = 64;
inline constexpr uint64_t maxTiles = uint64_t(1) << 40;
inline constexpr uint64_t maxTileThreads = 1024;
/// Tiles run on the stacks of the CPU device's threads.
inline constexpr uint64_t maxScratchBytes = 1 << 20;
inline constexpr uint64_t maxSharedBytes = 1 << 20;
inline constexpr uint64_t maxStepBytes = uint64_t(1) << 30;
inline constexpr uint64_t maxBufferBytes = uint64_t(1) << 42;

} // namespace tawny::format
