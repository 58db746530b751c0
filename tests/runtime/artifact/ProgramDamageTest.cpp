// Each field of programs, step tables and dispatches, broken once.
#include "tests/runtime/artifact/Damage.h"

namespace tawny::test {
namespace {

fb::ProgramT &program(fb::ArtifactT &artifact, size_t index) {
  return *artifact.targets[0]->programs[index];
}
fb::StepLayoutT &step(fb::ArtifactT &artifact) { return *program(artifact, 1).step; }
fb::DispatchT &dispatch(fb::ArtifactT &artifact, size_t index) {
  return *program(artifact, 1).dispatches[index];
}
/// What the attend kernel writes.
fb::BindingT &hidden(fb::ArtifactT &artifact) { return *dispatch(artifact, 1).bindings[4]; }

constexpr Damage programDamages[] = {
    {"no programs", [](fb::ArtifactT &a) { a.targets[0]->programs.clear(); },
     "targets[0].programs: expected a value, found none"},
    {"name", [](fb::ArtifactT &a) { program(a, 1).name.clear(); },
     "targets[0].programs[1].name: expected a text, found none"},
    {"kind", [](fb::ArtifactT &a) { program(a, 1).kind = fb::ProgramKind(3); },
     "targets[0].programs[1].kind: expected a value of at most 2, found 3"},
    {"two inits",
     [](fb::ArtifactT &a) {
       program(a, 4) = program(a, 0);
       program(a, 4).name = "again";
     },
     "targets[0].programs: expected at most one init, found 2"},
    {"no step",
     [](fb::ArtifactT &a) { a.targets[0]->programs.erase(a.targets[0]->programs.begin() + 1); },
     "targets[0].programs: expected exactly one step, found 0"},
    {"two steps", [](fb::ArtifactT &a) { program(a, 2).kind = fb::ProgramKind::Step; },
     "targets[0].programs: expected exactly one step, found 2"},
    {"decode order",
     [](fb::ArtifactT &a) { std::swap(a.targets[0]->programs[2], a.targets[0]->programs[3]); },
     "targets[0].programs[3].step.max_sequences: expected more than the 2 of the decode program "
     "before, found 1"},
    {"step extents in init", [](fb::ArtifactT &a) { program(a, 2).kind = fb::ProgramKind::Init; },
     "targets[0].programs[2].dispatches[0].grid.extent: expected One in init, found Tokens"},
    {"decode rows", [](fb::ArtifactT &a) { program(a, 3).step->max_logit_rows = 1; },
     "targets[0].programs[3].step.max_logit_rows: expected max_sequences, 2, found 1"},
    {"decode blocks", [](fb::ArtifactT &a) { program(a, 3).step->max_attention_blocks = 1; },
     "targets[0].programs[3].step.max_attention_blocks: expected at least max_sequences, 2, found "
     "1"},
    {"arena", [](fb::ArtifactT &a) { program(a, 1).arena_bytes = uint64_t(1) << 50; },
     "targets[0].programs[1].arena_bytes: expected 0 to 4398046511104, found 1125899906842624"},
    {"logits alignment", [](fb::ArtifactT &a) { program(a, 1).logits_offset = 1028; },
     "targets[0].programs[1].logits_offset: expected a multiple of 64, found 1028"},
    {"logits outside", [](fb::ArtifactT &a) { program(a, 1).logits_offset = 1088; },
     "targets[0].programs[1].logits_offset: expected a range inside the 1536 bytes of the arena, "
     "found 512 bytes at 1088"},
    {"candidates", [](fb::ArtifactT &a) { program(a, 1).candidates = 65; },
     "targets[0].programs[1].candidates: expected 0 to 32, found 65"},
    {"candidates of an init", [](fb::ArtifactT &a) { program(a, 0).candidates = 1; },
     "targets[0].programs[0].candidates: expected 0 to 0, found 1"},
    {"candidates alignment",
     [](fb::ArtifactT &a) {
       program(a, 1).candidates = 1;
       program(a, 1).candidates_offset = 4;
     },
     "targets[0].programs[1].candidates_offset: expected a multiple of 64, found 4"},
    {"candidates outside",
     [](fb::ArtifactT &a) {
       program(a, 1).candidates = 1;
       program(a, 1).candidates_offset = 1536;
     },
     "targets[0].programs[1].candidates_offset: expected a range inside the 1536 bytes of the "
     "arena, found 32 bytes at 1536"},
};

constexpr Damage layoutDamages[] = {
    {"no layout", [](fb::ArtifactT &a) { program(a, 1).step.reset(); },
     "targets[0].programs[1].step: expected a value, found none"},
    {"tokens", [](fb::ArtifactT &a) { step(a).max_tokens = 0; },
     "targets[0].programs[1].step.max_tokens: expected 1 to 1048576, found 0"},
    {"sequences", [](fb::ArtifactT &a) { step(a).max_sequences = 17; },
     "targets[0].programs[1].step.max_sequences: expected 1 to 16, found 17"},
    {"logit rows", [](fb::ArtifactT &a) { step(a).max_logit_rows = 0; },
     "targets[0].programs[1].step.max_logit_rows: expected 1 to 16, found 0"},
    {"blocks", [](fb::ArtifactT &a) { step(a).max_attention_blocks = 0; },
     "targets[0].programs[1].step.max_attention_blocks: expected 1 to 2097152, found 0"},
    {"pages", [](fb::ArtifactT &a) { step(a).max_pages = 9; },
     "targets[0].programs[1].step.max_pages: expected 10 to 268435456, found 9"},
    {"block rows", [](fb::ArtifactT &a) { step(a).attention_block_rows = 0; },
     "targets[0].programs[1].step.attention_block_rows: expected 1 to 1048576, found 0"},
    {"bytes", [](fb::ArtifactT &a) { step(a).bytes = uint64_t(1) << 31; },
     "targets[0].programs[1].step.bytes: expected 1 to 1073741824, found 2147483648"},
    {"alignment", [](fb::ArtifactT &a) { step(a).tokens += 4; },
     "targets[0].programs[1].step.tokens: expected a multiple of 64, found 68"},
    {"outside", [](fb::ArtifactT &a) { step(a).logit_rows = step(a).bytes; },
     "targets[0].programs[1].step.logit_rows: expected a range inside the 576 bytes of the step "
     "table, found 16 bytes at 576"},
    {"overlap", [](fb::ArtifactT &a) { step(a).positions = step(a).tokens; },
     "targets[0].programs[1].step.positions: expected an array apart from tokens at 64, found 64"},
    {"too short", [](fb::ArtifactT &a) { step(a).max_tokens = 17; },
     "targets[0].programs[1].step.positions: expected an array apart from tokens at 64, found "
     "128"},
};

constexpr Damage dispatchDamages[] = {
    {"no dispatches", [](fb::ArtifactT &a) { program(a, 1).dispatches.clear(); },
     "targets[0].programs[1].dispatches: expected a value, found none"},
    {"kernel", [](fb::ArtifactT &a) { dispatch(a, 2).kernel = 7; },
     "targets[0].programs[1].dispatches[2].kernel: expected an index below 7, found 7"},
    {"label", [](fb::ArtifactT &a) { dispatch(a, 2).label.clear(); },
     "targets[0].programs[1].dispatches[2].label: expected a text, found none"},
    {"no grid", [](fb::ArtifactT &a) { dispatch(a, 0).grid.reset(); },
     "targets[0].programs[1].dispatches[0].grid: expected a value, found none"},
    {"divisor", [](fb::ArtifactT &a) { *dispatch(a, 0).grid = {1, 0, fb::Extent::Tokens}; },
     "targets[0].programs[1].dispatches[0].grid.divisor: expected at least 1, found 0"},
    {"extent", [](fb::ArtifactT &a) { *dispatch(a, 0).grid = {1, 1, fb::Extent(5)}; },
     "targets[0].programs[1].dispatches[0].grid.extent: expected a value of at most 4, found 5"},
    {"no tiles", [](fb::ArtifactT &a) { *dispatch(a, 0).grid = {0, 1, fb::Extent::One}; },
     "targets[0].programs[1].dispatches[0].grid.fixed: expected 1 to 1099511627776, found 0"},
    {"tiles",
     [](fb::ArtifactT &a) { *dispatch(a, 0).grid = {uint64_t(1) << 40, 2, fb::Extent::Tokens}; },
     "targets[0].programs[1].dispatches[0].grid.fixed: expected at most 1099511627776 tiles, found "
     "1099511627776 * ceil(16 / 2)"},
    {"binding count", [](fb::ArtifactT &a) { dispatch(a, 1).bindings.pop_back(); },
     "targets[0].programs[1].dispatches[1].bindings: expected the kernel's 5, found 4"},
    {"space", [](fb::ArtifactT &a) { hidden(a).space = fb::Space(5); },
     "targets[0].programs[1].dispatches[1].bindings[4].space: expected a value of at most 4, found "
     "5"},
    {"access", [](fb::ArtifactT &a) { hidden(a).access = fb::Access::Read; },
     "targets[0].programs[1].dispatches[1].bindings[4].access: expected the kernel's, Write, found "
     "Read"},
    {"written weights", [](fb::ArtifactT &a) { hidden(a).space = fb::Space::Weight; },
     "targets[0].programs[1].dispatches[1].bindings[4].access: expected Read, which is all that "
     "the weight allows here, found Write"},
    {"written step table", [](fb::ArtifactT &a) { hidden(a).space = fb::Space::Step; },
     "targets[0].programs[1].dispatches[1].bindings[4].access: expected Read, which is all that "
     "the step table allows here, found Write"},
    {"written residents", [](fb::ArtifactT &a) { hidden(a).space = fb::Space::Resident; },
     "targets[0].programs[1].dispatches[1].bindings[4].access: expected Read, which is all that "
     "resident memory allows here, found Write"},
    {"weight index", [](fb::ArtifactT &a) { dispatch(a, 2).bindings[3]->index = 1; },
     "targets[0].programs[1].dispatches[2].bindings[3].index: expected an index below 1, found 1"},
    {"index elsewhere", [](fb::ArtifactT &a) { hidden(a).index = 1; },
     "targets[0].programs[1].dispatches[1].bindings[4].index: expected an index below 1, found 1"},
    {"offset alignment", [](fb::ArtifactT &a) { hidden(a).offset = 63; },
     "targets[0].programs[1].dispatches[1].bindings[4].offset: expected a multiple of 64, found "
     "63"},
    {"count alignment", [](fb::ArtifactT &a) { dispatch(a, 2).bindings[0]->offset = 2; },
     "targets[0].programs[1].dispatches[2].bindings[0].offset: expected a multiple of 4, found 2"},
    {"arena range", [](fb::ArtifactT &a) { hidden(a).offset = 576; },
     "targets[0].programs[1].dispatches[1].bindings[4].offset: expected a range inside the 1536 "
     "bytes of the arena, found 1024 bytes at 576"},
    {"overflow",
     [](fb::ArtifactT &a) {
       hidden(a).offset = 64;
       hidden(a).bytes = ~uint64_t(0);
     },
     "targets[0].programs[1].dispatches[1].bindings[4].offset: expected a range inside the 1536 "
     "bytes of the arena, found 18446744073709551615 bytes at 64"},
    {"kv range", [](fb::ArtifactT &a) { dispatch(a, 0).bindings[3]->offset = 64; },
     "targets[0].programs[1].dispatches[0].bindings[3].offset: expected a range inside the 16384 "
     "bytes of the KV pool, found 16384 bytes at 64"},
    {"weight range", [](fb::ArtifactT &a) { dispatch(a, 2).bindings[3]->bytes = 65; },
     "targets[0].programs[1].dispatches[2].bindings[3].offset: expected a range inside the 64 "
     "bytes of the weight, found 65 bytes at 0"},
    {"kv in init",
     [](fb::ArtifactT &a) { program(a, 0).dispatches[0]->bindings[0]->space = fb::Space::Kv; },
     "targets[0].programs[0].dispatches[0].bindings[0].offset: expected a range inside the 0 bytes "
     "of the KV pool, found 64 bytes at 0"},
    {"checked read", [](fb::ArtifactT &a) { dispatch(a, 1).bindings[0]->check_f32 = true; },
     "targets[0].programs[1].dispatches[1].bindings[0].check_f32: expected it only where the "
     "kernel writes, found it on a Read"},
    {"row bytes", [](fb::ArtifactT &a) { hidden(a).row_bytes = 66; },
     "targets[0].programs[1].dispatches[1].bindings[4].row_bytes: expected a multiple of 4, found "
     "66"},
    {"rows outside", [](fb::ArtifactT &a) { hidden(a).row_bytes = 68; },
     "targets[0].programs[1].dispatches[1].bindings[4].row_bytes: expected 16 rows inside the "
     "binding's 1024 bytes, found rows of 68 bytes"},
    {"check rows", [](fb::ArtifactT &a) { hidden(a).check_rows = fb::Extent::AttentionBlocks; },
     "targets[0].programs[1].dispatches[1].bindings[4].check_rows: expected an extent that counts "
     "rows, found AttentionBlocks"},
};

TEST(ProgramDamage, IsNamedInPrograms) { expectFindings(programDamages); }

TEST(ProgramDamage, IsNamedInStepTables) { expectFindings(layoutDamages); }

TEST(ProgramDamage, IsNamedInDispatches) { expectFindings(dispatchDamages); }

} // namespace
} // namespace tawny::test
