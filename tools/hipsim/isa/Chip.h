// What differs between the families of chips, as plain facts.
#pragma once

#include <cstdint>
#include <string_view>

namespace tawny::hipsim {

enum class Family : uint8_t { Gfx9, Gfx11, Gfx12 };

/// One processor of LLVM's AMDGPU target.
struct Chip {
  std::string_view name;
  Family family;
  /// The work-item id is one packed VGPR (gfx90a and on; LLVM, User Guide for AMDGPU Backend,
  /// "VGPR Register Set Up Order").
  bool packedWorkItemIds;
  /// Flat scratch is set up by the hardware and scratch_* instructions are how it is reached.
  bool architectedFlatScratch;
  /// Workgroup ids arrive in ttmp7 and ttmp9 (gfx12).
  bool architectedWorkgroupIds;
  /// VGPRs and AGPRs are one file, split by the descriptor (gfx90a, gfx942).
  bool unifiedRegisters;
  /// Matrix instructions and v_dot2 flush denormals of 16-bit floats and of results (MI200;
  /// PyTorch, "Numerical accuracy", section "Reduced Precision FP16 and BF16 GEMMs ... in AMD
  /// GPUs").
  bool flushesMatrixDenormals;
};

/// The row of a chip; null if its family is not executed.
const Chip *findChip(std::string_view name);

} // namespace tawny::hipsim
