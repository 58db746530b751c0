#include "runtime/artifact/CheckedMath.h"
#include "runtime/artifact/Format.h"
#include "runtime/artifact/Verify.h"

#include <algorithm>
#include <cinttypes>

namespace tawny::verify {
namespace {

/// Where the program leaves its logits.
bool logits(Checker &check, const Field &where, const fb::Artifact &artifact,
            const fb::Program &program) {
  uint64_t bytes =
      uint64_t(program.step()->max_logit_rows()) * artifact.model()->vocab_size() * sizeof(float);
  return check.multipleOf(where("logits_offset"), program.logits_offset(), format::dataAlignment) &&
         check.within(where("logits_offset"), program.logits_offset(), bytes, program.arena_bytes(),
                      "the arena");
}

/// Where it leaves the largest of each row.
bool candidates(Checker &check, const Field &where, const fb::Artifact &artifact,
                const fb::Program &program) {
  if (program.candidates() == 0)
    return true;
  uint64_t most = std::min<uint64_t>(format::maxCandidates, artifact.model()->vocab_size());
  uint64_t bytes =
      uint64_t(program.step()->max_logit_rows()) * program.candidates() * sizeof(format::Candidate);
  return check.inRange(where("candidates"), program.candidates(), 0, most) &&
         check.multipleOf(where("candidates_offset"), program.candidates_offset(),
                          format::dataAlignment) &&
         check.within(where("candidates_offset"), program.candidates_offset(), bytes,
                      program.arena_bytes(), "the arena");
}

bool program(Checker &check, const Field &where, const TargetContext &context,
             const fb::Program &program) {
  if (!(check.text(where("name"), program.name()) &&
        check.enumeration(where("kind"), program.kind(), fb::ProgramKind::MAX) &&
        check.inRange(where("arena_bytes"), program.arena_bytes(), 0, format::maxBufferBytes)))
    return false;
  if (program.kind() == fb::ProgramKind::Init) {
    if (!check.inRange(where("candidates"), program.candidates(), 0, 0))
      return false;
  } else {
    Field step = where("step");
    if (!(check.present(step, program.step()) &&
          stepLayout(check, step, context, *program.step()) &&
          logits(check, where, context.artifact, program) &&
          candidates(check, where, context.artifact, program)))
      return false;
  }
  return dispatches(check, where, context, program);
}

/// A decode program takes one token, which wants logits, of each of its sequences.
bool decodeBucket(Checker &check, const Field &where, const fb::StepLayout &step,
                  uint32_t previous) {
  return check.expect(step.max_sequences() > previous, where("max_sequences"),
                      "expected more than the %u of the decode program before, found %u", previous,
                      step.max_sequences()) &&
         check.expect(step.max_tokens() == step.max_sequences(), where("max_tokens"),
                      "expected max_sequences, %u, found %u", step.max_sequences(),
                      step.max_tokens()) &&
         check.expect(step.max_logit_rows() == step.max_sequences(), where("max_logit_rows"),
                      "expected max_sequences, %u, found %u", step.max_sequences(),
                      step.max_logit_rows()) &&
         check.expect(step.max_attention_blocks() >= step.max_sequences(),
                      where("max_attention_blocks"),
                      "expected at least max_sequences, %u, found %u", step.max_sequences(),
                      step.max_attention_blocks());
}

/// One array of a step table.
struct Array {
  const char *name;
  uint64_t offset;
  uint64_t elements;
};

bool arrays(Checker &check, const Field &where, const fb::StepLayout &layout) {
  // Factors are at most 2^21 and 2^28, so the products fit.
  const Array all[] = {
      {"counts", layout.counts(), 16},
      {"tokens", layout.tokens(), layout.max_tokens()},
      {"positions", layout.positions(), layout.max_tokens()},
      {"kv_slots", layout.kv_slots(), layout.max_tokens()},
      {"attention_blocks", layout.attention_blocks(), uint64_t(layout.max_attention_blocks()) * 4},
      {"block_tables", layout.block_tables(),
       uint64_t(layout.max_sequences()) * layout.max_pages()},
      {"logit_rows", layout.logit_rows(), layout.max_logit_rows()},
  };
  for (const Array &array : all) {
    if (!(check.multipleOf(where(array.name), array.offset, format::dataAlignment) &&
          check.within(where(array.name), array.offset, array.elements * sizeof(int32_t),
                       layout.bytes(), "the step table")))
      return false;
    for (const Array *other = all; other != &array; ++other) {
      bool apart = other->offset + other->elements * sizeof(int32_t) <= array.offset ||
                   array.offset + array.elements * sizeof(int32_t) <= other->offset;
      if (!check.expect(apart, where(array.name),
                        "expected an array apart from %s at %" PRIu64 ", found %" PRIu64,
                        other->name, other->offset, array.offset))
        return false;
    }
  }
  return true;
}

} // namespace

bool stepLayout(Checker &check, const Field &where, const TargetContext &context,
                const fb::StepLayout &layout) {
  const fb::KvGeometry &kv = *context.target.kv();
  uint64_t contextPages = ceilDivide(context.artifact.max_context(), kv.page_tokens());
  return check.inRange(where("max_tokens"), layout.max_tokens(), 1, format::maxStepTokens) &&
         check.inRange(where("max_sequences"), layout.max_sequences(), 1, layout.max_tokens()) &&
         check.inRange(where("max_logit_rows"), layout.max_logit_rows(), 1, layout.max_tokens()) &&
         check.inRange(where("max_attention_blocks"), layout.max_attention_blocks(), 1,
                       2 * format::maxStepTokens) &&
         check.inRange(where("max_pages"), layout.max_pages(), contextPages, format::maxContext) &&
         check.inRange(where("attention_block_rows"), layout.attention_block_rows(), 1,
                       format::maxStepTokens) &&
         check.inRange(where("bytes"), layout.bytes(), 1, format::maxStepBytes) &&
         arrays(check, where, layout);
}

bool programs(Checker &check, const Field &where, const TargetContext &context) {
  const auto *all = context.target.programs();
  if (!check.present(where("programs"), all))
    return false;
  uint32_t inits = 0, steps = 0, bucket = 0;
  for (uint32_t i = 0; i < all->size(); ++i) {
    Field entry = where("programs", i);
    const fb::Program &found = *all->Get(i);
    if (!program(check, entry, context, found))
      return false;
    inits += found.kind() == fb::ProgramKind::Init;
    steps += found.kind() == fb::ProgramKind::Step;
    if (found.kind() == fb::ProgramKind::Decode) {
      Field step = entry("step");
      if (!decodeBucket(check, step, *found.step(), bucket))
        return false;
      bucket = found.step()->max_sequences();
    }
  }
  return check.expect(inits <= 1, where("programs"), "expected at most one init, found %u",
                      inits) &&
         check.expect(steps == 1, where("programs"), "expected exactly one step, found %u", steps);
}

} // namespace tawny::verify
