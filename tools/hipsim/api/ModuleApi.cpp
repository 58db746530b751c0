// Code objects and launches.
#include "tools/hipsim/api/Call.h"
#include "tools/hipsim/launch/Arguments.h"

#include <cstring>
#include <optional>

using namespace tawny::hipsim;

namespace {

/// What HIP answers to a code object that does not load.
hipError_t errorOf(LoadFailure::Kind kind) {
  switch (kind) {
  case LoadFailure::NotAnImage:
    return hipErrorInvalidImage;
  case LoadFailure::OtherChip:
    return hipErrorNoBinaryForGpu;
  case LoadFailure::Broken:
    return hipErrorSharedObjectInitFailed;
  case LoadFailure::OutOfMemory:
    return hipErrorOutOfMemory;
  }
  return hipErrorUnknown;
}

hipError_t load(Simulator &simulator, hipModule_t *module, const void *image) {
  if (!module || !image)
    return hipErrorInvalidValue;
  std::optional<LoadFailure> failure;
  std::shared_ptr<const LoadedCode> code =
      LoadedCode::load(image, *simulator.card, *simulator.memory, failure);
  if (!code) {
    explain("the code object is not loaded: %s", failure->message.c_str());
    return errorOf(failure->kind);
  }
  const LoadedCode *address = simulator.modules.add(std::move(code));
  *module = reinterpret_cast<hipModule_t>(const_cast<LoadedCode *>(address));
  return hipSuccess;
}

/// The caller's arguments, laid out as the metadata says; false where they do not fit.
bool gatherArguments(LaunchRequest &request, void **parameters, void **extra) {
  const KernelMetadata &kernel = request.kernel->metadata;
  request.arguments.resize(kernel.argumentBytes);
  if (parameters) {
    size_t index = 0;
    for (const KernelArgument &argument : kernel.arguments) {
      if (argument.hidden())
        continue;
      if (!parameters[index])
        return false;
      std::memcpy(request.arguments.data() + argument.offset, parameters[index++], argument.bytes);
    }
    return true;
  }
  if (!extra)
    return true;
  const void *buffer = nullptr;
  size_t bytes = 0;
  for (size_t i = 0; extra[i] != HIP_LAUNCH_PARAM_END; i += 2) {
    if (extra[i] == HIP_LAUNCH_PARAM_BUFFER_POINTER)
      buffer = extra[i + 1];
    else if (extra[i] == HIP_LAUNCH_PARAM_BUFFER_SIZE)
      bytes = *static_cast<const size_t *>(extra[i + 1]);
    else
      return false;
  }
  if ((!buffer && bytes) || bytes > kernel.argumentBytes)
    return false;
  std::memcpy(request.arguments.data(), buffer, bytes);
  return true;
}

/// The limits of a launch, as HIP and the hardware have them.
hipError_t checkShape(const LaunchRequest &request) {
  const KernelMetadata &kernel = request.kernel->metadata;
  const Dim3 &grid = request.grid, &block = request.block;
  uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (!grid.x || !grid.y || !grid.z || !threads || block.x > 1024 || block.y > 1024 ||
      block.z > 1024 || threads > 1024)
    return hipErrorInvalidConfiguration;
  // The dispatch packet counts work-items with 32 bits.
  if (uint64_t{grid.x} * block.x > UINT32_MAX || uint64_t{grid.y} * block.y > UINT32_MAX ||
      uint64_t{grid.z} * block.z > UINT32_MAX)
    return hipErrorInvalidConfiguration;
  if (kernel.largestWorkgroup && threads > kernel.largestWorkgroup) {
    explain("kernel '%s' is compiled for workgroups of %u work-items at most, not %u",
            kernel.name.c_str(), kernel.largestWorkgroup, static_cast<unsigned>(threads));
    return hipErrorLaunchFailure;
  }
  const auto &required = kernel.requiredWorkgroup;
  if (required[0] && (block.x != required[0] || block.y != required[1] || block.z != required[2])) {
    explain("kernel '%s' requires workgroups of (%u, %u, %u), not (%u, %u, %u)",
            kernel.name.c_str(), required[0], required[1], required[2], block.x, block.y, block.z);
    return hipErrorLaunchFailure;
  }
  if (uint64_t{kernel.ldsBytes} + request.dynamicLdsBytes > 65536)
    return hipErrorLaunchOutOfResources;
  if (kernel.argumentBytes > largestArguments)
    return hipErrorLaunchOutOfResources;
  return hipSuccess;
}

} // namespace

