#include "runtime/executor/MemoryPlan.h"

#include "runtime/artifact/Format.h"
#include "runtime/device/gpu/Staging.h"
#include "runtime/executor/Program.h"

#include <algorithm>
#include <cinttypes>
#include <set>

namespace tawny {

std::vector<uint32_t> usedSegments(const fb::Artifact &artifact, const fb::Target &target) {
  std::set<uint32_t> segments;
  for (const fb::Program *program : *target.programs())
    for (const fb::Dispatch *dispatch : *program->dispatches())
      for (const fb::Binding *binding : *dispatch->bindings())
        if (binding->space() == fb::Space::Weight)
          segments.insert(artifact.weights()->Get(binding->index())->segment());
  return {segments.begin(), segments.end()};
}

uint64_t stepBytes(const fb::Target &target) {
  uint64_t most = 0;
  for (const fb::Program *program : *target.programs())
    if (program->kind() != fb::ProgramKind::Init)
      most = std::max(most, program->step()->bytes());
  return most;
}

uint64_t arenaBytes(const fb::Target &target) {
  uint64_t most = 0;
  for (const fb::Program *program : *target.programs())
    most = std::max(most, program->arena_bytes());
  return most;
}

/// The executor's own tables: launches and addresses, block tables, the batch under way.
static uint64_t hostBytes(const fb::Target &target, const ExecutionBounds &bounds) {
  uint64_t bytes = KvPool::hostBytes(bounds.kv) + stepBytes(target);
  for (const fb::Program *program : *target.programs())
    for (const fb::Dispatch *dispatch : *program->dispatches())
      bytes += sizeof(Launch) + dispatch->bindings()->size() * sizeof(void *);
  return bytes;
}

uint64_t candidateBytes(const fb::Target &target) {
  uint64_t most = 0;
  for (const fb::Program *program : *target.programs())
    if (program->candidates() != 0)
      most = std::max(most, uint64_t(program->step()->max_logit_rows()) * program->candidates() *
                                sizeof(format::Candidate));
  return most;
}

std::vector<MemoryLine> planMemory(const Artifact &artifact, const fb::Target &target,
                                   const ExecutionBounds &bounds) {
  uint64_t weights = 0, generated = 0;
  for (uint32_t segment : usedSegments(artifact.header(), target))
    (artifact.isGenerated(segment) ? generated : weights) += artifact.segmentBytes(segment);
  bool inPlace = target.device()->string_view() == "cpu";
  uint64_t logits =
      uint64_t(bounds.maxLogitRows) * artifact.header().model()->vocab_size() * sizeof(float) +
      candidateBytes(target);
  std::vector<MemoryLine> plan = {
      {"weights", weights, inPlace},
      {"resident", target.resident_bytes(), false},
      {"kv", target.kv()->bytes(), false},
      {"arena", arenaBytes(target), false},
      {"step", stepBytes(target), false},
      {"logits", logits, false, true},
      {"host", hostBytes(target, bounds), false, true},
  };
  if (generated != 0)
    plan.push_back({"generated", generated, false});
  if (!inPlace)
    plan.push_back({"staging", gpu::Staging::bytes, false, true});
  return plan;
}

ErrorOr<void> checkMemory(const std::vector<MemoryLine> &plan, const DeviceMemory &memory) {
  uint64_t needed = 0;
  std::string lines;
  for (const MemoryLine &line : plan) {
    if (line.mapped || line.bytes == 0 || (line.onHost && !memory.isHostMemory))
      continue;
    needed += line.bytes;
    lines += (lines.empty() ? "" : " + ") + line.name + " " + std::to_string(line.bytes);
  }
  if (needed <= memory.availableBytes)
    return {};
  return makeError("the model needs %" PRIu64 " bytes (%s) and %" PRIu64 " of %" PRIu64
                   " are available: free memory, or compile with a smaller --kv-tokens, "
                   "--max-context or --max-batch%s%s",
                   needed, lines.c_str(), memory.availableBytes, memory.totalBytes,
                   memory.advice.empty() ? "" : "; ", memory.advice.c_str());
}

} // namespace tawny
