#include "tools/hipsim/isa/Chip.h"

namespace tawny::hipsim {

namespace {

// LLVM, User Guide for AMDGPU Backend, "Processors": target properties of each.
constexpr Chip chips[] = {
    // name, family, packed ids, architected flat scratch, architected workgroup ids, unified
    // file, flushed denormals in matrices
    {"gfx906", Family::Gfx9, false, false, false, false, false},
    {"gfx908", Family::Gfx9, false, false, false, false, false},
    {"gfx90a", Family::Gfx9, true, false, false, true, true},
    {"gfx942", Family::Gfx9, true, true, false, true, false},
    {"gfx1100", Family::Gfx11, true, true, false, false, false},
    {"gfx1101", Family::Gfx11, true, true, false, false, false},
    {"gfx1102", Family::Gfx11, true, true, false, false, false},
    {"gfx1103", Family::Gfx11, true, true, false, false, false},
    {"gfx1150", Family::Gfx11, true, true, false, false, false},
    {"gfx1151", Family::Gfx11, true, true, false, false, false},
    {"gfx1152", Family::Gfx11, true, true, false, false, false},
    {"gfx1153", Family::Gfx11, true, true, false, false, false},
    {"gfx1200", Family::Gfx12, true, true, true, false, false},
    {"gfx1201", Family::Gfx12, true, true, true, false, false},
};

} // namespace

const Chip *findChip(std::string_view name) {
  for (const Chip &chip : chips)
    if (chip.name == name)
      return &chip;
  return nullptr;
}

} // namespace tawny::hipsim