hipError_t hipModuleLoadData(hipModule_t *module, const void *image) {
  return call("hipModuleLoadData", Needs::Healthy,
              [&](Simulator &simulator) { return load(simulator, module, image); });
}

hipError_t hipModuleLoadDataEx(hipModule_t *module, const void *image, unsigned, hipJitOption *,
                               void **) {
  return call("hipModuleLoadDataEx", Needs::Healthy,
              [&](Simulator &simulator) { return load(simulator, module, image); });
}

hipError_t hipModuleUnload(hipModule_t module) {
  return call("hipModuleUnload", Needs::Device, [&](Simulator &simulator) {
    (void)simulator.finishAll(); // what has failed is known to those who wait
    return simulator.modules.take(module) ? hipSuccess : hipErrorInvalidHandle;
  });
}

hipError_t hipModuleGetFunction(hipFunction_t *function, hipModule_t module, const char *name) {
  return call("hipModuleGetFunction", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<const LoadedCode> code = simulator.modules.find(module);
    if (!function || !name)
      return hipErrorInvalidValue;
    if (!code)
      return hipErrorInvalidHandle;
    const LoadedKernel *kernel = code->kernel(name);
    if (!kernel)
      return hipErrorNotFound;
    auto found = std::make_shared<Function>(Function{code, kernel});
    *function = reinterpret_cast<hipFunction_t>(simulator.functions.add(std::move(found)));
    return hipSuccess;
  });
}

hipError_t hipModuleGetGlobal(hipDeviceptr_t *address, size_t *bytes, hipModule_t module,
                              const char *name) {
  return call("hipModuleGetGlobal", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<const LoadedCode> code = simulator.modules.find(module);
    if (!name)
      return hipErrorInvalidValue;
    if (!code)
      return hipErrorInvalidHandle;
    uint64_t found = 0, size = 0;
    if (!code->variable(name, found, size))
      return hipErrorNotFound;
    if (address)
      *address = reinterpret_cast<void *>(found);
    if (bytes)
      *bytes = size;
    return hipSuccess;
  });
}

hipError_t hipFuncGetAttribute(int *value, hipFunction_attribute attribute, hipFunction_t handle) {
  return call("hipFuncGetAttribute", Needs::Device, [&](Simulator &simulator) {
    std::shared_ptr<Function> function = simulator.functions.find(handle);
    if (!value)
      return hipErrorInvalidValue;
    if (!function || function->code.expired())
      return hipErrorInvalidDeviceFunction;
    const KernelMetadata &kernel = function->kernel->metadata;
    switch (attribute) {
    case HIP_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = static_cast<int>(kernel.largestWorkgroup);
      return hipSuccess;
    case HIP_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
      *value = static_cast<int>(kernel.ldsBytes);
      return hipSuccess;
    case HIP_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
      *value = static_cast<int>(kernel.scratchBytes);
      return hipSuccess;
    case HIP_FUNC_ATTRIBUTE_NUM_REGS:
      *value = static_cast<int>(kernel.vectorRegisters);
      return hipSuccess;
    case HIP_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = static_cast<int>(65536 - std::min(kernel.ldsBytes, 65536u));
      return hipSuccess;
    default:
      return hipErrorInvalidValue;
    }
  });
}

hipError_t hipModuleLaunchKernel(hipFunction_t handle, unsigned gridX, unsigned gridY,
                                 unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                                 unsigned sharedBytes, hipStream_t stream, void **parameters,
                                 void **extra) {
  return call("hipModuleLaunchKernel", Needs::Healthy, [&](Simulator &simulator) {
    std::shared_ptr<Function> function = simulator.functions.find(handle);
    Stream *target = simulator.stream(stream);
    if (!function)
      return hipErrorInvalidDeviceFunction;
    std::shared_ptr<const LoadedCode> code = function->code.lock();
    if (!code || !target)
      return hipErrorInvalidHandle;
    if (parameters && extra)
      return hipErrorInvalidValue;
    LaunchRequest request{
        function->kernel, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, {}};
    if (hipError_t error = checkShape(request); error != hipSuccess)
      return error;
    if (!gatherArguments(request, parameters, extra))
      return hipErrorInvalidValue;
    return simulator.enqueue(*target, KernelOperation{std::move(code), std::move(request)});
  });
}
