#include "runtime/device/gpu/GpuCode.h"

#include <cinttypes>

namespace tawny::gpu {

ErrorOr<std::unique_ptr<LoadedCode>> GpuCode::load(Platform &platform,
                                                   std::span<const std::byte> code) {
  std::string kind(platform.kind());
  std::string chip = platform.facts().name;
  if (std::string unfit = platform.whyUnfit(code); !unfit.empty())
    return makeError("%s: cannot load the kernels: %s; compile the model again for %s",
                     kind.c_str(), unfit.c_str(), chip.c_str());
  void *module = nullptr;
  std::string log;
  Status status = platform.loadModule(&module, code, log);
  if (status != success)
    return makeError("%s: the driver refuses the kernels for %s: %s%s%s; compile the model again "
                     "for this device, or update the driver",
                     kind.c_str(), chip.c_str(), platform.describe(status).c_str(),
                     log.empty() ? "" : ": ", log.c_str());
  return std::unique_ptr<LoadedCode>(new GpuCode(platform, module));
}

GpuCode::~GpuCode() {
  platform.makeCurrent();
  platform.api().unloadModule(module);
}

ErrorOr<KernelHandle> GpuCode::kernel(const std::string &symbol, uint64_t sharedBytes) {
  std::string kind(platform.kind());
  void *function = nullptr;
  Status status = platform.makeCurrent();
  if (status == success)
    status = platform.api().moduleFunction(&function, module, symbol.c_str());
  if (status != success)
    return makeError("%s: the code object has no kernel '%s': %s", kind.c_str(), symbol.c_str(),
                     platform.describe(status).c_str());
  if (sharedBytes > platform.facts().maxSharedBytes)
    return makeError("%s: kernel '%s' needs %" PRIu64 " bytes of shared memory and %s gives a "
                     "block at most %" PRIu64 ": compile the model for this device",
                     kind.c_str(), symbol.c_str(), sharedBytes, platform.facts().name.c_str(),
                     platform.facts().maxSharedBytes);
  status = platform.allowSharedBytes(function, sharedBytes);
  if (status != success)
    return makeError("%s: kernel '%s' cannot have %" PRIu64 " bytes of shared memory: %s",
                     kind.c_str(), symbol.c_str(), sharedBytes, platform.describe(status).c_str());
  return function;
}

} // namespace tawny::gpu
