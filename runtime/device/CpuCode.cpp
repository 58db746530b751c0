#include "runtime/device/CpuCode.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

// Linux 6.3 lets a system forbid executable memfds unless they are asked for; older headers lack
// it.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace tawny {

static int createMemoryFile() {
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int file = memfd_create("tawny-code", flags | MFD_EXEC);
  return file >= 0 || errno != EINVAL ? file : memfd_create("tawny-code", flags);
}

static bool writeAll(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

ErrorOr<std::unique_ptr<LoadedCode>> CpuCode::load(std::span<const std::byte> code) {
  if (ErrorOr<void> checked = checkSharedObject(code); !checked)
    return checked.takeError();
  int file = createMemoryFile();
  if (file < 0)
    return makeError("cannot make a memory file for the kernels: %s", std::strerror(errno));
  if (!writeAll(file, code)) {
    int failure = errno;
    close(file);
    return makeError("cannot write %zu bytes of kernels to memory: %s", code.size(),
                     std::strerror(failure));
  }
  // A kernel that refuses to seal still runs the same code, so the result does not matter.
  fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    Error error = makeError("cannot load the kernels: %s (needs /proc and executable memory files)",
                            dlerror());
    close(file);
    return error;
  }
  return std::unique_ptr<LoadedCode>(new CpuCode(file, library));
}

CpuCode::~CpuCode() {
  dlclose(library);
  close(file);
}

ErrorOr<KernelHandle> CpuCode::kernel(const std::string &symbol, uint64_t) {
  if (void *address = dlsym(library, symbol.c_str()))
    return address;
  return makeError("the code object has no kernel '%s'", symbol.c_str());
}

} // namespace tawny
