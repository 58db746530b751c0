// Machine code that a GPU's driver has loaded.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/gpu/Platform.h"

#include <memory>

namespace tawny::gpu {

/// A module of the driver.
class GpuCode final : public LoadedCode {
public:
  /// Loads a code object, cubin or PTX; the error has what the driver says about it.
  static ErrorOr<std::unique_ptr<LoadedCode>> load(Platform &platform,
                                                   std::span<const std::byte> code);
  ~GpuCode() override;
  GpuCode(const GpuCode &) = delete;
  GpuCode &operator=(const GpuCode &) = delete;

  ErrorOr<KernelHandle> kernel(const std::string &symbol, uint64_t sharedBytes) override;

private:
  GpuCode(Platform &platform, void *module) : platform(platform), module(module) {}

  Platform &platform;
  void *module;
};

} // namespace tawny::gpu
