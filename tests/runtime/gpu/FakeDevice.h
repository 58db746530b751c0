// Points the runtime at the fake driver for as long as a test wants.
#pragma once

#include "tests/runtime/gpu/FakeDriver.h"

#include <cstdlib>
#include <dlfcn.h>
#include <elf.h>
#include <span>
#include <string>
#include <vector>

namespace tawny::test {

/// Sets a variable of the environment and gives it back its value at the end.
class ScopedVariable {
public:
  ScopedVariable(const char *name, const std::string &value) : name(name) {
    const char *old = std::getenv(name);
    wasSet = old != nullptr;
    before = old ? old : "";
    setenv(name, value.c_str(), 1);
  }
  ScopedVariable(const ScopedVariable &) = delete;
  ScopedVariable &operator=(const ScopedVariable &) = delete;
  ~ScopedVariable() { wasSet ? setenv(name, before.c_str(), 1) : unsetenv(name); }

private:
  const char *name;
  bool wasSet;
  std::string before;
};

/// The library of a flavour, `hip` or `cuda`.
inline std::string fakeLibrary(const std::string &flavour) {
  return std::string(TAWNY_BINARY_DIR) + "/lib/libfake_" + flavour + ".so";
}
/// HIP's simulator, where the build has it.
inline std::string simulatorLibrary() {
  return std::string(TAWNY_BINARY_DIR) + "/lib/libhipsim.so";
}
inline const char *libraryVariable(const std::string &flavour) {
  return flavour == "hip" ? "TAWNY_HIP_LIBRARY" : "TAWNY_CUDA_LIBRARY";
}

/// While it lives, the flavour's driver is the fake one, reset.
class FakeDriver {
public:
  explicit FakeDriver(const std::string &flavour)
      : variable(libraryVariable(flavour), fakeLibrary(flavour)),
        library(dlopen(fakeLibrary(flavour).c_str(), RTLD_NOW | RTLD_LOCAL)) {
    auto find = reinterpret_cast<decltype(&fakeDriverControls)>(
        library ? dlsym(library, FAKE_DRIVER_CONTROLS) : nullptr);
    controls = find ? find() : nullptr;
    if (controls)
      controls->reset();
  }
  const FakeDriverControls *operator->() const { return controls; }

private:
  ScopedVariable variable;
  void *library;
  const FakeDriverControls *controls = nullptr;
};

/// The shared object with the machine of a GPU's code in its header; the fake driver turns it back.
inline std::vector<std::byte> asGpuCode(std::vector<std::byte> code) {
  constexpr uint16_t amdgpu = 224;
  if (code.size() > sizeof(Elf64_Ehdr))
    reinterpret_cast<Elf64_Ehdr *>(code.data())->e_machine = amdgpu;
  return code;
}

} // namespace tawny::test
