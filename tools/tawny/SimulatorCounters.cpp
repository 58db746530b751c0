#include "tools/tawny/SimulatorCounters.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

namespace tawny::tool {

std::optional<SimulatorCounters> SimulatorCounters::find() {
  const char *name = std::getenv("TAWNY_HIP_LIBRARY");
  void *library = name ? dlopen(name, RTLD_NOW | RTLD_NOLOAD) : nullptr;
  if (!library)
    return std::nullopt;
  SimulatorCounters counters;
  counters.getKernels =
      reinterpret_cast<HipsimGetKernelCounters>(dlsym(library, HIPSIM_GET_KERNEL_COUNTERS));
  counters.className = reinterpret_cast<HipsimClassName>(dlsym(library, HIPSIM_CLASS_NAME));
  counters.resetAll = reinterpret_cast<HipsimResetCounters>(dlsym(library, HIPSIM_RESET_COUNTERS));
  bool isComplete = counters.getKernels && counters.className && counters.resetAll;
  // Drivers stay loaded, so the functions do, whatever becomes of this handle.
  dlclose(library);
  return isComplete ? std::optional(counters) : std::nullopt;
}

std::vector<CountedKernel> SimulatorCounters::kernels() const {
  std::vector<HipsimKernelCounters> list(getKernels(HIPSIM_COUNTERS_VERSION, nullptr, 0));
  list.resize(getKernels(HIPSIM_COUNTERS_VERSION, list.data(), list.size()));
  std::vector<CountedKernel> counted;
  for (const HipsimKernelCounters &kernel : list)
    if (kernel.launches > 0)
      counted.push_back({kernel.name, kernel});
  return counted;
}

std::vector<const char *> SimulatorCounters::classes() const {
  std::vector<const char *> names;
  for (uint32_t i = 0; i < HIPSIM_MAX_CLASSES; ++i)
    if (const char *name = className(HIPSIM_COUNTERS_VERSION, i))
      names.push_back(name);
  return names;
}

void printCounters(std::vector<CountedKernel> kernels) {
  std::ranges::sort(kernels, [](const CountedKernel &a, const CountedKernel &b) {
    return a.counters.instructions > b.counters.instructions;
  });
  std::printf("\ncounted by the simulator, for each launch:\n");
  std::printf("%9s%9s%13s%13s%12s%12s%8s%11s%10s  %s\n", "launches", "waves", "instructions",
              "issue cycles", "KB read", "KB written", "used", "lines/acc.", "conflicts", "kernel");
  constexpr double kilobyte = 1e3, line = 128, percent = 100;
  for (const auto &[name, kernel] : kernels) {
    uint64_t launches = kernel.launches;
    auto each = [launches](uint64_t sum) { return double(sum) / double(launches); };
    double accesses = std::max(double(kernel.memoryInstructions), 1.0);
    double fetched = std::max(double(kernel.linesRead) * line, 1.0);
    std::printf("%9llu%9.0f%13.0f%13.0f%12.1f%12.1f%7.1f%%%11.1f%10.0f  %s\n",
                static_cast<unsigned long long>(kernel.launches), each(kernel.waves),
                each(kernel.instructions), each(kernel.vectorIssueCycles),
                each(kernel.linesRead) * line / kilobyte,
                each(kernel.linesWritten) * line / kilobyte,
                percent * double(kernel.usedBytesRead) / fetched,
                double(kernel.instructionLines) / accesses, each(kernel.ldsBankConflictCycles),
                name.c_str());
  }
  std::printf(
      "KB are distinct lines of 128 bytes; \"used\" is how much of the lines read was asked "
      "for\n");
}

Json countersJson(const SimulatorCounters &counters, const std::vector<CountedKernel> &kernels) {
  std::vector<const char *> classes = counters.classes();
  Json list = Json::array();
  for (const auto &[name, kernel] : kernels) {
    Json byClass = Json::object();
    for (size_t i = 0; i < classes.size(); ++i)
      if (kernel.instructionsByClass[i])
        byClass[classes[i]] = kernel.instructionsByClass[i];
    list.push_back({{"name", name},
                    {"launches", kernel.launches},
                    {"workgroups", kernel.workgroups},
                    {"waves", kernel.waves},
                    {"instructions", kernel.instructions},
                    {"instructions_by_class", byClass},
                    {"vector_issue_cycles", kernel.vectorIssueCycles},
                    {"memory_instructions", kernel.memoryInstructions},
                    {"instruction_lines", kernel.instructionLines},
                    {"bytes_read", kernel.bytesRead},
                    {"bytes_written", kernel.bytesWritten},
                    {"lines_read", kernel.linesRead},
                    {"lines_written", kernel.linesWritten},
                    {"used_bytes_read", kernel.usedBytesRead},
                    {"used_bytes_written", kernel.usedBytesWritten},
                    {"lds_bytes_read", kernel.ldsBytesRead},
                    {"lds_bytes_written", kernel.ldsBytesWritten},
                    {"lds_bank_conflict_cycles", kernel.ldsBankConflictCycles},
                    {"vector_registers", kernel.vectorRegisters},
                    {"scalar_registers", kernel.scalarRegisters},
                    {"lds_bytes", kernel.ldsBytes},
                    {"scratch_bytes", kernel.scratchBytes}});
  }
  return list;
}

} // namespace tawny::tool
