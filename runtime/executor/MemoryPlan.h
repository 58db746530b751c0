// What a model will occupy, summed before any of it is allocated.
#pragma once

#include "runtime/artifact/Artifact.h"
#include "runtime/device/Device.h"
#include "runtime/kv/KvPool.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tawny {

/// One allocation of the plan.
struct MemoryLine {
  std::string name;
  uint64_t bytes;
  bool mapped;         ///< pages of the file, which the system may drop and read again
  bool onHost = false; ///< the host's, whatever the device
};

/// The bounds that an executor works within; all its memory follows from them and the artifact.
struct ExecutionBounds {
  KvPool::Bounds kv;
  uint32_t maxLogitRows; ///< rows that one call may ask for
};

/// Segments of weights that the target's programs read, ascending.
std::vector<uint32_t> usedSegments(const fb::Artifact &artifact, const fb::Target &target);

/// The largest `bytes` of the step tables and `arena_bytes` of the target's programs. Programs
/// never run at the same time, so they share.
uint64_t stepBytes(const fb::Target &target);
uint64_t arenaBytes(const fb::Target &target);

/// Bytes of the candidates that one run of a program leaves at most.
uint64_t candidateBytes(const fb::Target &target);

/// One line per allocation: weights, resident, kv, arena, step, logits, host, and, of a GPU, the
/// pinned memory that everything passes through (staging).
std::vector<MemoryLine> planMemory(const Artifact &artifact, const fb::Target &target,
                                   const ExecutionBounds &bounds);

/// That the lines which are not mapped, and not the host's where that has memory of its own, fit
/// what the device has to give; the error lists them.
ErrorOr<void> checkMemory(const std::vector<MemoryLine> &plan, const DeviceMemory &memory);

} // namespace tawny
