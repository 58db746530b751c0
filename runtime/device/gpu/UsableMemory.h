// How much memory a GPU really has for a model. docs/devices.md explains the rules.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/gpu/Platform.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tawny::gpu {

/// What AMD's kernel driver says about one card, in bytes.
struct AmdCard {
  std::string name;     ///< card0
  std::string pciBusId; ///< 0000:c3:00.0
  uint64_t vramBytes = 0;
  uint64_t vramUsed = 0;
  uint64_t gttBytes = 0; ///< system memory that the card may map
  uint64_t gttUsed = 0;
};

/// Linux's files about GPUs and memory, below folders that tests point elsewhere.
class MemoryFiles {
public:
  explicit MemoryFiles(std::string procFolder = "/proc", std::string sysFolder = "/sys")
      : proc(std::move(procFolder)), sys(std::move(sysFolder)) {}

  /// All cards of AMD's driver, by name.
  std::vector<AmdCard> amdCards() const;
  /// System memory that all GPUs together may map: ttm.pages_limit.
  std::optional<uint64_t> ttmBytes() const;
  /// amdgpu.gttsize, where it is set to something else than -1, its default.
  std::optional<uint64_t> gttSizeParameter() const;
  /// Major and minor version of Linux; 0 where it does not say.
  unsigned kernelVersion() const;
  /// Available to this process, control groups included; and what the system has.
  std::optional<uint64_t> systemAvailable() const;
  std::optional<uint64_t> systemTotal() const;

  /// A version for comparisons with kernelVersion().
  static constexpr unsigned version(unsigned major, unsigned minor) { return major << 16 | minor; }

private:
  std::string proc;
  std::string sys;
};

/// Where a device's allocations come from.
enum class MemoryPool : uint8_t {
  Driver, ///< unknown: as the driver says
  Vram,   ///< its own memory, or an APU's carve-out
  Gtt,    ///< the system's memory, as far as the kernel lets GPUs map it
};

/// What usableMemory found.
struct GpuMemory : DeviceMemory {
  MemoryPool pool = MemoryPool::Driver;
};

/// What the driver says of its device.
struct DriverMemory {
  uint64_t totalBytes;
  uint64_t availableBytes;
};

/// Decides by the kernel's files and the driver's words.
GpuMemory decideMemory(const MemoryFiles &files, const DeviceFacts &facts, bool isAmd,
                       const DriverMemory &driver);

/// The same for a device that is open, with this machine's files.
ErrorOr<DeviceMemory> usableMemory(const Platform &platform);
/// With the pool, for tools.
ErrorOr<GpuMemory> describeMemory(const Platform &platform);

} // namespace tawny::gpu
