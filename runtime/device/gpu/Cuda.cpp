// NVIDIA's driver: the CUDA driver API, which needs no toolkit.
#include "runtime/device/gpu/Platform.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <elf.h>

namespace tawny::gpu {
namespace {

/// CUdevice_attribute.
constexpr int cudaMaxThreadsPerBlock = 1, cudaMultiprocessorCount = 16, cudaIntegrated = 18,
              cudaCapabilityMajor = 75, cudaCapabilityMinor = 76, cudaMaxSharedMemoryOptIn = 97;

/// CUjit_option and CUfunction_attribute.
constexpr int jitErrorLog = 5, jitErrorLogBytes = 6, maxDynamicSharedBytes = 8;

/// A kernel may have this much without asking.
constexpr uint64_t plainSharedBytes = 48 << 10;

/// Compute capabilities that PTX can be made for and this runtime's targets may ask for.
constexpr int capabilities[] = {50, 52, 53, 60, 61,  62,  70,  72,  75,  80,
                                86, 87, 89, 90, 100, 101, 103, 110, 120, 121};

class Cuda final : public Platform {
public:
  explicit Cuda(DriverLibrary driver) : Platform(std::move(driver)) {
    retainContext = find<Status (*)(void **, int)>("cuDevicePrimaryCtxRetain");
    releaseContext = find<Status (*)(int)>("cuDevicePrimaryCtxRelease_v2");
    setContext = find<Status (*)(void *)>("cuCtxSetCurrent");
    getDevice = find<Status (*)(int *, int)>("cuDeviceGet");
    loadData = find<decltype(loadData)>("cuModuleLoadDataEx");
    setAttribute = find<Status (*)(void *, int, int)>("cuFuncSetAttribute");
    errorName = find<Status (*)(Status, const char **)>("cuGetErrorName");
    errorString = find<Status (*)(Status, const char **)>("cuGetErrorString");
  }
  ~Cuda() override {
    if (context)
      releaseContext(device);
  }

  std::string_view kind() const override { return "cuda"; }
  Status makeCurrent() const override { return setContext(context); }
  Status loadModule(void **module, std::span<const std::byte> code, std::string &log) override;
  Status allowSharedBytes(void *function, uint64_t bytes) override {
    if (bytes <= plainSharedBytes)
      return success;
    return setAttribute(function, maxDynamicSharedBytes, static_cast<int>(bytes));
  }
  unsigned registerFlags() const override { return registerMapped | registerReadOnly; }
  std::string whyUnfit(std::span<const std::byte> code) const override;

private:
  template <typename Function> Function find(const char *name) const {
    return reinterpret_cast<Function>(library.symbol(name));
  }
  std::string nameOf(Status status) const override {
    const char *name = nullptr;
    return errorName && errorName(status, &name) == success && name ? name : "error";
  }
  std::string textOf(Status status) const override {
    const char *text = nullptr;
    bool known = errorString && errorString(status, &text) == success && text;
    return known ? text : "no description";
  }
  ErrorOr<void> openDevice(int ordinal) override;

  int device = 0;
  void *context = nullptr;
  Status (*retainContext)(void **, int) = nullptr;
  Status (*releaseContext)(int) = nullptr;
  Status (*setContext)(void *) = nullptr;
  Status (*getDevice)(int *, int) = nullptr;
  Status (*loadData)(void **, const void *, unsigned, int *, void **) = nullptr;
  Status (*setAttribute)(void *, int, int) = nullptr;
  Status (*errorName)(Status, const char **) = nullptr;
  Status (*errorString)(Status, const char **) = nullptr;
};

Status Cuda::loadModule(void **module, std::span<const std::byte> code, std::string &log) {
  std::array<char, 8192> text = {};
  int options[] = {jitErrorLog, jitErrorLogBytes};
  // A size is passed in the pointer itself.
  void *values[] = {text.data(), std::bit_cast<void *>(text.size())};
  Status status = loadData(module, code.data(), 2, options, values);
  text.back() = '\0';
  log = text.data();
  return status;
}

/// The driver is not told how long the code is: PTX must end with a NUL, and a cubin is an ELF
/// file, which says so itself.
std::string Cuda::whyUnfit(std::span<const std::byte> code) const {
  bool isElf = code.size() > sizeof(Elf64_Ehdr) && std::memcmp(code.data(), ELFMAG, SELFMAG) == 0;
  bool isText = !code.empty() && code.back() == std::byte(0);
  return isElf || isText ? "" : "expected a cubin (ELF) or PTX that ends with a NUL";
}

/// PTX runs on every later chip, so those before are reported too; code with the suffix `a` runs on
/// its own chip alone.
static std::vector<std::string> capabilityNames(int own) {
  std::vector<std::string> names;
  for (int capability : capabilities)
    if (capability < own)
      names.push_back("sm_" + std::to_string(capability));
  names.push_back("sm_" + std::to_string(own));
  names.push_back("sm_" + std::to_string(own) + "a");
  return names;
}

ErrorOr<void> Cuda::openDevice(int ordinal) {
  if (!retainContext || !releaseContext || !setContext || !getDevice || !loadData || !setAttribute)
    return makeError("%s lacks functions of the CUDA driver: expected cuDevicePrimaryCtxRetain, "
                     "cuCtxSetCurrent, cuModuleLoadDataEx and cuFuncSetAttribute; install "
                     "NVIDIA's driver of CUDA 11 or later",
                     library.name().c_str());
  if (Status status = getDevice(&device, ordinal); status != success)
    return failed("open the device", status);
  if (Status status = retainContext(&context, device); status != success) {
    context = nullptr;
    return failed("make a context on the device (another process may have it to itself)", status);
  }
  if (Status status = makeCurrent(); status != success)
    return failed("use the device", status);
  describeDevice(device);
  int major = attribute(cudaCapabilityMajor, device),
      minor = attribute(cudaCapabilityMinor, device);
  constexpr int ten = 10;
  found.features = capabilityNames(major * ten + minor);
  found.integrated = attribute(cudaIntegrated, device) != 0;
  found.multiprocessors = static_cast<unsigned>(attribute(cudaMultiprocessorCount, device));
  found.maxBlockThreads = static_cast<unsigned>(attribute(cudaMaxThreadsPerBlock, device));
  found.maxSharedBytes = static_cast<uint64_t>(attribute(cudaMaxSharedMemoryOptIn, device));
  return {};
}

} // namespace

std::unique_ptr<Platform> makeCuda(DriverLibrary library) {
  return std::make_unique<Cuda>(std::move(library));
}

} // namespace tawny::gpu
