// What all launches counted, by kernel and by allocation.
#pragma once

#include "tools/hipsim/HipsimCounters.h"
#include "tools/hipsim/codeobject/LoadedCode.h"
#include "tools/hipsim/launch/LaunchPort.h"

#include <deque>
#include <string>

namespace tawny::hipsim {

/// One launch's traffic with one allocation, of all threads together.
struct LaunchTraffic {
  AllocationUse use;
  uint64_t linesRead = 0, linesWritten = 0, sectorsRead = 0, sectorsWritten = 0;
  uint64_t usedBytesRead = 0, usedBytesWritten = 0;
};

/// One launch, of all threads together.
struct LaunchCounts {
  Counters executed;
  uint64_t memoryInstructions = 0, instructionLines = 0;
  std::vector<LaunchTraffic> traffic;
};

/// Sums over launches, in the structures that processes see.
class CounterTable {
public:
  void add(const LoadedKernel &kernel, const LaunchCounts &launch);
  void reset() { kernels.clear(); }

  /// As hipsimGetKernelCounters and hipsimGetStreamCounters.
  size_t kernelCounters(HipsimKernelCounters *out, size_t capacity) const;
  size_t streamCounters(HipsimStreamCounters *out, size_t capacity) const;

  /// Writes everything as JSON; false where the file cannot be written.
  bool writeJson(const std::string &path) const;

private:
  struct Kernel {
    std::string name;
    HipsimKernelCounters counters{};
    std::vector<HipsimStreamCounters> streams;
  };

  static HipsimStreamCounters &streamOf(Kernel &kernel, const Allocation &allocation);

  std::deque<Kernel> kernels; ///< names stay where they are
};

} // namespace tawny::hipsim
