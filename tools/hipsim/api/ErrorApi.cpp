// Errors and versions.
#include "tools/hipsim/api/Call.h"

#include <cstdarg>
#include <cstdio>

namespace tawny::hipsim {
namespace {

struct ErrorText {
  hipError_t code;
  const char *name, *text;
};

// Texts as the HIP runtime of ROCm 5 gives them.
constexpr ErrorText texts[] = {
    {hipSuccess, "hipSuccess", "no error"},
    {hipErrorInvalidValue, "hipErrorInvalidValue", "invalid argument"},
    {hipErrorOutOfMemory, "hipErrorOutOfMemory", "out of memory"},
    {hipErrorNotInitialized, "hipErrorNotInitialized", "initialization error"},
    {hipErrorInvalidConfiguration, "hipErrorInvalidConfiguration",
     "invalid configuration argument"},
    {hipErrorInvalidDevicePointer, "hipErrorInvalidDevicePointer", "invalid device pointer"},
    {hipErrorInvalidMemcpyDirection, "hipErrorInvalidMemcpyDirection",
     "invalid copy direction for memcpy"},
    {hipErrorInvalidDeviceFunction, "hipErrorInvalidDeviceFunction", "invalid device function"},
    {hipErrorNoDevice, "hipErrorNoDevice", "no ROCm-capable device is detected"},
    {hipErrorInvalidDevice, "hipErrorInvalidDevice", "invalid device ordinal"},
    {hipErrorInvalidImage, "hipErrorInvalidImage", "device kernel image is invalid"},
    {hipErrorNoBinaryForGpu, "hipErrorNoBinaryForGpu",
     "no kernel image is available for execution on the device"},
    {hipErrorSharedObjectInitFailed, "hipErrorSharedObjectInitFailed",
     "shared object initialization failed"},
    {hipErrorInvalidHandle, "hipErrorInvalidHandle", "invalid resource handle"},
    {hipErrorIllegalState, "hipErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {hipErrorNotFound, "hipErrorNotFound", "named symbol not found"},
    {hipErrorNotReady, "hipErrorNotReady", "device not ready"},
    {hipErrorIllegalAddress, "hipErrorIllegalAddress", "an illegal memory access was encountered"},
    {hipErrorLaunchOutOfResources, "hipErrorLaunchOutOfResources",
     "too many resources requested for launch"},
    {hipErrorLaunchTimeOut, "hipErrorLaunchTimeOut", "the launch timed out and was terminated"},
    {hipErrorHostMemoryAlreadyRegistered, "hipErrorHostMemoryAlreadyRegistered",
     "part or all of the requested memory range is already mapped"},
    {hipErrorHostMemoryNotRegistered, "hipErrorHostMemoryNotRegistered",
     "pointer does not correspond to a registered memory region"},
    {hipErrorLaunchFailure, "hipErrorLaunchFailure", "unspecified launch failure"},
    {hipErrorNotSupported, "hipErrorNotSupported", "operation not supported"},
    {hipErrorStreamCaptureUnsupported, "hipErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {hipErrorStreamCaptureInvalidated, "hipErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {hipErrorStreamCaptureUnmatched, "hipErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {hipErrorStreamCaptureIsolation, "hipErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {hipErrorStreamCaptureImplicit, "hipErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {hipErrorUnknown, "hipErrorUnknown", "unknown error"},
};

const ErrorText &find(hipError_t code) {
  for (const ErrorText &entry : texts)
    if (entry.code == code)
      return entry;
  return texts[std::size(texts) - 1];
}

} // namespace

hipError_t &lastError() {
  thread_local hipError_t error = hipSuccess;
  return error;
}

void explain(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fputs("hipsim: ", stderr);
  std::vfprintf(stderr, format, arguments);
  std::fputc('\n', stderr);
  va_end(arguments);
}

} // namespace tawny::hipsim

using namespace tawny::hipsim;

const char *hipGetErrorName(hipError_t code) { return find(code).name; }
const char *hipGetErrorString(hipError_t code) { return find(code).text; }

hipError_t hipGetLastError() {
  hipError_t error = lastError();
  lastError() = hipSuccess;
  return error;
}

hipError_t hipPeekAtLastError() { return lastError(); }

hipError_t hipDriverGetVersion(int *version) {
  return call("hipDriverGetVersion", Needs::Nothing, [&](Simulator &) {
    if (!version)
      return hipErrorInvalidValue;
    *version = HIP_VERSION;
    return hipSuccess;
  });
}

hipError_t hipRuntimeGetVersion(int *version) {
  return call("hipRuntimeGetVersion", Needs::Nothing, [&](Simulator &) {
    if (!version)
      return hipErrorInvalidValue;
    *version = HIP_VERSION;
    return hipSuccess;
  });
}
