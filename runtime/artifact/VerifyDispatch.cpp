#include "runtime/artifact/CheckedMath.h"
#include "runtime/artifact/Format.h"
#include "runtime/artifact/Verify.h"

#include <algorithm>
#include <cinttypes>

namespace tawny {

uint64_t largestExtent(const fb::StepLayout *layout, fb::Extent extent) {
  if (extent == fb::Extent::One)
    return 1;
  if (!layout)
    return 0;
  switch (extent) {
  case fb::Extent::Tokens:
    return layout->max_tokens();
  case fb::Extent::Sequences:
    return layout->max_sequences();
  case fb::Extent::LogitRows:
    return layout->max_logit_rows();
  case fb::Extent::AttentionBlocks:
    return layout->max_attention_blocks();
  case fb::Extent::One:
    break;
  }
  return 1;
}

namespace verify {
namespace {

/// A binding's range is checked against this.
struct SpaceRange {
  const char *what;
  uint64_t bytes;
  bool writable;
  uint64_t alignment = format::dataAlignment;
};

SpaceRange rangeOf(const TargetContext &context, const fb::Program &program,
                   const fb::Binding &binding) {
  bool init = program.kind() == fb::ProgramKind::Init;
  switch (binding.space()) {
  case fb::Space::Weight:
    return {"the weight", context.artifact.weights()->Get(binding.index())->bytes(), false};
  case fb::Space::Arena:
    return {"the arena", program.arena_bytes(), true};
  case fb::Space::Kv:
    return {"the KV pool", init ? 0 : context.target.kv()->bytes(), true};
  case fb::Space::Step:
    // Single counts are bound too, so a binding starts at any element.
    return {"the step table", init ? 0 : program.step()->bytes(), false, sizeof(int32_t)};
  case fb::Space::Resident:
    return {"resident memory", context.target.resident_bytes(), init};
  }
  return {"nothing", 0, false};
}

/// What `--check` would scan lies inside the binding.
bool checkedRows(Checker &check, const Field &where, const fb::Program &program,
                 const fb::Binding &binding) {
  if (!binding.check_f32())
    return true;
  const fb::StepLayout *layout = program.kind() == fb::ProgramKind::Init ? nullptr : program.step();
  if (!(check.expect(binding.access() != fb::Access::Read, where("check_f32"),
                     "expected it only where the kernel writes, found it on a Read") &&
        check.multipleOf(where("row_bytes"), binding.row_bytes(), sizeof(float)) &&
        check.multipleOf(where("bytes"), binding.bytes(), sizeof(float)) &&
        check.enumeration(where("check_rows"), binding.check_rows(), fb::Extent::MAX) &&
        check.expect(binding.check_rows() != fb::Extent::AttentionBlocks, where("check_rows"),
                     "expected an extent that counts rows, found AttentionBlocks")))
    return false;
  uint64_t rows = largestExtent(layout, binding.check_rows());
  auto bytes = checkedProduct({rows, binding.row_bytes()});
  return check.expect(bytes && *bytes <= binding.bytes(), where("row_bytes"),
                      "expected %" PRIu64 " rows inside the binding's %" PRIu64
                      " bytes, found rows of %" PRIu64 " bytes",
                      rows, binding.bytes(), binding.row_bytes());
}

bool binding(Checker &check, const Field &where, const TargetContext &context,
             const fb::Program &program, fb::Access access, const fb::Binding &binding) {
  const auto *weights = context.artifact.weights();
  uint32_t indices = binding.space() != fb::Space::Weight ? 1 : weights ? weights->size() : 0;
  if (!(check.enumeration(where("space"), binding.space(), fb::Space::MAX) &&
        check.expect(binding.index() < indices, where("index"),
                     "expected an index below %u, found %u", indices, binding.index()) &&
        check.enumeration(where("access"), binding.access(), fb::Access::MAX) &&
        check.expect(binding.access() == access, where("access"),
                     "expected the kernel's, %s, found %s", fb::EnumNameAccess(access),
                     fb::EnumNameAccess(binding.access()))))
    return false;
  SpaceRange range = rangeOf(context, program, binding);
  return check.expect(range.writable || binding.access() == fb::Access::Read, where("access"),
                      "expected Read, which is all that %s allows here, found %s", range.what,
                      fb::EnumNameAccess(binding.access())) &&
         check.multipleOf(where("offset"), binding.offset(), range.alignment) &&
         check.within(where("offset"), binding.offset(), binding.bytes(), range.bytes,
                      range.what) &&
         checkedRows(check, where, program, binding);
}

bool grid(Checker &check, const Field &where, const fb::Program &program, const fb::Grid &grid) {
  const fb::StepLayout *layout = program.kind() == fb::ProgramKind::Init ? nullptr : program.step();
  if (!(check.inRange(where("fixed"), grid.fixed(), 1, format::maxTiles) &&
        check.expect(grid.divisor() != 0, where("divisor"), "expected at least 1, found 0") &&
        check.enumeration(where("extent"), grid.extent(), fb::Extent::MAX)))
    return false;
  uint64_t extent = largestExtent(layout, grid.extent());
  auto tiles = checkedProduct({grid.fixed(), ceilDivide(extent, grid.divisor())});
  return check.expect(extent != 0, where("extent"), "expected One in init, found %s",
                      fb::EnumNameExtent(grid.extent())) &&
         check.expect(tiles && *tiles <= format::maxTiles, where("fixed"),
                      "expected at most %" PRIu64 " tiles, found %" PRIu64 " * ceil(%" PRIu64
                      " / %u)",
                      format::maxTiles, grid.fixed(), extent, grid.divisor());
}

bool dispatch(Checker &check, const Field &where, const TargetContext &context,
              const fb::Program &program, const fb::Dispatch &dispatch) {
  uint32_t kernels = context.target.kernels()->size();
  Field gridField = where("grid");
  if (!(check.expect(dispatch.kernel() < kernels, where("kernel"),
                     "expected an index below %u, found %u", kernels, dispatch.kernel()) &&
        check.text(where("label"), dispatch.label()) && check.present(gridField, dispatch.grid()) &&
        grid(check, gridField, program, *dispatch.grid()) &&
        check.present(where("bindings"), dispatch.bindings())))
    return false;
  const auto &accesses = *context.target.kernels()->Get(dispatch.kernel())->bindings();
  if (!check.expect(dispatch.bindings()->size() == accesses.size(), where("bindings"),
                    "expected the kernel's %u, found %u", accesses.size(),
                    dispatch.bindings()->size()))
    return false;
  for (uint32_t i = 0; i < accesses.size(); ++i) {
    Field entry = where("bindings", i);
    if (!binding(check, entry, context, program, accesses.Get(i), *dispatch.bindings()->Get(i)))
      return false;
  }
  return true;
}

} // namespace

bool dispatches(Checker &check, const Field &where, const TargetContext &context,
                const fb::Program &program) {
  const auto *all = program.dispatches();
  if (!(check.present(where("dispatches"), all) &&
        check.expect(all->size() != 0, where("dispatches"), "expected at least one, found none")))
    return false;
  for (uint32_t i = 0; i < all->size(); ++i) {
    Field entry = where("dispatches", i);
    if (!dispatch(check, entry, context, program, *all->Get(i)))
      return false;
  }
  return true;
}

} // namespace verify
} // namespace tawny
