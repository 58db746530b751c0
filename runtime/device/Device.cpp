#include "runtime/device/Device.h"

#include "runtime/device/CpuDevice.h"

#include <algorithm>

namespace tawny {

ErrorOr<std::unique_ptr<Device>> openDevice(std::string_view name, unsigned threads) {
  if (name == "cpu") {
    ErrorOr<std::unique_ptr<CpuDevice>> cpu = CpuDevice::open(threads);
    if (!cpu)
      return cpu.takeError();
    return std::unique_ptr<Device>(std::move(*cpu));
  }
  std::string_view kind = name.substr(0, name.find(':'));
  int length = static_cast<int>(name.size());
  if (kind == "hip" || kind == "cuda")
    return makeError("device '%.*s': this build has no support for it yet; use cpu", length,
                     name.data());
  return makeError("device '%.*s': expected cpu, hip[:N] or cuda[:N]", length, name.data());
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
