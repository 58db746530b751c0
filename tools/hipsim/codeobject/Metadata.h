// What a code object's metadata says of its kernels. Source: LLVM, User Guide for AMDGPU Backend,
// "Code Object Metadata".
#pragma once

#include "runtime/support/Error.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tawny::hipsim {

/// One argument; `kind` is .value_kind, such as global_buffer or hidden_block_count_x.
struct KernelArgument {
  std::string kind;
  uint32_t offset = 0, bytes = 0;

  bool hidden() const { return kind.starts_with("hidden_"); }
};

/// One entry of amdhsa.kernels.
struct KernelMetadata {
  std::string name;
  std::string symbol; ///< of the descriptor: NAME.kd
  std::vector<KernelArgument> arguments;
  uint32_t argumentBytes = 0, ldsBytes = 0, scratchBytes = 0;
  uint32_t vectorRegisters = 0, scalarRegisters = 0, waveSize = 0;
  uint32_t largestWorkgroup = 0;
  std::array<uint32_t, 3> requiredWorkgroup{}; ///< zeros: any
};

/// Decodes the note. An error if it is no metadata or an argument lies outside the segment.
ErrorOr<std::vector<KernelMetadata>> readMetadata(const std::string &note);

} // namespace tawny::hipsim
