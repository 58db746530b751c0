#include "tools/tawny/SimulatorCounters.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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

static void printMemory(const std::vector<CountedKernel> &kernels) {
  std::printf("\ncounted by the simulator, for each launch:\n");
  std::printf("%9s%9s%13s%13s%12s%11s%11s%8s%11s%10s  %s\n", "launches", "waves", "instructions",
              "issue cycles", "KB asked", "KB read", "KB written", "used", "lines/acc.",
              "conflicts", "kernel");
  constexpr double kilobyte = 1e3, line = 128, percent = 100;
  for (const auto &[name, kernel] : kernels) {
    uint64_t launches = kernel.launches;
    auto each = [launches](uint64_t sum) { return double(sum) / double(launches); };
    double accesses = std::max(double(kernel.memoryInstructions), 1.0);
    double fetched = std::max(double(kernel.linesRead) * line, 1.0);
    std::printf("%9llu%9.0f%13.0f%13.0f%12.1f%11.1f%11.1f%7.1f%%%11.1f%10.0f  %s\n",
                static_cast<unsigned long long>(launches), each(kernel.waves),
                each(kernel.instructions), each(kernel.vectorIssueCycles),
                each(kernel.bytesRead) / kilobyte, each(kernel.linesRead) * line / kilobyte,
                each(kernel.linesWritten) * line / kilobyte,
                percent * double(kernel.usedBytesRead) / fetched,
                double(kernel.instructionLines) / accesses, each(kernel.ldsBankConflictCycles),
                name.c_str());
  }
  std::printf(
      "\"asked\" is what all lanes load; \"read\" and \"written\" are distinct lines of 128 "
      "bytes; \"used\" is how much of\nthe lines read was asked for; lines/acc. is distinct "
      "lines per memory instruction; conflicts are LDS cycles\n");
}

static void printClasses(const SimulatorCounters &counters,
                         const std::vector<CountedKernel> &kernels) {
  std::vector<const char *> names = counters.classes();
  std::vector<size_t> used;
  for (size_t i = 0; i < names.size(); ++i)
    if (std::ranges::any_of(kernels, [i](const CountedKernel &kernel) {
          return kernel.counters.instructionsByClass[i] > 0;
        }))
      used.push_back(i);
  std::printf("\ninstructions of waves by class, for each launch:\n");
  auto width = [&](size_t i) { return std::max(10, int(std::strlen(names[i])) + 2); };
  for (size_t i : used)
    std::printf("%*s", width(i), names[i]);
  std::printf("  kernel\n");
  for (const auto &[name, kernel] : kernels) {
    for (size_t i : used)
      std::printf("%*.0f", width(i),
                  double(kernel.instructionsByClass[i]) / double(kernel.launches));
    std::printf("  %s\n", name.c_str());
  }
}

void printCounters(const SimulatorCounters &counters, std::vector<CountedKernel> kernels) {
  std::ranges::sort(kernels, [](const CountedKernel &a, const CountedKernel &b) {
    return a.counters.instructions > b.counters.instructions;
  });
  printMemory(kernels);
  printClasses(counters, kernels);
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
