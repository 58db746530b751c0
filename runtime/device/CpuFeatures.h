// What the processor and the operating system together let code use.
#pragma once

#include <string>
#include <vector>

namespace tawny {

/// Names of usable instruction sets in LLVM's spelling (avx2, avx512vnni, …). Those whose registers
/// the operating system does not save are left out. Sources: Intel SDM volume 2, CPUID; AMD APM
/// volume 3, appendix E. Empty on other processors than x86-64.
std::vector<std::string> cpuFeatures();

/// The processor's brand string, or "unknown processor".
std::string cpuDescription();

} // namespace tawny
