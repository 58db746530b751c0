#include "runtime/executor/Program.h"

#include "runtime/artifact/CheckedMath.h"
#include "runtime/executor/KvCheck.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>

namespace tawny {

uint64_t Extents::of(fb::Extent extent) const {
  switch (extent) {
  case fb::Extent::One:
    return 1;
  case fb::Extent::Tokens:
    return tokens;
  case fb::Extent::Sequences:
    return sequences;
  case fb::Extent::LogitRows:
    return logitRows;
  case fb::Extent::AttentionBlocks:
    return attentionBlocks;
  }
  return 0;
}

static void *addressOf(const fb::Binding &binding, const Spaces &spaces) {
  void *base = nullptr;
  switch (binding.space()) {
  case fb::Space::Weight:
    base = spaces.weights[binding.index()];
    break;
  case fb::Space::Arena:
    base = spaces.arena;
    break;
  case fb::Space::Kv:
    base = spaces.kv;
    break;
  case fb::Space::Step:
    base = spaces.step;
    break;
  case fb::Space::Resident:
    base = spaces.resident;
    break;
  }
  return static_cast<std::byte *>(base) + binding.offset();
}

Program::Program(const fb::Target &target, const fb::Program &program,
                 std::span<const KernelHandle> kernels, const Spaces &spaces)
    : target(&target), program(&program) {
  for (const fb::Dispatch *dispatch : *program.dispatches())
    for (const fb::Binding *binding : *dispatch->bindings())
      addresses.push_back(addressOf(*binding, spaces));
  // Only now that `addresses` has stopped growing can launches point into it.
  void *const *next = addresses.data();
  for (const fb::Dispatch *dispatch : *program.dispatches()) {
    const fb::Kernel &kernel = *target.kernels()->Get(dispatch->kernel());
    Launch launch;
    launch.kernel = kernels[dispatch->kernel()];
    launch.kernelName = kernel.name()->c_str();
    launch.label = dispatch->label()->c_str();
    launch.bindings = next;
    launch.bindingCount = dispatch->bindings()->size();
    launch.tileThreads = kernel.threads();
    launch.sharedBytes = static_cast<uint32_t>(kernel.shared_bytes());
    launches.push_back(launch);
    next += launch.bindingCount;
  }
}

void Program::setTiles(const Extents &extents) {
  for (uint32_t i = 0; i < launches.size(); ++i) {
    const fb::Grid &grid = *program->dispatches()->Get(i)->grid();
    launches[i].tiles = grid.fixed() * ceilDivide(extents.of(grid.extent()), grid.divisor());
  }
}

ErrorOr<void> Program::runChecked(Device &device, const Extents &extents, std::span<float> staging,
                                  std::span<const int32_t> kvSlots) {
  setTiles(extents);
  for (uint32_t i = 0; i < launches.size(); ++i) {
    if (ErrorOr<void> submitted = device.submit({&launches[i], 1}); !submitted)
      return submitted;
    if (ErrorOr<void> finished = device.wait(); !finished)
      return finished;
    if (ErrorOr<void> checked = checkRows(device, i, extents, staging); !checked)
      return checked;
    if (ErrorOr<void> checked = checkPages(device, i, staging, kvSlots); !checked)
      return checked;
  }
  return {};
}

/// Visits `count` values from `address` on in pieces that the host can read. Stores the first value
/// that is not finite and its index; the index is `count` where there is none.
static ErrorOr<uint64_t> findNonFinite(Device &device, void *address, uint64_t count,
                                       std::span<float> staging, float &value) {
  bool visible = device.hostView(address) != nullptr;
  for (uint64_t first = 0; first < count;) {
    uint64_t piece = visible ? count : std::min<uint64_t>(staging.size(), count - first);
    auto *source = static_cast<float *>(address) + first;
    std::span<const float> values = staging.first(visible ? 0 : piece);
    if (visible)
      values = {static_cast<const float *>(device.hostView(source)), piece};
    else if (ErrorOr<void> read = device.read(std::as_writable_bytes(staging.first(piece)), source);
             !read)
      return read.takeError();
    auto found = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
    if (found != values.end()) {
      value = *found;
      return first + static_cast<uint64_t>(found - values.begin());
    }
    first += piece;
  }
  return count;
}

ErrorOr<void> Program::checkRows(Device &device, uint32_t index, const Extents &extents,
                                 std::span<float> staging) {
  const fb::Dispatch &dispatch = *program->dispatches()->Get(index);
  for (uint32_t i = 0; i < dispatch.bindings()->size(); ++i) {
    const fb::Binding &binding = *dispatch.bindings()->Get(i);
    if (!binding.check_f32())
      continue;
    uint64_t rowBytes = binding.row_bytes() ? binding.row_bytes() : binding.bytes();
    uint64_t rows = binding.row_bytes() ? extents.of(binding.check_rows()) : 1;
    uint64_t columns = rowBytes / sizeof(float), count = rows * columns;
    float value = 0;
    ErrorOr<uint64_t> found =
        findNonFinite(device, launches[index].bindings[i], count, staging, value);
    if (!found)
      return found.takeError();
    if (*found != count)
      return makeError("check: dispatch %u, '%s', of program '%s' wrote %f at row %" PRIu64
                       ", column %" PRIu64 " of its binding %u; its kernel is '%s'",
                       index, dispatch.label()->c_str(), program->name()->c_str(),
                       static_cast<double>(value), *found / columns, *found % columns, i,
                       target->kernels()->Get(dispatch.kernel())->name()->c_str());
  }
  return {};
}

ErrorOr<void> Program::checkPages(Device &device, uint32_t index, std::span<float> staging,
                                  std::span<const int32_t> kvSlots) {
  const fb::Dispatch &dispatch = *program->dispatches()->Get(index);
  for (uint32_t i = 0; i < dispatch.bindings()->size(); ++i) {
    const fb::Binding &binding = *dispatch.bindings()->Get(i);
    if (binding.space() != fb::Space::Kv || binding.access() == fb::Access::Read)
      continue;
    ErrorOr<std::optional<KvFinding>> found = removeNonFinite(
        device, {*target->kv(), binding, launches[index].bindings[i], kvSlots}, staging);
    if (!found)
      return found.takeError();
    if (const std::optional<KvFinding> &bad = *found)
      return makeError("check: dispatch %u, '%s', of program '%s' wrote %s to page %u of the %s of "
                       "layer %u; its kernel is '%s'",
                       index, dispatch.label()->c_str(), program->name()->c_str(),
                       std::string(bad->value).c_str(), bad->page, std::string(bad->pool).c_str(),
                       bad->layer, target->kernels()->Get(dispatch.kernel())->name()->c_str());
  }
  return {};
}

} // namespace tawny
