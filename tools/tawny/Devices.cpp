// tawny devices: what this machine could compute with, and why some of it is not usable.
#include "runtime/device/CpuFeatures.h"
#include "runtime/device/SystemLimits.h"
#include "runtime/support/InputFile.h"
#include "runtime/support/Json.h"
#include "tools/tawny/Tool.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>

namespace tawny::tool {
namespace {

/// What the system says about a graphics processor's memory, in bytes; 0 where it does not.
struct GpuMemory {
  std::string card;
  uint64_t vramBytes = 0;
  uint64_t gttBytes = 0; ///< system memory that the processor may map
};

uint64_t numberIn(const std::filesystem::path &path) {
  constexpr size_t longest = 64;
  ErrorOr<std::string> text = readInput(path.string(), longest);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

/// AMD's driver describes memory in files of its own beside each card.
std::vector<GpuMemory> amdCards() {
  std::vector<GpuMemory> cards;
  std::error_code ignored;
  for (const auto &entry : std::filesystem::directory_iterator("/sys/class/drm", ignored)) {
    std::filesystem::path device = entry.path() / "device";
    std::string card = entry.path().filename().string();
    bool isCard = card.starts_with("card") && card.find('-') == std::string::npos;
    if (!isCard || !std::filesystem::exists(device / "mem_info_vram_total", ignored))
      continue;
    cards.push_back(
        {card, numberIn(device / "mem_info_vram_total"), numberIn(device / "mem_info_gtt_total")});
  }
  return cards;
}

/// Why a driver's library cannot be used; this build uses none, but a missing one is found first.
std::string whyNot(const char *library, const char *what) {
  void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (!handle)
    return std::string(library) + " not found, which comes with " + what;
  dlclose(handle);
  return std::string(library) + " is there; --device opens it";
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

Json describeHip() {
  Json cards = Json::array();
  for (const GpuMemory &card : amdCards())
    cards.push_back(
        {{"card", card.card}, {"vram_bytes", card.vramBytes}, {"gtt_bytes", card.gttBytes}});
  // Pages of 4 KiB; of the module that hands system memory to graphics processors.
  uint64_t pages = numberIn("/sys/module/ttm/parameters/pages_limit");
  Json parameters = {
      {{"name", "ttm.pages_limit"},
       {"value", pages ? Json(pages) : Json()},
       {"meaning", "system memory that all graphics processors may map, in pages of 4 KiB; on "
                   "APUs this bounds the size of models"}},
      {{"name", "amdgpu.gttsize"},
       {"value", nullptr},
       {"meaning", "the same for one AMD processor, in MiB; -1 leaves it to ttm.pages_limit"}}};
  return {{"name", "hip"},
          {"usable", false},
          {"reason", whyNot("libamdhip64.so", "AMD's ROCm")},
          {"cards", cards},
          {"kernel_parameters", parameters}};
}

Json describeCuda() {
  return {
      {"name", "cuda"}, {"usable", false}, {"reason", whyNot("libcuda.so.1", "NVIDIA's driver")}};
}

void printText(const Json &cpu, const Json &hip, const Json &cuda) {
  auto bytesOf = [](const Json &value) {
    return value.is_number() ? formatBytes(value.get<uint64_t>()) : std::string("unknown");
  };
  std::string features;
  for (const Json &feature : cpu["features"])
    features += " " + feature.get<std::string>();
  std::printf("cpu: usable: %s\n", cpu["description"].get<std::string>().c_str());
  std::printf("  threads: %u, one per physical core that this process may use\n",
              cpu["threads"].get<unsigned>());
  std::printf("  memory: %s, of which %s available\n", bytesOf(cpu["memory_bytes"]).c_str(),
              bytesOf(cpu["available_bytes"]).c_str());
  std::printf("  features:%s\n", features.c_str());
  std::printf("hip: not usable: %s\n", hip["reason"].get<std::string>().c_str());
  for (const Json &card : hip["cards"])
    std::printf("  %s: %s of its own memory, %s of system memory within reach (GTT)\n",
                card["card"].get<std::string>().c_str(), bytesOf(card["vram_bytes"]).c_str(),
                bytesOf(card["gtt_bytes"]).c_str());
  for (const Json &parameter : hip["kernel_parameters"]) {
    std::string value = parameter["value"].is_number()
                            ? " = " + std::to_string(parameter["value"].get<uint64_t>())
                            : std::string();
    std::printf("  kernel parameter %s%s: %s\n", parameter["name"].get<std::string>().c_str(),
                value.c_str(), parameter["meaning"].get<std::string>().c_str());
  }
  std::printf("cuda: not usable: %s\n", cuda["reason"].get<std::string>().c_str());
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
  Json cpu = describeCpu(), hip = describeHip(), cuda = describeCuda();
  // It makes the driver load code for another chip, which crashes or computes nonsense.
  if (const char *version = std::getenv("HSA_OVERRIDE_GFX_VERSION"))
    std::fprintf(stderr,
                 "warning: HSA_OVERRIDE_GFX_VERSION=%s makes AMD's driver take the processor for "
                 "another one, a known cause of crashes: unset it\n",
                 version);
  if (json)
    print(dumpJson({{"devices", Json::array({cpu, hip, cuda})}}) + "\n");
  else
    printText(cpu, hip, cuda);
  return done;
}

} // namespace

std::unique_ptr<Subcommand> makeDevices() { return std::make_unique<Devices>(); }

} // namespace tawny::tool
