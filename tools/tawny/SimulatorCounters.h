// What HIP's simulator counted, for `tawny bench --profile`.
#pragma once

#include "runtime/support/Json.h"
#include "tools/hipsim/HipsimCounters.h"

#include <optional>
#include <string>
#include <vector>

namespace tawny::tool {

/// One kernel's counters with a name of their own: a reset takes the simulator's away.
struct CountedKernel {
  std::string name;
  HipsimKernelCounters counters;
};

/// The counters of the library that stands in for HIP's in this process.
class SimulatorCounters {
public:
  /// Nothing where HIP's library is not loaded or is no simulator.
  static std::optional<SimulatorCounters> find();

  void reset() const { resetAll(HIPSIM_COUNTERS_VERSION); }
  /// Of all kernels that were launched since the reset.
  std::vector<CountedKernel> kernels() const;
  /// The instruction classes in the order of the counters.
  std::vector<const char *> classes() const;

private:
  SimulatorCounters() = default;

  HipsimGetKernelCounters getKernels = nullptr;
  HipsimClassName className = nullptr;
  HipsimResetCounters resetAll = nullptr;
};

/// Two tables on standard output, of memory and of instructions by class, with a row per kernel,
/// those with the most instructions first. Each number is of one launch, on average.
void printCounters(const SimulatorCounters &counters, std::vector<CountedKernel> kernels);

/// The same, and instructions by class, as sums over all launches.
Json countersJson(const SimulatorCounters &counters, const std::vector<CountedKernel> &kernels);

} // namespace tawny::tool
