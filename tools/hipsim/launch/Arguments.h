// What a kernel finds in its segment of arguments besides what the caller passed. Source: LLVM,
// User Guide for AMDGPU Backend, "Code Object V5 Metadata", and the HSA Platform System
// Architecture Specification, "Kernel dispatch packet".
#pragma once

#include "tools/hipsim/launch/Launcher.h"

#include <array>

namespace tawny::hipsim {

/// Where the segment of arguments begins, behind the dispatch packet.
constexpr uint64_t argumentsOffset = 256;
/// HIP's own limit is lower.
constexpr uint64_t largestArguments = 65536 - argumentsOffset;

/// Writes the hidden arguments that describe the grid, LDS and the apertures; others, such as the
/// printf buffer, are zero.
void fillHiddenArguments(LaunchRequest &request);

/// The AQL packet of a launch whose arguments are at a device address.
std::array<std::byte, 64> dispatchPacket(const LaunchRequest &request, uint64_t arguments);

} // namespace tawny::hipsim
