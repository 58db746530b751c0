#include "runtime/artifact/CheckedMath.h"
#include "runtime/artifact/Format.h"
#include "runtime/artifact/Verify.h"

#include <cinttypes>
#include <string_view>
#include <unordered_set>

namespace tawny::verify {
namespace {

/// Bytes of a KV element, 0 for a name that is none.
uint64_t elementBytes(std::string_view element) {
  return element == "f32" ? 4 : element == "f16" || element == "bf16" ? 2 : 0;
}

bool kernel(Checker &check, const Field &where, const fb::Kernel &kernel, bool onCpu) {
  if (!(check.text(where("name"), kernel.name()) && check.text(where("symbol"), kernel.symbol()) &&
        check.present(where("bindings"), kernel.bindings()) &&
        check.expect(kernel.bindings()->size() >= 1 &&
                         kernel.bindings()->size() <= format::maxBindings,
                     where("bindings"), "expected 1 to %" PRIu64 " bindings, found %u",
                     format::maxBindings, kernel.bindings()->size())))
    return false;
  for (uint32_t i = 0; i < kernel.bindings()->size(); ++i)
    if (!check.enumeration(where("bindings", i), kernel.bindings()->Get(i), fb::Access::MAX))
      return false;
  return check.inRange(where("threads"), kernel.threads(), 1, onCpu ? 1 : format::maxTileThreads) &&
         check.inRange(where("scratch_bytes"), kernel.scratch_bytes(), 0,
                       format::maxScratchBytes) &&
         check.inRange(where("shared_bytes"), kernel.shared_bytes(), 0, format::maxSharedBytes);
}

bool kernels(Checker &check, const Field &where, const fb::Target &target) {
  if (!(check.present(where("kernels"), target.kernels()) &&
        check.expect(target.kernels()->size() != 0, where("kernels"),
                     "expected at least one, found none")))
    return false;
  bool onCpu = target.device()->string_view() == "cpu";
  std::unordered_set<std::string_view> names;
  for (uint32_t i = 0; i < target.kernels()->size(); ++i) {
    Field entry = where("kernels", i);
    const fb::Kernel &found = *target.kernels()->Get(i);
    if (!(kernel(check, entry, found, onCpu) &&
          check.expect(names.insert(found.name()->string_view()).second, entry("name"),
                       "expected a name that no other kernel has, found '%.100s' again",
                       found.name()->c_str())))
      return false;
  }
  return true;
}

bool kvSizes(Checker &check, const Field &where, const fb::KvGeometry &kv) {
  uint64_t element = elementBytes(kv.element()->string_view());
  auto page = checkedProduct({kv.kv_heads(), kv.head_dim(), kv.page_tokens(), element});
  if (!(check.expect(page && kv.k_page_bytes() >= *page, where("k_page_bytes"),
                     "expected at least kv_heads * head_dim * page_tokens elements, found %" PRIu64
                     " bytes",
                     kv.k_page_bytes()) &&
        check.expect(page && kv.v_page_bytes() >= *page, where("v_page_bytes"),
                     "expected at least kv_heads * head_dim * page_tokens elements, found %" PRIu64
                     " bytes",
                     kv.v_page_bytes()) &&
        check.inRange(where("k_page_bytes"), kv.k_page_bytes(), 1, format::maxBufferBytes) &&
        check.inRange(where("v_page_bytes"), kv.v_page_bytes(), 1, format::maxBufferBytes) &&
        check.multipleOf(where("k_page_bytes"), kv.k_page_bytes(), format::dataAlignment) &&
        check.multipleOf(where("v_page_bytes"), kv.v_page_bytes(), format::dataAlignment)))
    return false;
  auto layer = checkedProduct({kv.pages(), kv.k_page_bytes() + kv.v_page_bytes()});
  auto all = checkedProduct({kv.layers(), kv.layer_bytes()});
  return check.expect(layer && kv.layer_bytes() == *layer, where("layer_bytes"),
                      "expected pages * (k_page_bytes + v_page_bytes), found %" PRIu64,
                      kv.layer_bytes()) &&
         check.expect(all && kv.bytes() == *all, where("bytes"),
                      "expected layers * layer_bytes, found %" PRIu64, kv.bytes()) &&
         check.inRange(where("bytes"), kv.bytes(), 1, format::maxBufferBytes);
}

bool kvGeometry(Checker &check, const Field &where, const fb::Artifact &artifact,
                const fb::KvGeometry &kv) {
  constexpr uint64_t manyHeads = 1 << 16;
  if (!(check.inRange(where("layers"), kv.layers(), 1, format::maxLayers) &&
        check.inRange(where("kv_heads"), kv.kv_heads(), 1, manyHeads) &&
        check.inRange(where("head_dim"), kv.head_dim(), 1, manyHeads) &&
        check.inRange(where("page_tokens"), kv.page_tokens(), 1, format::maxStepTokens) &&
        check.inRange(where("pages"), kv.pages(), 1, INT32_MAX) &&
        check.text(where("element"), kv.element()) &&
        check.expect(elementBytes(kv.element()->string_view()) != 0, where("element"),
                     "expected f16, bf16 or f32, found '%.20s'", kv.element()->c_str())))
    return false;
  uint64_t slots = uint64_t(kv.pages()) * kv.page_tokens();
  // Slots are i32 in the step table.
  return check.expect(slots <= INT32_MAX, where("pages"),
                      "expected pages * page_tokens of at most %d, found %" PRIu64, INT32_MAX,
                      slots) &&
         check.expect(slots >= artifact.kv_tokens(), where("pages"),
                      "expected room for kv_tokens, %" PRIu64 ", found room for %" PRIu64 " tokens",
                      artifact.kv_tokens(), slots) &&
         kvSizes(check, where, kv);
}

bool probes(Checker &check, const Field &where, const fb::Target &target,
            const fb::Probes &probes) {
  constexpr uint64_t maxTileBytes = uint64_t(1) << 30;
  uint32_t count = target.kernels()->size();
  if (!(check.expect(probes.read_kernel() < count, where("read_kernel"),
                     "expected an index below %u, found %u", count, probes.read_kernel()) &&
        check.expect(probes.peak_kernel() < count, where("peak_kernel"),
                     "expected an index below %u, found %u", count, probes.peak_kernel()) &&
        check.inRange(where("read_tile_bytes"), probes.read_tile_bytes(), 1, maxTileBytes) &&
        check.multipleOf(where("read_tile_bytes"), probes.read_tile_bytes(),
                         format::dataAlignment) &&
        check.inRange(where("peak_tile_operations"), probes.peak_tile_operations(), 1,
                      uint64_t(1) << 40) &&
        check.text(where("peak_unit"), probes.peak_unit())))
    return false;
  const auto &read = *target.kernels()->Get(probes.read_kernel())->bindings();
  const auto &peak = *target.kernels()->Get(probes.peak_kernel())->bindings();
  return check.expect(read.size() == 2 && read.Get(0) == fb::Access::Read &&
                          read.Get(1) == fb::Access::ReadWrite,
                      where("read_kernel"),
                      "expected a kernel with the bindings Read, ReadWrite, found others") &&
         check.expect(peak.size() == 1 && peak.Get(0) == fb::Access::ReadWrite,
                      where("peak_kernel"),
                      "expected a kernel with the binding ReadWrite, found others");
}

bool features(Checker &check, const Field &where, const fb::Target &target) {
  for (uint32_t i = 0; target.features() && i < target.features()->size(); ++i)
    if (!check.text(where("features", i), target.features()->Get(i)))
      return false;
  return true;
}

bool codeSegment(Checker &check, const Field &field, const fb::Artifact &artifact, int64_t index) {
  uint32_t segments = artifact.segments() ? artifact.segments()->size() : 0;
  return check.expect(index >= 0 && index < segments, field,
                      "expected an index below %u, found %" PRId64, segments, index) &&
         check.expect(artifact.segments()->Get(static_cast<uint32_t>(index))->kind() ==
                          fb::SegmentKind::Code,
                      field, "expected a segment of code, found one of weights");
}

bool codeSegments(Checker &check, const Field &where, const fb::Artifact &artifact,
                  const fb::Target &target) {
  return codeSegment(check, where("code_segment"), artifact, target.code_segment()) &&
         (target.fallback_segment() == -1 ||
          codeSegment(check, where("fallback_segment"), artifact, target.fallback_segment()));
}

} // namespace

bool target(Checker &check, const Field &where, const fb::Artifact &artifact,
            const fb::Target &target) {
  if (!(check.text(where("name"), target.name()) && check.text(where("device"), target.device())))
    return false;
  std::string_view device = target.device()->string_view();
  Field kvField = where("kv"), probesField = where("probes");
  return check.expect(device == "cpu" || device == "hip" || device == "cuda", where("device"),
                      "expected cpu, hip or cuda, found '%.20s'", target.device()->c_str()) &&
         features(check, where, target) && check.text(where("activations"), target.activations()) &&
         codeSegments(check, where, artifact, target) &&
         check.inRange(where("resident_bytes"), target.resident_bytes(), 0,
                       format::maxBufferBytes) &&
         kernels(check, where, target) && check.present(kvField, target.kv()) &&
         kvGeometry(check, kvField, artifact, *target.kv()) &&
         (!target.probes() || probes(check, probesField, target, *target.probes())) &&
         programs(check, where, TargetContext{artifact, target});
}

} // namespace tawny::verify
