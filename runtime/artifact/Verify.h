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

bool tokenizer(Checker &check, const Field &where, const fb::Tokenizer &tokenizer);
bool target(Checker &check, const Field &where, const fb::Artifact &artifact,
            const fb::Target &target);
bool programs(Checker &check, const Field &where, const TargetContext &context);
bool stepLayout(Checker &check, const Field &where, const TargetContext &context,
                const fb::StepLayout &layout);
bool dispatches(Checker &check, const Field &where, const TargetContext &context,
                const fb::Program &program);

} // namespace verify
} // namespace tawny
