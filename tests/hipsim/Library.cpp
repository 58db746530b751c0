#include "tests/hipsim/Library.h"

#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <iterator>

namespace tawny::hipsim {

void *libraryFunction(const char *name) {
  static void *library = dlopen(HIPSIM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  void *function = library ? dlsym(library, name) : nullptr;
  if (!function) {
    ADD_FAILURE() << dlerror();
    std::abort();
  }
  return function;
}

std::vector<std::byte> codeObject(const std::string &chip, int version) {
  std::string path = HIPSIM_KERNELS "-" + chip + "-v" + std::to_string(version) + ".co";
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << path;
  const auto *bytes = reinterpret_cast<const std::byte *>(text.data());
  return {bytes, bytes + text.size()};
}

void HipsimTest::restart(std::initializer_list<std::pair<const char *, const char *>> settings) {
  for (const char *name : {"ARCH", "DEVICES", "MEMORY", "THREADS", "REPORTS", "INSTRUCTION_LIMIT",
                           "LOST_AFTER", "COUNT", "CHECK_RACES", "CHECK_UNINITIALISED",
                           "FILLS_INITIALISE", "COUNTERS", "ON_VIOLATION", "FAIL", "TRACE"})
    unsetenv((std::string("HIPSIM_") + name).c_str());
  for (const auto &[name, value] : settings)
    setenv((std::string("HIPSIM_") + name).c_str(), value, /*overwrite=*/1);
  reinterpret_cast<void (*)()>(libraryFunction("hipsimRestart"))();
}

hipFunction_t HipsimTest::kernel(const char *name, const std::string &chip, int version) {
  hipModule_t module = nullptr;
  EXPECT_EQ(HIP(hipModuleLoadData)(&module, codeObject(chip, version).data()), hipSuccess);
  hipFunction_t function = nullptr;
  EXPECT_EQ(HIP(hipModuleGetFunction)(&function, module, name), hipSuccess);
  return function;
}

} // namespace tawny::hipsim
