// tawny devices: what this machine could compute with, and why some of it is not usable.
#include "runtime/device/CpuFeatures.h"
#include "runtime/device/SystemLimits.h"
#include "runtime/device/gpu/Platform.h"
#include "runtime/device/gpu/UsableMemory.h"
#include "runtime/support/Json.h"
#include "tools/tawny/Tool.h"

namespace tawny::tool {
namespace {

const char *poolName(gpu::MemoryPool pool) {
  switch (pool) {
  case gpu::MemoryPool::Vram:
    return "VRAM";
  case gpu::MemoryPool::Gtt:
    return "system memory through GTT";
  case gpu::MemoryPool::Driver:
    break;
  }
  return "as the driver says";
}

Json describeCpu() {
  SystemLimits limits;
  std::optional<uint64_t> total = limits.totalMemory(), available = limits.availableMemory();
  return {{"name", "cpu"},
          {"usable", true},
          {"description", cpuDescription()},
          {"threads", limits.usableCores()},
          {"memory_bytes", total ? Json(*total) : Json()},
          {"available_bytes", available ? Json(*available) : Json()},
          {"features", cpuFeatures()}};
}

/// Devices of a driver, one object each, or one that says why there is none.
Json describeDriver(gpu::Vendor vendor, const char *kind) {
  ErrorOr<int> count = gpu::Platform::count(vendor);
  if (!count)
    return Json::array({{{"name", kind}, {"usable", false}, {"reason", count.error().message}}});
  Json list = Json::array();
  for (int i = 0; i < *count; ++i) {
    std::string name = i == 0 ? kind : kind + (":" + std::to_string(i));
    ErrorOr<std::unique_ptr<gpu::Platform>> platform = gpu::Platform::open(vendor, i);
    if (!platform) {
      list.push_back({{"name", name}, {"usable", false}, {"reason", platform.error().message}});
      continue;
    }
    const gpu::DeviceFacts &facts = (*platform)->facts();
    ErrorOr<gpu::GpuMemory> memory = gpu::describeMemory(**platform);
    Json device = {{"name", name},
                   {"usable", true},
                   {"description", facts.name},
                   {"pci_bus_id", facts.pciBusId},
                   {"integrated", facts.integrated},
                   {"memory_bytes", memory ? Json(memory->totalBytes) : Json()},
                   {"available_bytes", memory ? Json(memory->availableBytes) : Json()},
                   {"memory_kind", memory ? Json(poolName(memory->pool)) : Json()},
                   {"features", facts.features}};
    if (memory && !memory->advice.empty())
      device["advice"] = memory->advice;
    list.push_back(device);
  }
  return list;
}

/// What AMD's kernel driver says, with or without ROCm.
void addKernelFacts(Json &hip) {
  gpu::MemoryFiles files;
  Json cards = Json::array();
  for (const gpu::AmdCard &card : files.amdCards())
    cards.push_back({{"card", card.name},
                     {"pci_bus_id", card.pciBusId},
                     {"vram_bytes", card.vramBytes},
                     {"gtt_bytes", card.gttBytes}});
  constexpr uint64_t pageBytes = 4096, mebibyte = uint64_t(1) << 20;
  std::optional<uint64_t> ttm = files.ttmBytes(), gtt = files.gttSizeParameter();
  hip["cards"] = cards;
  hip["kernel_parameters"] = {
      {{"name", "ttm.pages_limit"},
       {"value", ttm ? Json(*ttm / pageBytes) : Json()},
       {"meaning", "system memory that all graphics processors may map, in pages of 4 KiB; on "
                   "APUs this bounds the size of models"}},
      {{"name", "amdgpu.gttsize"},
       {"value", gtt ? Json(*gtt / mebibyte) : Json()},
       {"meaning", "the same for one AMD processor, in MiB; -1 leaves it to ttm.pages_limit"}}};
}

std::string bytesOf(const Json &value) {
  return value.is_number() ? formatBytes(value.get<uint64_t>()) : std::string("unknown");
}

std::string textOf(const Json &value) { return value.get<std::string>(); }

void printDevice(const Json &device) {
  if (!device["usable"].get<bool>()) {
    std::printf("%s: not usable: %s\n", textOf(device["name"]).c_str(),
                textOf(device["reason"]).c_str());
    return;
  }
  std::printf("%s: usable: %s\n", textOf(device["name"]).c_str(),
              textOf(device["description"]).c_str());
  if (device.contains("threads"))
    std::printf("  threads: %u, one per physical core that this process may use\n",
                device["threads"].get<unsigned>());
  std::printf("  memory: %s, of which %s available%s\n", bytesOf(device["memory_bytes"]).c_str(),
              bytesOf(device["available_bytes"]).c_str(),
              device.contains("memory_kind") && device["memory_kind"].is_string()
                  ? (" (" + textOf(device["memory_kind"]) + ")").c_str()
                  : "");
  if (device.contains("advice"))
    std::printf("  more memory: %s\n", textOf(device["advice"]).c_str());
  std::string features;
  for (const Json &feature : device["features"])
    features += " " + textOf(feature);
  std::printf("  features:%s\n", features.c_str());
}

void printKernelFacts(const Json &hip) {
  for (const Json &card : hip["cards"])
    std::printf("  %s: %s of its own memory, %s of system memory within reach (GTT)\n",
                textOf(card["card"]).c_str(), bytesOf(card["vram_bytes"]).c_str(),
                bytesOf(card["gtt_bytes"]).c_str());
  for (const Json &parameter : hip["kernel_parameters"]) {
    std::string value = parameter["value"].is_number()
                            ? " = " + std::to_string(parameter["value"].get<uint64_t>())
                            : std::string();
    std::printf("  kernel parameter %s%s: %s\n", textOf(parameter["name"]).c_str(), value.c_str(),
                textOf(parameter["meaning"]).c_str());
  }
}

class Devices final : public Subcommand {
public:
  const char *name() const override { return "devices"; }
  Command &declare(ArgumentParser &parser) override {
    return parser.command("devices", "show what this machine can compute with")
        .details("How much memory that has, why a device is not usable, and which parameters of "
                 "the Linux kernel bound the memory of AMD's graphics processors. Measures "
                 "nothing: see bench.")
        .flag("--json", &json, "print one JSON object with a list, devices");
  }
  ErrorOr<int> execute() override;

private:
  bool json = false;
};

ErrorOr<int> Devices::execute() {
  Json devices = Json::array({describeCpu()});
  Json hip = describeDriver(gpu::Vendor::Hip, "hip");
  addKernelFacts(hip[0]);
  for (const Json &list : {hip, describeDriver(gpu::Vendor::Cuda, "cuda")})
    for (const Json &device : list)
      devices.push_back(device);
  if (json) {
    print(dumpJson({{"devices", devices}}) + "\n");
    return done;
  }
  for (const Json &device : devices) {
    printDevice(device);
    if (device.contains("kernel_parameters"))
      printKernelFacts(device);
  }
  return done;
}

} // namespace

std::unique_ptr<Subcommand> makeDevices() { return std::make_unique<Devices>(); }

} // namespace tawny::tool
