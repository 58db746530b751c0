#include "runtime/device/gpu/DriverApi.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace tawny::gpu {
namespace {

/// A member of DriverApi and what each vendor calls it. Sources: the HIP runtime API reference of
/// ROCm 5 to 7, and the CUDA driver API reference, whose header maps names to versions (_v2).
struct Symbol {
  size_t offset;
  const char *names[2]; ///< by Vendor
};

#define TAWNY_SYMBOL(member, hip, cuda)                                                            \
  {                                                                                                \
    offsetof(DriverApi, member), { hip, cuda }                                                     \
  }

constexpr Symbol symbols[] = {
    TAWNY_SYMBOL(init, "hipInit", "cuInit"),
    TAWNY_SYMBOL(driverVersion, "hipDriverGetVersion", "cuDriverGetVersion"),
    TAWNY_SYMBOL(deviceCount, "hipGetDeviceCount", "cuDeviceGetCount"),
    TAWNY_SYMBOL(deviceAttribute, "hipDeviceGetAttribute", "cuDeviceGetAttribute"),
    TAWNY_SYMBOL(deviceName, "hipDeviceGetName", "cuDeviceGetName"),
    TAWNY_SYMBOL(devicePciBusId, "hipDeviceGetPCIBusId", "cuDeviceGetPCIBusId"),
    TAWNY_SYMBOL(memoryInfo, "hipMemGetInfo", "cuMemGetInfo_v2"),
    TAWNY_SYMBOL(allocate, "hipMalloc", "cuMemAlloc_v2"),
    TAWNY_SYMBOL(free, "hipFree", "cuMemFree_v2"),
    TAWNY_SYMBOL(allocateHost, "hipHostMalloc", "cuMemHostAlloc"),
    TAWNY_SYMBOL(freeHost, "hipHostFree", "cuMemFreeHost"),
    TAWNY_SYMBOL(registerHost, "hipHostRegister", "cuMemHostRegister_v2"),
    TAWNY_SYMBOL(unregisterHost, "hipHostUnregister", "cuMemHostUnregister"),
    TAWNY_SYMBOL(hostDeviceAddress, "hipHostGetDevicePointer", "cuMemHostGetDevicePointer_v2"),
    TAWNY_SYMBOL(copyToDevice, "hipMemcpyHtoDAsync", "cuMemcpyHtoDAsync_v2"),
    TAWNY_SYMBOL(copyToHost, "hipMemcpyDtoHAsync", "cuMemcpyDtoHAsync_v2"),
    TAWNY_SYMBOL(copyOnDevice, "hipMemcpyDtoDAsync", "cuMemcpyDtoDAsync_v2"),
    TAWNY_SYMBOL(fill, "hipMemsetD8Async", "cuMemsetD8Async"),
    TAWNY_SYMBOL(createStream, "hipStreamCreateWithFlags", "cuStreamCreate"),
    TAWNY_SYMBOL(destroyStream, "hipStreamDestroy", "cuStreamDestroy_v2"),
    TAWNY_SYMBOL(synchronizeStream, "hipStreamSynchronize", "cuStreamSynchronize"),
    TAWNY_SYMBOL(createEvent, "hipEventCreateWithFlags", "cuEventCreate"),
    TAWNY_SYMBOL(destroyEvent, "hipEventDestroy", "cuEventDestroy_v2"),
    TAWNY_SYMBOL(recordEvent, "hipEventRecord", "cuEventRecord"),
    TAWNY_SYMBOL(synchronizeEvent, "hipEventSynchronize", "cuEventSynchronize"),
    TAWNY_SYMBOL(elapsedTime, "hipEventElapsedTime", "cuEventElapsedTime"),
    TAWNY_SYMBOL(unloadModule, "hipModuleUnload", "cuModuleUnload"),
    TAWNY_SYMBOL(moduleFunction, "hipModuleGetFunction", "cuModuleGetFunction"),
    TAWNY_SYMBOL(launch, "hipModuleLaunchKernel", "cuLaunchKernel"),
    TAWNY_SYMBOL(beginCapture, "hipStreamBeginCapture", "cuStreamBeginCapture_v2"),
    TAWNY_SYMBOL(endCapture, "hipStreamEndCapture", "cuStreamEndCapture"),
    TAWNY_SYMBOL(instantiateGraph, "hipGraphInstantiateWithFlags", "cuGraphInstantiateWithFlags"),
    TAWNY_SYMBOL(launchGraph, "hipGraphLaunch", "cuGraphLaunch"),
    TAWNY_SYMBOL(destroyGraphExecutable, "hipGraphExecDestroy", "cuGraphExecDestroy"),
    TAWNY_SYMBOL(destroyGraph, "hipGraphDestroy", "cuGraphDestroy"),
};

#undef TAWNY_SYMBOL

static_assert(std::size(symbols) * sizeof(void *) == sizeof(DriverApi), "one name per function");

struct Names {
  const char *variable; ///< of the environment, that names another library
  const char *libraries[4];
  const char *source; ///< what the library comes with
};

/// ROCm's unversioned name is a development link; the versions behind it are those whose functions
/// above have one and the same signature.
constexpr Names names[] = {
    {"TAWNY_HIP_LIBRARY",
     {"libamdhip64.so", "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5"},
     "AMD's ROCm"},
    {"TAWNY_CUDA_LIBRARY", {"libcuda.so.1"}, "NVIDIA's driver"},
};

} // namespace

ErrorOr<DriverLibrary> DriverLibrary::load(Vendor vendor) {
  const Names &own = names[static_cast<size_t>(vendor)];
  DriverLibrary library;
  if (const char *chosen = std::getenv(own.variable); chosen && *chosen) {
    library.file = chosen;
    library.handle = dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
    if (!library.handle)
      return makeError("cannot load the library that %s names: %s; correct the variable or unset "
                       "it",
                       own.variable, dlerror());
  }
  for (size_t i = 0; !library.handle && i < std::size(own.libraries) && own.libraries[i]; ++i) {
    library.file = own.libraries[i];
    library.handle = dlopen(own.libraries[i], RTLD_NOW | RTLD_LOCAL);
  }
  if (!library.handle)
    return makeError("%s not found, which comes with %s: install it, or name the library with %s",
                     own.libraries[0], own.source, own.variable);
  for (const Symbol &symbol : symbols) {
    const char *symbolName = symbol.names[static_cast<size_t>(vendor)];
    void *function = library.symbol(symbolName);
    if (!function)
      return makeError("%s has no function %s: expected a newer version of %s",
                       library.file.c_str(), symbolName, own.source);
    std::memcpy(reinterpret_cast<char *>(&library.functions) + symbol.offset,
                static_cast<const void *>(&function), sizeof(function));
  }
  return library;
}

void *DriverLibrary::symbol(const char *symbolName) const { return dlsym(handle, symbolName); }

} // namespace tawny::gpu
