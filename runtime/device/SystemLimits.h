// What the operating system leaves to this process: cores and memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tawny {

/// Reads Linux's files below the given folders; tests point them elsewhere.
class SystemLimits {
public:
  explicit SystemLimits(std::string procFolder = "/proc", std::string sysFolder = "/sys")
      : proc(std::move(procFolder)), sys(std::move(sysFolder)) {}

  /// Physical cores among these CPUs: hyperthreads of one core count once. A CPU whose topology is
  /// not told counts as a core.
  unsigned physicalCores(const std::vector<unsigned> &cpus) const;
  /// CPUs' worth of time that the control groups of this process (version 2 or 1) allow; nothing
  /// where they do not limit it.
  std::optional<double> cpuQuota() const;
  /// Physical cores in the affinity mask, no more than the quota, at least 1.
  unsigned usableCores() const;

  std::optional<uint64_t> totalMemory() const;
  /// The least of what the system calls available and what the control groups leave.
  std::optional<uint64_t> availableMemory() const;

private:
  std::vector<std::string> controlGroups(const std::string &controller) const;
  std::optional<uint64_t> memoryLine(const std::string &key) const;

  std::string proc;
  std::string sys;
};

} // namespace tawny
