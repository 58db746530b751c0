// Runs kernels: workgroups in order over the host's threads, and what is found and counted.
#pragma once

#include "tools/hipsim/Options.h"
#include "tools/hipsim/launch/CounterTable.h"
#include "tools/hipsim/launch/Workers.h"

#include <map>
#include <optional>

namespace tawny::hipsim {

/// One launch, with arguments that are the caller's no more.
struct LaunchRequest {
  const LoadedKernel *kernel = nullptr;
  Dim3 grid;  ///< workgroups
  Dim3 block; ///< work-items of a workgroup
  uint32_t dynamicLdsBytes = 0;
  std::vector<std::byte> arguments; ///< the whole segment; hidden ones are filled in
};

/// How a launch ended.
enum class LaunchOutcome : uint8_t {
  Success,
  Violation, ///< a check failed
  Failure,   ///< an instruction that is not executed, or a wave without an end
};

/// One launch at a time. What it finds goes to stderr.
class Launcher {
public:
  Launcher(DeviceMemory &memory, const Options &options);
  ~Launcher();

  LaunchOutcome run(LaunchRequest &request);

  CounterTable &counters() { return table; }
  /// What the last launch that failed printed; empty if none did.
  const std::string &lastReport() const { return report; }

private:
  struct Thread;

  void placeArguments(LaunchRequest &request);
  std::optional<TracedWave> tracedWave(const LaunchRequest &request);
  void finishCounts(const LoadedKernel &kernel, std::vector<Thread> &threads);
  LaunchOutcome conclude(std::vector<Thread> &threads);
  void print(const std::vector<Finding> &findings);

  DeviceMemory &memory;
  const Options &options;
  Workers workers;
  CounterTable table;
  std::unique_ptr<RaceTable> races; ///< where HIPSIM_CHECK_RACES asks for it
  Allocation *arguments = nullptr;  ///< the dispatch packet, then the segment of arguments
  uint64_t reportsLeft;
  std::map<std::string, uint64_t> launchesOf; ///< kernels by name, for HIPSIM_TRACE
  std::string report;
};

} // namespace tawny::hipsim
