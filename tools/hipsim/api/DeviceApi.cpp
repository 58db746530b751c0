// Devices and what they say of themselves.
#include "tools/hipsim/api/Call.h"
#include "tools/hipsim/api/Properties.h"

#include <cstdio>

using namespace tawny::hipsim;

hipError_t hipInit(unsigned flags) {
  return call("hipInit", Needs::Device,
              [&](Simulator &) { return flags ? hipErrorInvalidValue : hipSuccess; });
}

hipError_t hipGetDeviceCount(int *count) {
  return call("hipGetDeviceCount", Needs::Nothing, [&](Simulator &simulator) {
    if (!count)
      return hipErrorInvalidValue;
    *count = simulator.card ? 1 : 0;
    return simulator.card ? hipSuccess : hipErrorNoDevice;
  });
}

hipError_t hipSetDevice(int device) {
  return call("hipSetDevice", Needs::Device,
              [&](Simulator &) { return device ? hipErrorInvalidDevice : hipSuccess; });
}

hipError_t hipGetDevice(int *device) {
  return call("hipGetDevice", Needs::Device, [&](Simulator &) {
    if (!device)
      return hipErrorInvalidValue;
    *device = 0;
    return hipSuccess;
  });
}

hipError_t hipDeviceGet(hipDevice_t *device, int ordinal) {
  return call("hipDeviceGet", Needs::Device, [&](Simulator &) {
    if (!device)
      return hipErrorInvalidValue;
    *device = 0;
    return ordinal ? hipErrorInvalidDevice : hipSuccess;
  });
}

hipError_t hipGetDeviceProperties(hipDeviceProp_t *properties, int device) {
  return call("hipGetDeviceProperties", Needs::Device, [&](Simulator &simulator) {
    if (!properties)
      return hipErrorInvalidValue;
    if (device)
      return hipErrorInvalidDevice;
    fillProperties5(simulator, *properties);
    return hipSuccess;
  });
}

extern "C" __attribute__((visibility("default"))) hipError_t
hipGetDevicePropertiesR0600(void *properties, int device) {
  return call("hipGetDevicePropertiesR0600", Needs::Device, [&](Simulator &simulator) {
    if (!properties)
      return hipErrorInvalidValue;
    if (device)
      return hipErrorInvalidDevice;
    fillProperties6(simulator, properties);
    return hipSuccess;
  });
}

hipError_t hipDeviceGetAttribute(int *value, hipDeviceAttribute_t asked, int device) {
  return call("hipDeviceGetAttribute", Needs::Device, [&](Simulator &simulator) {
    if (!value)
      return hipErrorInvalidValue;
    if (device)
      return hipErrorInvalidDevice;
    return attribute(simulator, asked, *value) ? hipSuccess : hipErrorInvalidValue;
  });
}

namespace {

hipError_t copyText(char *to, int bytes, const char *text) {
  if (!to || bytes <= 0)
    return hipErrorInvalidValue;
  std::snprintf(to, static_cast<size_t>(bytes), "%s", text);
  return hipSuccess;
}

} // namespace

hipError_t hipDeviceGetName(char *name, int bytes, hipDevice_t device) {
  return call("hipDeviceGetName", Needs::Device, [&](Simulator &simulator) {
    return device ? hipErrorInvalidDevice : copyText(name, bytes, simulator.card->product);
  });
}

hipError_t hipDeviceGetPCIBusId(char *id, int bytes, int device) {
  return call("hipDeviceGetPCIBusId", Needs::Device, [&](Simulator &) {
    return device ? hipErrorInvalidDevice : copyText(id, bytes, pciBusId);
  });
}

hipError_t hipDeviceTotalMem(size_t *bytes, hipDevice_t device) {
  return call("hipDeviceTotalMem", Needs::Device, [&](Simulator &simulator) {
    if (!bytes)
      return hipErrorInvalidValue;
    *bytes = simulator.memory->limit();
    return device ? hipErrorInvalidDevice : hipSuccess;
  });
}

hipError_t hipDeviceSynchronize() {
  return call("hipDeviceSynchronize", Needs::Healthy, [&](Simulator &simulator) {
    if (simulator.invalidateCaptures())
      return hipErrorStreamCaptureUnsupported;
    return simulator.finishAll();
  });
}
