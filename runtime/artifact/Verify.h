// Checks a header before anything believes it.
#pragma once

#include "runtime/artifact/Checker.h"
#include "runtime/artifact_generated.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <span>

namespace tawny {

/// Checks that `header` is a FlatBuffer of the schema and that every offset, size, alignment,
/// index, enum, grid and table in it fits the others and a file of `fileBytes` bytes whose header
/// ends at `headerEnd`. After success all non-optional fields are present and the executor may use
/// them without a check. The error starts with the path of the field, `targets[0].kv.pages:
/// expected …`. `header` must be aligned to 16 bytes, as FlatBuffers demands of the largest scalar.
ErrorOr<void> verifyHeader(std::span<const std::byte> header, uint64_t headerEnd,
                           uint64_t fileBytes);

/// How many of `extent` a step of this layout has at most; a null layout (of `init`) only has One.
uint64_t largestExtent(const fb::StepLayout *layout, fb::Extent extent);

// The parts of verifyHeader, one file each. Each answers false after leaving an error in `check`.
namespace verify {

/// What the parts of a target are checked against.
struct TargetContext {
  const fb::Artifact &artifact;
  const fb::Target &target;
};

/// Texts, scores and types of equal number; special ids among them.
bool tokenizer(Checker &check, const Field &where, const fb::Tokenizer &tokenizer);
/// Device, code, kernels, KV geometry, probes and programs of one target.
bool target(Checker &check, const Field &where, const fb::Artifact &artifact,
            const fb::Target &target);
/// All programs of a target: exactly one step, at most one init, decodes in ascending size.
bool programs(Checker &check, const Field &where, const TargetContext &context);
/// The arrays of a step table: inside it, aligned, apart, and long enough for its bounds.
bool stepLayout(Checker &check, const Field &where, const TargetContext &context,
                const fb::StepLayout &layout);
/// Grids and bindings of one program, against its kernels and the spaces they bind.
bool dispatches(Checker &check, const Field &where, const TargetContext &context,
                const fb::Program &program);

} // namespace verify
} // namespace tawny
