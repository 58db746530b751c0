#include "runtime/device/Device.h"

#include "runtime/device/CpuDevice.h"
#include "runtime/device/gpu/GpuDevice.h"

#include <algorithm>
#include <optional>

namespace tawny {

std::optional<DeviceName> parseDeviceName(std::string_view text) {
  size_t colon = text.find(':');
  DeviceName name{text.substr(0, colon)};
  if (name.kind != "hip" && name.kind != "cuda")
    return text == "cpu" ? std::optional(name) : std::nullopt;
  if (colon == std::string_view::npos)
    return name;
  constexpr int most = 1 << 16, ten = 10;
  for (char digit : text.substr(colon + 1)) {
    if (digit < '0' || digit > '9' || name.ordinal > most)
      return std::nullopt;
    name.ordinal = name.ordinal * ten + (digit - '0');
  }
  return text.size() > colon + 1 ? std::optional(name) : std::nullopt;
}

ErrorOr<std::unique_ptr<Device>> openDevice(std::string_view text, unsigned threads) {
  std::optional<DeviceName> name = parseDeviceName(text);
  if (!name)
    return makeError("device '%.*s': expected cpu, hip[:N] or cuda[:N]",
                     static_cast<int>(text.size()), text.data());
  if (name->kind == "hip")
    return gpu::GpuDevice::open(gpu::Vendor::Hip, name->ordinal);
  if (name->kind == "cuda")
    return gpu::GpuDevice::open(gpu::Vendor::Cuda, name->ordinal);
  ErrorOr<std::unique_ptr<CpuDevice>> cpu = CpuDevice::open(threads);
  if (!cpu)
    return cpu.takeError();
  return std::unique_ptr<Device>(std::move(*cpu));
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
