#include "runtime/device/gpu/UsableMemory.h"

#include "runtime/device/SystemFiles.h"
#include "runtime/device/SystemLimits.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace tawny::gpu {
namespace {

constexpr uint64_t pageBytes = 4096, mebibyte = uint64_t(1) << 20, gibibyte = uint64_t(1) << 30;

uint64_t bytesIn(const std::filesystem::path &path) {
  std::optional<int64_t> value = readSystemInteger(path.string());
  return value && *value > 0 ? static_cast<uint64_t>(*value) : 0;
}

/// The address of a card on its bus: the name of the folder behind the link, or what the kernel
/// tells udev, where the link leads nowhere (containers).
std::string busIdOf(const std::filesystem::path &device) {
  std::error_code failed;
  std::filesystem::path real = std::filesystem::canonical(device, failed);
  std::string name = failed ? "" : real.filename().string();
  if (name.find(':') != std::string::npos)
    return name;
  std::string text = readSystemText((device / "uevent").string()).value_or("");
  constexpr std::string_view key = "PCI_SLOT_NAME=";
  size_t start = text.find(key);
  if (start == std::string::npos)
    return "";
  start += key.size();
  return text.substr(start, text.find('\n', start) - start);
}

uint64_t less(uint64_t whole, uint64_t part) { return whole > part ? whole - part : 0; }

std::string gibibytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GiB", double(bytes) / double(gibibyte));
  return text;
}

/// Kernel parameters that would let an APU map more of the system's memory.
std::string gttAdvice(const MemoryFiles &files, const AmdCard &card, uint64_t total) {
  std::optional<uint64_t> system = files.systemTotal();
  // What the system keeps for itself: an eighth, at least 4 GiB.
  uint64_t kept = system ? std::max(*system / 8, 4 * gibibyte) : 0;
  uint64_t wanted = system ? less(*system, kept) : 0;
  constexpr uint64_t tenth = 10;
  if (wanted <= total + total / tenth)
    return "";
  char text[320];
  if (std::optional<uint64_t> set = files.gttSizeParameter();
      set && *set <= total + mebibyte && files.ttmBytes().value_or(UINT64_MAX) > *set)
    std::snprintf(text, sizeof(text),
                  "the kernel parameter amdgpu.gttsize=%" PRIu64 " holds the GPU to %s of the "
                  "system's %s: amdgpu.gttsize=%" PRIu64 " would give it %s",
                  *set / mebibyte, gibibytes(total).c_str(), gibibytes(*system).c_str(),
                  wanted / mebibyte, gibibytes(wanted).c_str());
  else
    std::snprintf(text, sizeof(text),
                  "the GPU may map %s of the system's %s: the kernel parameters "
                  "ttm.pages_limit=%" PRIu64 " amdgpu.gttsize=%" PRIu64 " would give it %s",
                  gibibytes(total).c_str(), gibibytes(*system).c_str(), wanted / pageBytes,
                  wanted / mebibyte, gibibytes(wanted).c_str());
  return text;
}

GpuMemory decideApu(const MemoryFiles &files, const AmdCard &card, const DriverMemory &driver) {
  GpuMemory memory = {};
  constexpr unsigned gttSince = MemoryFiles::version(6, 10);
  bool isGttLarger = card.gttBytes > card.vramBytes;
  // Distributions carry the change back: a driver that offers more than the carve-out uses it.
  bool isGttUsed = files.kernelVersion() >= gttSince || driver.totalBytes > card.vramBytes;
  if (!isGttLarger || !isGttUsed) {
    memory.pool = MemoryPool::Vram;
    memory.isHostMemory = false;
    memory.totalBytes = card.vramBytes;
    memory.availableBytes = less(card.vramBytes, card.vramUsed);
    if (isGttLarger)
      memory.advice = "this kernel gives the GPU its carve-out of " + gibibytes(card.vramBytes) +
                      " only: Linux 6.10 or later gives it the " + gibibytes(card.gttBytes) +
                      " of system memory that it may map";
    return memory;
  }
  memory.pool = MemoryPool::Gtt;
  memory.totalBytes = std::min(card.gttBytes, files.ttmBytes().value_or(UINT64_MAX));
  memory.totalBytes = std::min(memory.totalBytes, files.systemTotal().value_or(UINT64_MAX));
  memory.availableBytes =
      std::min(less(memory.totalBytes, card.gttUsed), files.systemAvailable().value_or(UINT64_MAX));
  memory.advice = gttAdvice(files, card, memory.totalBytes);
  return memory;
}

} // namespace

