#include "runtime/device/Device.h"

#include "runtime/device/CpuDevice.h"
#include "runtime/device/gpu/GpuDevice.h"

#include <algorithm>
#include <optional>

namespace tawny {

/// The number behind a device's name: 0 where it has none, nothing where it is no number.
static std::optional<int> ordinalOf(std::string_view name) {
  size_t colon = name.find(':');
  if (colon == std::string_view::npos)
    return 0;
  constexpr int most = 1 << 16, ten = 10;
  int value = 0;
  for (char digit : name.substr(colon + 1)) {
    if (digit < '0' || digit > '9' || value > most)
      return std::nullopt;
    value = value * ten + (digit - '0');
  }
  return name.size() > colon + 1 ? std::optional(value) : std::nullopt;
}

ErrorOr<std::unique_ptr<Device>> openDevice(std::string_view name, unsigned threads) {
  if (name == "cpu") {
    ErrorOr<std::unique_ptr<CpuDevice>> cpu = CpuDevice::open(threads);
    if (!cpu)
      return cpu.takeError();
    return std::unique_ptr<Device>(std::move(*cpu));
  }
  std::optional<int> ordinal = ordinalOf(name);
  std::string_view kind = name.substr(0, name.find(':'));
  if (ordinal && kind == "hip")
    return gpu::GpuDevice::open(gpu::Vendor::Hip, *ordinal);
  if (ordinal && kind == "cuda")
    return gpu::GpuDevice::open(gpu::Vendor::Cuda, *ordinal);
  return makeError("device '%.*s': expected cpu, hip[:N] or cuda[:N]",
                   static_cast<int>(name.size()), name.data());
}

/// Features that the target wants and the device lacks, as "a, b".
static std::string missingFeatures(const fb::Target &target, const Device &device) {
  std::string missing;
  for (uint32_t i = 0; target.features() && i < target.features()->size(); ++i) {
    std::string_view wanted = target.features()->Get(i)->string_view();
    if (std::ranges::find(device.features(), wanted) == device.features().end())
      missing.append(missing.empty() ? "" : ", ").append(wanted);
  }
  return missing;
}

ErrorOr<uint32_t> selectTarget(const fb::Artifact &artifact, const Device &device) {
  std::string reasons;
  for (uint32_t i = 0; artifact.targets() && i < artifact.targets()->size(); ++i) {
    const fb::Target &target = *artifact.targets()->Get(i);
    std::string missing;
    if (target.device()->string_view() == device.kind()) {
      missing = missingFeatures(target, device);
      if (missing.empty())
        return i;
      missing.insert(0, "needs ");
    } else {
      missing = "is for the device " + target.device()->str();
    }
    reasons.append(reasons.empty() ? "" : "; ").append(target.name()->string_view());
    reasons.append(" ").append(missing);
  }
  if (reasons.empty())
    return makeError("the artifact holds a vocabulary but no code: compile the model without "
                     "--vocab-only");
  return makeError("no target of the artifact runs on %.*s (%.*s): %s; compile for this machine "
                   "with tawnyc --target",
                   static_cast<int>(device.kind().size()), device.kind().data(),
                   static_cast<int>(device.description().size()), device.description().data(),
                   reasons.c_str());
}

} // namespace tawny
