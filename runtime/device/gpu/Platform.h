// What differs between GPU drivers beyond the names of their functions.
#pragma once

#include "runtime/device/gpu/DriverApi.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tawny::gpu {

/// One device, as its driver describes it.
struct DeviceFacts {
  std::string name;
  /// In the words of Target.features.
  std::vector<std::string> features;
  std::string pciBusId; ///< "0000:c3:00.0", in lower case
  unsigned multiprocessors = 0;
  unsigned maxBlockThreads = 0;
  uint64_t maxSharedBytes = 0; ///< of one block, opt-in included
  uint64_t maxLaunchThreads = UINT64_MAX;
  bool integrated = false; ///< shares the system's memory
};

/// A driver's library with one of its devices opened. Drivers keep a current device per thread, so
/// each use starts with makeCurrent().
class Platform {
public:
  virtual ~Platform() = default;
  Platform(const Platform &) = delete;
  Platform &operator=(const Platform &) = delete;

  /// Loads the driver and opens its device number `ordinal`.
  static ErrorOr<std::unique_ptr<Platform>> open(Vendor vendor, int ordinal);
  /// How many devices the vendor's driver has. An error where there is no driver or no device.
  static ErrorOr<int> count(Vendor vendor);

  const DriverApi &api() const { return library.api(); }
  const DriverLibrary &driver() const { return library; }
  const DeviceFacts &facts() const { return found; }

  /// The word for the device on command lines: hip, cuda.
  virtual std::string_view kind() const = 0;
  virtual Status makeCurrent() const = 0;
  /// Loads machine code (the whole of it, NUL-terminated where it is text). `log` gets what the
  /// driver says about code that it refuses.
  virtual Status loadModule(void **module, std::span<const std::byte> code, std::string &log) = 0;
  /// Lets the function have this much dynamic shared memory, where that must be asked for.
  virtual Status allowSharedBytes(void *function, uint64_t bytes) { return success; }
  /// What a launch asks for, of the shared memory that its kernel has in all.
  virtual unsigned dynamicSharedBytes(uint32_t sharedBytes) const { return sharedBytes; }
  /// How pages of a file, which are read-only, are made usable in place.
  virtual unsigned registerFlags() const { return registerMapped; }
  /// What is wrong with code that cannot be for this device; empty where nothing is known to be.
  virtual std::string whyUnfit(std::span<const std::byte> code) const { return ""; }

  /// Whether the library is the simulator, which exports counters that hardware has not.
  bool isSimulated() const { return library.symbol("hipsimGetKernelCounters") != nullptr; }

  /// "hipErrorOutOfMemory (2): out of memory".
  std::string describe(Status status) const;

protected:
  explicit Platform(DriverLibrary library) : library(std::move(library)) {}

  virtual ErrorOr<void> openDevice(int ordinal) = 0;
  virtual std::string nameOf(Status status) const = 0;
  virtual std::string textOf(Status status) const = 0;
  /// An attribute, or 0 where the driver does not tell.
  int attribute(int number, int device) const;
  /// Fills in what both vendors tell in the same way.
  void describeDevice(int device);
  Error failed(const char *doing, Status status) const;

  DriverLibrary library;
  DeviceFacts found;
};

/// The two platforms, before a device of theirs is opened.
std::unique_ptr<Platform> makeHip(DriverLibrary library);
/// See makeHip.
std::unique_ptr<Platform> makeCuda(DriverLibrary library);

} // namespace tawny::gpu
