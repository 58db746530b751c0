// The simulator's settings: environment variables, read when the library is first used.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tawny::hipsim {

/// What follows a violation of a check; HIPSIM_ON_VIOLATION.
enum class OnViolation : uint8_t {
  Error,  ///< describe it; the launch fails as an illegal access does on hardware
  Report, ///< describe it and go on
  Abort,  ///< describe it and abort the process
};

/// HIPSIM_FAIL: the `call`-th call of `function`, counted from 1, and only that, returns `error`.
struct PlannedFailure {
  std::string function;
  uint64_t call;
  int error;
};

/// HIPSIM_TRACE: which wave's instructions are printed.
struct TraceRequest {
  bool enabled = false;
  std::string kernel; ///< empty: any
  uint64_t workgroup = 0;
  uint32_t wave = 0;
  uint64_t launch = 0; ///< counted per kernel, from 0
};

/// All of them, with their defaults. docs/hipsim.md describes each.
struct Options {
  std::string arch = "gfx1151";
  unsigned devices = 1;
  uint64_t memoryBytes = 0; ///< 0: what the chip's cards have
  unsigned threads = 0;     ///< 0: one per processor
  OnViolation onViolation = OnViolation::Error;
  uint64_t reportLimit = 10;
  /// Instructions of one wave, after which its kernel counts as never ending.
  uint64_t instructionLimit = uint64_t{1} << 28;
  uint64_t lostAfterLaunches = 0; ///< 0: never
  bool countTraffic = true;
  bool checkUninitialised = true;
  bool checkRaces = false;     ///< between workgroups; those in LDS are always looked for
  bool fillsInitialise = true; ///< whether kernels may read what only hipMemset has written
  std::string countersFile;
  std::vector<PlannedFailure> failures;
  TraceRequest trace;
};

/// Reads the environment. A value that is not understood is described on stderr and left alone.
Options readOptions();

/// Bytes from a number with an optional suffix K, M, G or T; false if it is none.
bool parseBytes(const char *text, uint64_t &bytes);

} // namespace tawny::hipsim