std::vector<AmdCard> MemoryFiles::amdCards() const {
  std::vector<AmdCard> cards;
  std::error_code failed;
  for (const auto &entry : std::filesystem::directory_iterator(sys + "/class/drm", failed)) {
    std::filesystem::path device = entry.path() / "device";
    std::string name = entry.path().filename().string();
    // Connectors are called card0-DP-1; other vendors' drivers have no such files.
    bool isCard = name.starts_with("card") && name.find('-') == std::string::npos;
    if (!isCard || !std::filesystem::exists(device / "mem_info_vram_total", failed))
      continue;
    AmdCard card;
    card.name = name;
    card.pciBusId = busIdOf(device);
    card.vramBytes = bytesIn(device / "mem_info_vram_total");
    card.vramUsed = bytesIn(device / "mem_info_vram_used");
    card.gttBytes = bytesIn(device / "mem_info_gtt_total");
    card.gttUsed = bytesIn(device / "mem_info_gtt_used");
    cards.push_back(card);
  }
  std::ranges::sort(cards, {}, &AmdCard::name);
  return cards;
}

std::optional<uint64_t> MemoryFiles::ttmBytes() const {
  uint64_t pages = bytesIn(sys + "/module/ttm/parameters/pages_limit");
  return pages ? std::optional(pages * pageBytes) : std::nullopt;
}

std::optional<uint64_t> MemoryFiles::gttSizeParameter() const {
  uint64_t mebibytes = bytesIn(sys + "/module/amdgpu/parameters/gttsize");
  return mebibytes ? std::optional(mebibytes * mebibyte) : std::nullopt;
}

unsigned MemoryFiles::kernelVersion() const {
  std::string text = readSystemText(proc + "/sys/kernel/osrelease").value_or("");
  char *end;
  unsigned long major = std::strtoul(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '.')
    return 0;
  unsigned long minor = std::strtoul(end + 1, nullptr, 10);
  return version(static_cast<unsigned>(major), static_cast<unsigned>(minor));
}

std::optional<uint64_t> MemoryFiles::systemAvailable() const {
  return SystemLimits(proc, sys).availableMemory();
}

std::optional<uint64_t> MemoryFiles::systemTotal() const {
  return SystemLimits(proc, sys).totalMemory();
}

GpuMemory decideMemory(const MemoryFiles &files, const DeviceFacts &facts, bool isAmd,
                       const DriverMemory &driver) {
  GpuMemory memory = {};
  memory.isHostMemory = facts.integrated;
  memory.totalBytes = driver.totalBytes;
  memory.availableBytes = std::min(driver.availableBytes, driver.totalBytes);
  std::vector<AmdCard> cards = isAmd ? files.amdCards() : std::vector<AmdCard>();
  auto card = std::ranges::find(cards, facts.pciBusId, &AmdCard::pciBusId);
  if (card != cards.end() && facts.integrated)
    return decideApu(files, *card, driver);
  if (card != cards.end() && card->vramBytes > 0) {
    memory.pool = MemoryPool::Vram;
    memory.totalBytes = card->vramBytes;
    memory.availableBytes = std::min(driver.availableBytes, less(card->vramBytes, card->vramUsed));
    return memory;
  }
  // Without the kernel's files only the system's own memory is known to bound an APU.
  if (facts.integrated)
    memory.availableBytes =
        std::min(memory.availableBytes, files.systemAvailable().value_or(UINT64_MAX));
  return memory;
}

ErrorOr<GpuMemory> describeMemory(const Platform &platform) {
  size_t available = 0, total = 0;
  Status status = platform.makeCurrent();
  if (status == success)
    status = platform.api().memoryInfo(&available, &total);
  if (status != success)
    return makeError("%s: cannot find out how much memory is available: %s",
                     std::string(platform.kind()).c_str(), platform.describe(status).c_str());
  // A simulated device is no part of this machine.
  if (platform.isSimulated()) {
    GpuMemory memory = {};
    memory.isHostMemory = false;
    memory.totalBytes = total;
    memory.availableBytes = available;
    return memory;
  }
  return decideMemory(MemoryFiles(), platform.facts(), platform.kind() == "hip",
                      {total, available});
}

ErrorOr<DeviceMemory> usableMemory(const Platform &platform) {
  ErrorOr<GpuMemory> memory = describeMemory(platform);
  if (!memory)
    return memory.takeError();
  return DeviceMemory(std::move(*memory));
}

} // namespace tawny::gpu
