// AMD's driver: HIP, of ROCm 5 and later.
#include "runtime/device/gpu/Platform.h"

#include <cstdlib>
#include <cstring>
#include <elf.h>

namespace tawny::gpu {
namespace {

/// hipDeviceAttribute_t; new ones are appended, and those that went left their numbers unused.
constexpr int hipIntegrated = 16, hipMaxThreadsPerBlock = 56, hipMultiprocessorCount = 63,
              hipMaxSharedMemoryPerBlock = 74;

/// Where gcnArchName, 256 characters, lies in hipDeviceProp_t. ROCm 6 changed the structure and
/// gave the function that fills the new one a new name; both names exist there.
constexpr size_t archOffset5 = 396, archOffset6 = 1160, archBytes = 256;
/// Larger than either structure (792 and 1472 bytes), for those to come.
constexpr size_t propertyBytes = 8192;

class Hip final : public Platform {
public:
  explicit Hip(DriverLibrary driver) : Platform(std::move(driver)) {
    setDevice = find<Status (*)(int)>("hipSetDevice");
    loadData = find<Status (*)(void **, const void *)>("hipModuleLoadData");
    errorName = find<const char *(*)(Status)>("hipGetErrorName");
    errorString = find<const char *(*)(Status)>("hipGetErrorString");
    properties5 = find<Status (*)(void *, int)>("hipGetDeviceProperties");
    properties6 = find<Status (*)(void *, int)>("hipGetDevicePropertiesR0600");
  }

  std::string_view kind() const override { return "hip"; }
  Status makeCurrent() const override { return setDevice(device); }
  Status loadModule(void **module, std::span<const std::byte> code, std::string &log) override {
    return loadData(module, code.data());
  }
  /// All of it is part of the code object.
  unsigned dynamicSharedBytes(uint32_t) const override { return 0; }
  std::string whyUnfit(std::span<const std::byte> code) const override;

private:
  template <typename Function> Function find(const char *name) const {
    return reinterpret_cast<Function>(library.symbol(name));
  }
  std::string nameOf(Status status) const override {
    const char *name = errorName ? errorName(status) : nullptr;
    return name ? name : "error";
  }
  std::string textOf(Status status) const override {
    const char *text = errorString ? errorString(status) : nullptr;
    return text ? text : "no description";
  }
  ErrorOr<void> openDevice(int ordinal) override;
  ErrorOr<std::string> archName() const;

  int device = 0;
  Status (*setDevice)(int) = nullptr;
  Status (*loadData)(void **, const void *) = nullptr;
  const char *(*errorName)(Status) = nullptr;
  const char *(*errorString)(Status) = nullptr;
  Status (*properties5)(void *, int) = nullptr;
  Status (*properties6)(void *, int) = nullptr;
};

/// The chip's name with its settings, as in "gfx90a:sramecc+:xnack-".
ErrorOr<std::string> Hip::archName() const {
  alignas(16) char properties[propertyBytes] = {};
  auto read = properties6 ? properties6 : properties5;
  if (Status status = read(properties, device); status != success)
    return failed("read the properties of the device", status);
  const char *arch = properties + (properties6 ? archOffset6 : archOffset5);
  std::string name(arch, strnlen(arch, archBytes));
  if (!name.starts_with("gfx"))
    return makeError("hip: expected the chip's name (gfx…) in the properties of the device, found "
                     "'%.20s': this version of HIP describes devices in another way",
                     name.c_str());
  return name;
}

/// The driver is not told how long the code is, so what is no ELF file of its own is not shown to
/// it. Source of the numbers: LLVM, User Guide for AMDGPU Backend, ELF Code Object.
std::string Hip::whyUnfit(std::span<const std::byte> code) const {
  constexpr uint16_t machineAmdgpu = 224;
  Elf64_Ehdr header = {};
  if (code.size() >= sizeof(header))
    std::memcpy(&header, code.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != machineAmdgpu)
    return "expected a code object for AMD's GPUs (ELF, machine 224), found something else";
  uint64_t sections = uint64_t(header.e_shnum) * sizeof(Elf64_Shdr);
  uint64_t segments = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (header.e_shoff > code.size() || code.size() - header.e_shoff < sections ||
      header.e_phoff > code.size() || code.size() - header.e_phoff < segments)
    return "the code object ends before its tables do";
  return "";
}

ErrorOr<void> Hip::openDevice(int ordinal) {
  if (!setDevice || !loadData || !(properties5 || properties6))
    return makeError("%s lacks functions of HIP: expected hipSetDevice, hipModuleLoadData and "
                     "hipGetDeviceProperties; install ROCm 5 or later",
                     library.name().c_str());
  device = ordinal;
  if (Status status = makeCurrent(); status != success)
    return failed("use the device", status);
  describeDevice(device);
  ErrorOr<std::string> arch = archName();
  if (!arch)
    return arch.takeError();
  found.features = {arch->substr(0, arch->find(':'))};
  // HIP counts the threads of a whole launch with 32 bits (hipModuleLaunchKernel).
  found.maxLaunchThreads = UINT32_MAX;
  found.integrated = attribute(hipIntegrated, device) != 0;
  found.multiprocessors = static_cast<unsigned>(attribute(hipMultiprocessorCount, device));
  found.maxBlockThreads = static_cast<unsigned>(attribute(hipMaxThreadsPerBlock, device));
  found.maxSharedBytes = static_cast<uint64_t>(attribute(hipMaxSharedMemoryPerBlock, device));
  return {};
}

} // namespace

std::unique_ptr<Platform> makeHip(DriverLibrary library) {
  return std::make_unique<Hip>(std::move(library));
}

} // namespace tawny::gpu
