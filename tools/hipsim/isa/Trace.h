// Prints what a wave does, for people who look for an error in a kernel or in this simulator.
#pragma once

#include "tools/hipsim/isa/Wave.h"

#include <string>
#include <vector>

namespace tawny::hipsim {

/// Remembers the registers of one wave and prints, instruction by instruction, those that changed.
class WaveTrace {
public:
  /// Starts with the registers as they are.
  explicit WaveTrace(Wave &wave);

  /// Prints the instruction that has just run, and every register that is not what it was: scalars
  /// by value, vectors with the value of each lane.
  void executed(Wave &wave, const std::string &text);

private:
  std::vector<uint32_t> vectors;
  std::vector<uint32_t> scalars;
};

} // namespace tawny::hipsim
