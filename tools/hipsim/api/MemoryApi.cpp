// Allocation, copies and fills.
#include "tools/hipsim/api/Call.h"

using namespace tawny::hipsim;

namespace {

using Unsigned = unsigned long long;

uint64_t addressOf(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

/// What memory a call's argument is.
enum class Side : uint8_t {
  Pageable, ///< of the host, unknown to the device
  Host,     ///< of the host, and the device's too
  Device,
  Invalid, ///< not inside one live allocation
};

Side sideOf(const Simulator &simulator, uint64_t address, uint64_t bytes) {
  const AddressSpace &space = simulator.memory->addresses();
  const Allocation *allocation = space.find(address, 1);
  if (!allocation)
    return space.reserved(address) ? Side::Invalid : Side::Pageable;
  if (!allocation->holds(address, bytes))
    return Side::Invalid;
  bool isHost =
      allocation->kind == AllocationKind::Host || allocation->kind == AllocationKind::Registered;
  return isHost ? Side::Host : Side::Device;
}

/// Whether `side` may stand where the call wants device or host memory.
bool fits(Side side, bool wantsDevice) {
  if (side == Side::Invalid)
    return false;
  return wantsDevice ? side != Side::Pageable : side != Side::Device;
}

/// Which sides a kind of copy wants; hipMemcpyDefault takes any.
bool fits(hipMemcpyKind kind, Side to, Side from) {
  switch (kind) {
  case hipMemcpyHostToHost:
    return fits(to, false) && fits(from, false);
  case hipMemcpyHostToDevice:
    return fits(to, true) && fits(from, false);
  case hipMemcpyDeviceToHost:
    return fits(to, false) && fits(from, true);
  case hipMemcpyDeviceToDevice:
    return fits(to, true) && fits(from, true);
  case hipMemcpyDefault:
    return to != Side::Invalid && from != Side::Invalid;
  }
  return false;
}

/// Hands a copy to a stream; `wait` returns when it is done. Pageable memory is the caller's again
/// on return, as with HIP's own staging.
hipError_t copy(Simulator &simulator, const char *function, void *to, const void *from,
                uint64_t bytes, hipMemcpyKind kind, Stream *stream, bool wait) {
  if (!stream)
    return hipErrorInvalidHandle;
  if (!bytes)
    return hipSuccess;
  if (!to || !from)
    return hipErrorInvalidValue;
  Side target = sideOf(simulator, addressOf(to), bytes);
  Side source = sideOf(simulator, addressOf(from), bytes);
  if (!fits(kind, target, source)) {
    explain("%s: %llu bytes from %p to %p are not memory of that kind, or leave their allocation",
            function, Unsigned(bytes), from, to);
    return hipErrorInvalidValue;
  }
  bool isStaged = target == Side::Pageable || source == Side::Pageable;
  if (stream->capture && (wait || isStaged)) {
    stream->captureInvalid = true;
    return hipErrorStreamCaptureUnsupported;
  }
  hipError_t error =
      simulator.enqueue(*stream, CopyOperation{addressOf(to), addressOf(from), bytes});
  return error == hipSuccess && (wait || isStaged) ? simulator.finish(*stream) : error;
}

hipError_t fill(Simulator &simulator, const char *function, void *to, uint32_t value, uint8_t unit,
                uint64_t count, Stream *stream, bool wait) {
  if (!stream)
    return hipErrorInvalidHandle;
  if (!count)
    return hipSuccess;
  if (!fits(sideOf(simulator, addressOf(to), count * unit), /*wantsDevice=*/true)) {
    explain("%s: %llu bytes at %p are not inside an allocation", function, Unsigned(count * unit),
            to);
    return hipErrorInvalidValue;
  }
  hipError_t error = simulator.enqueue(*stream, FillOperation{addressOf(to), count, value, unit});
  return error == hipSuccess && wait ? simulator.finish(*stream) : error;
}

/// hipFree and its kin wait for the device first.
hipError_t release(Simulator &simulator, const char *function, void *address, AllocationKind kind,
                   hipError_t otherwise) {
  if (!address && kind != AllocationKind::Registered)
    return hipSuccess;
  (void)simulator.finishAll(); // what has failed is known to those who wait
  if (simulator.memory->release(addressOf(address), kind))
    return hipSuccess;
  explain("%s: nothing of that kind begins at %p", function, address);
  return otherwise;
}

hipError_t callCopy(const char *function, void *to, const void *from, uint64_t bytes,
                    hipMemcpyKind kind, hipStream_t stream, bool wait) {
  return call(function, Needs::Healthy, [&](Simulator &simulator) {
    return copy(simulator, function, to, from, bytes, kind, simulator.stream(stream), wait);
  });
}

hipError_t callFill(const char *function, void *to, uint32_t value, uint8_t unit, uint64_t count,
                    hipStream_t stream, bool wait) {
  return call(function, Needs::Healthy, [&](Simulator &simulator) {
    return fill(simulator, function, to, value, unit, count, simulator.stream(stream), wait);
  });
}

} // namespace

hipError_t hipMalloc(void **address, size_t bytes) {
  return call("hipMalloc", Needs::Healthy, [&](Simulator &simulator) {
    if (!address)
      return hipErrorInvalidValue;
    *address = nullptr;
    if (!bytes)
      return hipSuccess;
    *address = reinterpret_cast<void *>(simulator.memory->allocate(bytes));
    return *address ? hipSuccess : hipErrorOutOfMemory;
  });
}

hipError_t hipFree(void *address) {
  return call("hipFree", Needs::Device, [&](Simulator &simulator) {
    return release(simulator, "hipFree", address, AllocationKind::Device, hipErrorInvalidValue);
  });
}

hipError_t hipHostMalloc(void **address, size_t bytes, unsigned flags) {
  return call("hipHostMalloc", Needs::Healthy, [&](Simulator &simulator) {
    if (!address)
      return hipErrorInvalidValue;
    *address = bytes ? simulator.memory->allocateHost(bytes) : nullptr;
    return *address || !bytes ? hipSuccess : hipErrorOutOfMemory;
  });
}

hipError_t hipHostFree(void *address) {
  return call("hipHostFree", Needs::Device, [&](Simulator &simulator) {
    return release(simulator, "hipHostFree", address, AllocationKind::Host, hipErrorInvalidValue);
  });
}

hipError_t hipHostRegister(void *address, size_t bytes, unsigned flags) {
  return call("hipHostRegister", Needs::Healthy, [&](Simulator &simulator) {
    if (!address || !bytes)
      return hipErrorInvalidValue;
    return simulator.memory->registerHost(address, bytes) ? hipSuccess
                                                          : hipErrorHostMemoryAlreadyRegistered;
  });
}

hipError_t hipHostUnregister(void *address) {
  return call("hipHostUnregister", Needs::Device, [&](Simulator &simulator) {
    return release(simulator, "hipHostUnregister", address, AllocationKind::Registered,
                   hipErrorHostMemoryNotRegistered);
  });
}

hipError_t hipHostGetDevicePointer(void **device, void *host, unsigned flags) {
  return call("hipHostGetDevicePointer", Needs::Device, [&](Simulator &simulator) {
    if (!device || sideOf(simulator, addressOf(host), 1) != Side::Host)
      return hipErrorInvalidValue;
    *device = host;
    return hipSuccess;
  });
}

hipError_t hipMemGetInfo(size_t *available, size_t *total) {
  return call("hipMemGetInfo", Needs::Device, [&](Simulator &simulator) {
    if (available)
      *available = simulator.memory->limit() - simulator.memory->used();
    if (total)
      *total = simulator.memory->limit();
    return hipSuccess;
  });
}

hipError_t hipMemcpy(void *to, const void *from, size_t bytes, hipMemcpyKind kind) {
  return callCopy("hipMemcpy", to, from, bytes, kind, nullptr, true);
}

hipError_t hipMemcpyAsync(void *to, const void *from, size_t bytes, hipMemcpyKind kind,
                          hipStream_t stream) {
  return callCopy("hipMemcpyAsync", to, from, bytes, kind, stream, false);
}

hipError_t hipMemcpyHtoD(hipDeviceptr_t to, void *from, size_t bytes) {
  return callCopy("hipMemcpyHtoD", to, from, bytes, hipMemcpyHostToDevice, nullptr, true);
}

hipError_t hipMemcpyDtoH(void *to, hipDeviceptr_t from, size_t bytes) {
  return callCopy("hipMemcpyDtoH", to, from, bytes, hipMemcpyDeviceToHost, nullptr, true);
}

hipError_t hipMemcpyDtoD(hipDeviceptr_t to, hipDeviceptr_t from, size_t bytes) {
  return callCopy("hipMemcpyDtoD", to, from, bytes, hipMemcpyDeviceToDevice, nullptr, true);
}

hipError_t hipMemcpyHtoDAsync(hipDeviceptr_t to, void *from, size_t bytes, hipStream_t stream) {
  return callCopy("hipMemcpyHtoDAsync", to, from, bytes, hipMemcpyHostToDevice, stream, false);
}

hipError_t hipMemcpyDtoHAsync(void *to, hipDeviceptr_t from, size_t bytes, hipStream_t stream) {
  return callCopy("hipMemcpyDtoHAsync", to, from, bytes, hipMemcpyDeviceToHost, stream, false);
}

hipError_t hipMemcpyDtoDAsync(hipDeviceptr_t to, hipDeviceptr_t from, size_t bytes,
                              hipStream_t stream) {
  return callCopy("hipMemcpyDtoDAsync", to, from, bytes, hipMemcpyDeviceToDevice, stream, false);
}

hipError_t hipMemset(void *to, int value, size_t bytes) {
  return callFill("hipMemset", to, static_cast<uint32_t>(value), 1, bytes, nullptr, true);
}

hipError_t hipMemsetAsync(void *to, int value, size_t bytes, hipStream_t stream) {
  return callFill("hipMemsetAsync", to, static_cast<uint32_t>(value), 1, bytes, stream, false);
}

hipError_t hipMemsetD8Async(hipDeviceptr_t to, unsigned char value, size_t count,
                            hipStream_t stream) {
  return callFill("hipMemsetD8Async", to, static_cast<uint32_t>(value), 1, count, stream, false);
}

hipError_t hipMemsetD32Async(hipDeviceptr_t to, int value, size_t count, hipStream_t stream) {
  return callFill("hipMemsetD32Async", to, static_cast<uint32_t>(value), 4, count, stream, false);
}
