// The functions of a GPU driver that the runtime calls, found at run time.
#pragma once

#include "runtime/support/Error.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tawny::gpu {

/// What every function returns; 0 is success. Both drivers number their common errors alike.
using Status = int;

inline constexpr Status success = 0;
inline constexpr Status outOfMemory = 2;
inline constexpr Status noDevice = 100;
inline constexpr Status invalidDevice = 101;

/// HIP and the CUDA driver call almost the same functions by different names. Handles are pointers
/// in both, and so are device addresses on x86-64 and AArch64: CUdeviceptr is an integer of 64 bits
/// that is passed as a pointer is.
struct DriverApi {
  Status (*init)(unsigned flags);
  Status (*driverVersion)(int *version);
  Status (*deviceCount)(int *count);
  Status (*deviceAttribute)(int *value, int attribute, int device);
  Status (*deviceName)(char *name, int bytes, int device);
  Status (*devicePciBusId)(char *id, int bytes, int device);
  Status (*memoryInfo)(size_t *available, size_t *total);
  Status (*allocate)(void **address, size_t bytes);
  Status (*free)(void *address);
  Status (*allocateHost)(void **address, size_t bytes, unsigned flags);
  Status (*freeHost)(void *address);
  Status (*registerHost)(void *address, size_t bytes, unsigned flags);
  Status (*unregisterHost)(void *address);
  Status (*hostDeviceAddress)(void **device, void *host, unsigned flags);
  Status (*copyToDevice)(void *to, const void *from, size_t bytes, void *stream);
  Status (*copyToHost)(void *to, const void *from, size_t bytes, void *stream);
  Status (*copyOnDevice)(void *to, const void *from, size_t bytes, void *stream);
  Status (*fill)(void *address, unsigned char value, size_t bytes, void *stream);
  Status (*createStream)(void **stream, unsigned flags);
  Status (*destroyStream)(void *stream);
  Status (*synchronizeStream)(void *stream);
  Status (*createEvent)(void **event, unsigned flags);
  Status (*destroyEvent)(void *event);
  Status (*recordEvent)(void *event, void *stream);
  Status (*synchronizeEvent)(void *event);
  Status (*elapsedTime)(float *milliseconds, void *from, void *to);
  Status (*unloadModule)(void *module);
  Status (*moduleFunction)(void **function, void *module, const char *name);
  Status (*launch)(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                   unsigned blockY, unsigned blockZ, unsigned sharedBytes, void *stream,
                   void **parameters, void **extra);
  Status (*beginCapture)(void *stream, int mode);
  Status (*endCapture)(void *stream, void **graph);
  Status (*instantiateGraph)(void **executable, void *graph, unsigned long long flags);
  Status (*launchGraph)(void *executable, void *stream);
  Status (*destroyGraphExecutable)(void *executable);
  Status (*destroyGraph)(void *graph);
};

/// The drivers' values of flags, the same for both.
inline constexpr unsigned nonBlockingStream = 1;
inline constexpr unsigned timedEvent = 0;
inline constexpr unsigned untimedEvent = 2;
inline constexpr unsigned registerMapped = 2;
inline constexpr unsigned registerReadOnly = 8; ///< HIP names it and does not support it
inline constexpr int captureThreadLocal = 1;

/// Whose driver.
enum class Vendor : uint8_t { Hip, Cuda };

/// A driver's library, loaded for as long as the process lives: drivers do not survive unloading.
class DriverLibrary {
public:
  /// Loads the library that the vendor's driver comes in, or the one that the environment names
  /// (TAWNY_HIP_LIBRARY, TAWNY_CUDA_LIBRARY). The error says what it comes with.
  static ErrorOr<DriverLibrary> load(Vendor vendor);

  const DriverApi &api() const { return functions; }
  /// A function that only one vendor has, or null.
  void *symbol(const char *symbolName) const;
  /// The library's path or name as it was asked for.
  const std::string &name() const { return file; }

private:
  DriverApi functions = {};
  void *handle = nullptr;
  std::string file;
};

} // namespace tawny::gpu
