#include "runtime/device/gpu/Platform.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace tawny::gpu {

/// Told once: the driver then reports the chip that the variable names, and code for that chip is
/// what is loaded.
static void warnAboutOverride() {
  static std::atomic_flag isTold;
  const char *version = std::getenv("HSA_OVERRIDE_GFX_VERSION");
  if (version && *version && !isTold.test_and_set())
    std::fprintf(stderr,
                 "warning: HSA_OVERRIDE_GFX_VERSION=%s makes AMD's driver take the processor for "
                 "another one, a known cause of crashes: unset it\n",
                 version);
}

static ErrorOr<std::unique_ptr<Platform>> loadPlatform(Vendor vendor) {
  if (vendor == Vendor::Hip)
    warnAboutOverride();
  ErrorOr<DriverLibrary> library = DriverLibrary::load(vendor);
  if (!library)
    return library.takeError();
  return vendor == Vendor::Hip ? makeHip(std::move(*library)) : makeCuda(std::move(*library));
}

/// Devices of a driver that has been started.
static ErrorOr<int> countDevices(const Platform &platform) {
  int count = 0;
  Status status = platform.api().init(0);
  if (status == success)
    status = platform.api().deviceCount(&count);
  int kind = static_cast<int>(platform.kind().size());
  // HIP says so in either way, by version.
  bool isNone = status == noDevice || status == invalidDevice;
  if (isNone || (status == success && count == 0))
    return makeError("%s is there, but it finds no device that this process may use",
                     platform.driver().name().c_str());
  if (status != success)
    return makeError("%.*s: the driver in %s does not start: %s", kind, platform.kind().data(),
                     platform.driver().name().c_str(), platform.describe(status).c_str());
  return count;
}

ErrorOr<int> Platform::count(Vendor vendor) {
  ErrorOr<std::unique_ptr<Platform>> platform = loadPlatform(vendor);
  if (!platform)
    return platform.takeError();
  return countDevices(**platform);
}

ErrorOr<std::unique_ptr<Platform>> Platform::open(Vendor vendor, int ordinal) {
  ErrorOr<std::unique_ptr<Platform>> platform = loadPlatform(vendor);
  if (!platform)
    return platform;
  ErrorOr<int> count = countDevices(**platform);
  if (!count)
    return count.takeError();
  if (ordinal >= *count) {
    std::string kind((*platform)->kind());
    return makeError("device '%s:%d': expected a number below %d, which is how many devices the "
                     "driver has",
                     kind.c_str(), ordinal, *count);
  }
  if (ErrorOr<void> opened = (*platform)->openDevice(ordinal); !opened)
    return opened.takeError();
  return platform;
}

std::string Platform::describe(Status status) const {
  return nameOf(status) + " (" + std::to_string(status) + "): " + textOf(status);
}

Error Platform::failed(const char *doing, Status status) const {
  return makeError("%.*s: cannot %s: %s", static_cast<int>(kind().size()), kind().data(), doing,
                   describe(status).c_str());
}

int Platform::attribute(int number, int device) const {
  int value = 0;
  return api().deviceAttribute(&value, number, device) == success ? value : 0;
}

void Platform::describeDevice(int device) {
  char text[256] = {};
  if (api().deviceName(text, sizeof(text) - 1, device) == success)
    found.name = text;
  if (found.name.empty())
    found.name = "unnamed device";
  char id[64] = {};
  if (api().devicePciBusId(id, sizeof(id) - 1, device) == success)
    found.pciBusId = id;
  std::ranges::transform(found.pciBusId, found.pciBusId.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
}

} // namespace tawny::gpu
