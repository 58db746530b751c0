#include "runtime/device/CpuFeatures.h"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tawny {

#if defined(__x86_64__)
namespace {

enum Register : uint8_t { Eax, Ebx, Ecx, Edx };

/// Which registers must be saved by the operating system for a feature to be usable.
enum class State : uint8_t { General, Ymm, Zmm };

struct Feature {
  const char *name;
  uint32_t leaf;
  uint32_t subleaf;
  Register in;
  uint8_t bit;
  State state;
};

constexpr Feature table[] = {
    {"sse3", 1, 0, Ecx, 0, State::General},
    {"pclmul", 1, 0, Ecx, 1, State::General},
    {"ssse3", 1, 0, Ecx, 9, State::General},
    {"fma", 1, 0, Ecx, 12, State::Ymm},
    {"cx16", 1, 0, Ecx, 13, State::General},
    {"sse4.1", 1, 0, Ecx, 19, State::General},
    {"sse4.2", 1, 0, Ecx, 20, State::General},
    {"movbe", 1, 0, Ecx, 22, State::General},
    {"popcnt", 1, 0, Ecx, 23, State::General},
    {"aes", 1, 0, Ecx, 25, State::General},
    {"xsave", 1, 0, Ecx, 26, State::General},
    {"avx", 1, 0, Ecx, 28, State::Ymm},
    {"f16c", 1, 0, Ecx, 29, State::Ymm},
    {"rdrnd", 1, 0, Ecx, 30, State::General},
    {"sse", 1, 0, Edx, 25, State::General},
    {"sse2", 1, 0, Edx, 26, State::General},
    {"fsgsbase", 7, 0, Ebx, 0, State::General},
    {"bmi", 7, 0, Ebx, 3, State::General},
    {"avx2", 7, 0, Ebx, 5, State::Ymm},
    {"bmi2", 7, 0, Ebx, 8, State::General},
    {"avx512f", 7, 0, Ebx, 16, State::Zmm},
    {"avx512dq", 7, 0, Ebx, 17, State::Zmm},
    {"rdseed", 7, 0, Ebx, 18, State::General},
    {"adx", 7, 0, Ebx, 19, State::General},
    {"avx512ifma", 7, 0, Ebx, 21, State::Zmm},
    {"clflushopt", 7, 0, Ebx, 23, State::General},
    {"clwb", 7, 0, Ebx, 24, State::General},
    {"avx512cd", 7, 0, Ebx, 28, State::Zmm},
    {"sha", 7, 0, Ebx, 29, State::General},
    {"avx512bw", 7, 0, Ebx, 30, State::Zmm},
    {"avx512vl", 7, 0, Ebx, 31, State::Zmm},
    {"avx512vbmi", 7, 0, Ecx, 1, State::Zmm},
    {"avx512vbmi2", 7, 0, Ecx, 6, State::Zmm},
    {"gfni", 7, 0, Ecx, 8, State::General},
    {"vaes", 7, 0, Ecx, 9, State::Ymm},
    {"vpclmulqdq", 7, 0, Ecx, 10, State::Ymm},
    {"avx512vnni", 7, 0, Ecx, 11, State::Zmm},
    {"avx512bitalg", 7, 0, Ecx, 12, State::Zmm},
    {"avx512vpopcntdq", 7, 0, Ecx, 14, State::Zmm},
    {"rdpid", 7, 0, Ecx, 22, State::General},
    {"movdiri", 7, 0, Ecx, 27, State::General},
    {"movdir64b", 7, 0, Ecx, 28, State::General},
    {"avx512vp2intersect", 7, 0, Edx, 8, State::Zmm},
    {"avx512fp16", 7, 0, Edx, 23, State::Zmm},
    {"avxvnni", 7, 1, Eax, 4, State::Ymm},
    {"avx512bf16", 7, 1, Eax, 5, State::Zmm},
    {"avxifma", 7, 1, Eax, 23, State::Ymm},
    {"avxvnniint8", 7, 1, Edx, 4, State::Ymm},
    {"avxneconvert", 7, 1, Edx, 5, State::Ymm},
    {"avxvnniint16", 7, 1, Edx, 10, State::Ymm},
    {"sahf", 0x80000001, 0, Ecx, 0, State::General},
    {"lzcnt", 0x80000001, 0, Ecx, 5, State::General},
    {"sse4a", 0x80000001, 0, Ecx, 6, State::General},
    {"prfchw", 0x80000001, 0, Ecx, 8, State::General},
    {"clzero", 0x80000008, 0, Ebx, 0, State::General},
    {"wbnoinvd", 0x80000008, 0, Ebx, 9, State::General},
};

/// The registers that the operating system saves, as XCR0 says; none where it does not use XSAVE.
uint64_t savedState() {
  constexpr uint32_t osxsave = 1u << 27;
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & osxsave))
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

bool isSaved(State state, uint64_t saved) {
  constexpr uint64_t ymm = 0x6, zmm = 0xe6; // SSE and AVX; and the mask and upper ZMM registers
  uint64_t wanted = state == State::Zmm ? zmm : state == State::Ymm ? ymm : 0;
  return (saved & wanted) == wanted;
}

} // namespace

std::vector<std::string> cpuFeatures() {
  std::vector<std::string> names;
  uint64_t saved = savedState();
  for (const Feature &feature : table) {
    uint32_t registers[4];
    if (__get_cpuid_count(feature.leaf, feature.subleaf, &registers[Eax], &registers[Ebx],
                          &registers[Ecx], &registers[Edx]) &&
        registers[feature.in] >> feature.bit & 1 && isSaved(feature.state, saved))
      names.emplace_back(feature.name);
  }
  return names;
}

std::string cpuDescription() {
  char brand[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    uint32_t registers[4];
    if (!__get_cpuid(0x80000002 + i, &registers[0], &registers[1], &registers[2], &registers[3]))
      return "unknown processor";
    std::memcpy(brand + i * sizeof(registers), registers, sizeof(registers));
  }
  std::string text(brand);
  size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos)
    return "unknown processor";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

#else

std::vector<std::string> cpuFeatures() { return {}; }
std::string cpuDescription() { return "unknown processor"; }

#endif

} // namespace tawny
