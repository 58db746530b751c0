#include "tools/hipsim/Cards.h"

#include "llvm/BinaryFormat/ELF.h"

namespace tawny::hipsim {
namespace {

using namespace llvm::ELF;

// Sources: AMD's product pages of the cards; machine numbers and supported settings: LLVM, User
// Guide for AMDGPU Backend, "Processors". Memory of an APU is what a 128 GiB machine can give it.
constexpr Card cards[] = {
    {"gfx906", "AMD Instinct MI50", EF_AMDGPU_MACH_AMDGCN_GFX906, 64, 60, 1725, 32, 1000, 4096,
     4096, false, true, true, false, true},
    {"gfx908", "AMD Instinct MI100", EF_AMDGPU_MACH_AMDGCN_GFX908, 64, 120, 1502, 32, 1200, 4096,
     8192, false, true, true, false, true},
    {"gfx90a", "AMD Instinct MI210", EF_AMDGPU_MACH_AMDGCN_GFX90A, 64, 104, 1700, 64, 1600, 4096,
     8192, false, true, true, false, true},
    {"gfx942", "AMD Instinct MI300X", EF_AMDGPU_MACH_AMDGCN_GFX942, 64, 304, 2100, 192, 2600, 8192,
     4096, false, true, true, false, true},
    {"gfx1100", "AMD Radeon RX 7900 XTX", EF_AMDGPU_MACH_AMDGCN_GFX1100, 32, 48, 2500, 24, 1250,
     384, 6144, false, false, false, false, false},
    {"gfx1101", "AMD Radeon RX 7800 XT", EF_AMDGPU_MACH_AMDGCN_GFX1101, 32, 30, 2430, 16, 1219, 256,
     4096, false, false, false, false, false},
    {"gfx1102", "AMD Radeon RX 7600", EF_AMDGPU_MACH_AMDGCN_GFX1102, 32, 16, 2655, 8, 1125, 128,
     2048, false, false, false, false, false},
    {"gfx1103", "AMD Radeon 780M", EF_AMDGPU_MACH_AMDGCN_GFX1103, 32, 6, 2700, 32, 2800, 128, 2048,
     true, false, false, false, false},
    {"gfx1150", "AMD Radeon 890M", EF_AMDGPU_MACH_AMDGCN_GFX1150, 32, 8, 2900, 64, 3750, 128, 2048,
     true, false, false, false, false},
    {"gfx1151", "AMD Radeon 8060S", EF_AMDGPU_MACH_AMDGCN_GFX1151, 32, 20, 2900, 96, 4000, 256,
     2048, true, false, false, false, false},
    {"gfx1152", "AMD Radeon 860M", EF_AMDGPU_MACH_AMDGCN_GFX1152, 32, 4, 3000, 64, 3750, 128, 1024,
     true, false, false, false, false},
    {"gfx1153", "AMD Radeon 820M", EF_AMDGPU_MACH_AMDGCN_GFX1153, 32, 1, 2800, 32, 3750, 128, 1024,
     true, false, false, false, false},
    {"gfx1200", "AMD Radeon RX 9060 XT", EF_AMDGPU_MACH_AMDGCN_GFX1200, 32, 16, 3130, 16, 2518, 128,
     4096, false, false, false, false, false},
    {"gfx1201", "AMD Radeon RX 9070 XT", EF_AMDGPU_MACH_AMDGCN_GFX1201, 32, 32, 2970, 16, 2518, 256,
     8192, false, false, false, false, false},
};

} // namespace

const Card *findCard(std::string_view name) {
  for (const Card &card : cards)
    if (name == card.name)
      return &card;
  return nullptr;
}

const Card *findCard(uint32_t machine) {
  for (const Card &card : cards)
    if (machine == card.machine)
      return &card;
  return nullptr;
}

std::string archName(const Card &card) {
  std::string name = card.name;
  if (card.hasSramecc)
    name += card.srameccOn ? ":sramecc+" : ":sramecc-";
  if (card.hasXnack)
    name += card.xnackOn ? ":xnack+" : ":xnack-";
  return name;
}

} // namespace tawny::hipsim
