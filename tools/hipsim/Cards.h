// The chips that the simulator can stand for, each as HIP describes a card that has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tawny::hipsim {

/// One chip and the card it is best known from. Clocks and memory are what programs may ask for;
/// nothing is timed by them.
struct Card {
  const char *name;         ///< also LLVM's processor
  const char *product;      ///< what hipDeviceGetName says
  uint32_t machine;         ///< EF_AMDGPU_MACH_* in e_flags of its code objects
  unsigned waveSize;        ///< that HIP reports
  unsigned multiprocessors; ///< that HIP reports: of RDNA, pairs of compute units
  unsigned clockMHz;
  unsigned memoryGiB;
  unsigned memoryClockMHz;
  unsigned busBits;
  unsigned l2KiB;
  bool integrated;
  /// Which settings code objects may require: supported features, and what they are set to.
  bool hasXnack, hasSramecc, xnackOn, srameccOn;
};

/// The chip called `name`, or null.
const Card *findCard(std::string_view name);

/// The chip with this EF_AMDGPU_MACH, or null.
const Card *findCard(uint32_t machine);

/// gcnArchName of a chip: its name and the settings of what it supports, as in
/// "gfx90a:sramecc+:xnack-".
std::string archName(const Card &card);

} // namespace tawny::hipsim
