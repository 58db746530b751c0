// The device as programs ask about it.
#pragma once

#include "tools/hipsim/api/Simulator.h"

namespace tawny::hipsim {

/// hipDeviceProp_t of HIP 5, for which the headers here are.
void fillProperties5(const Simulator &simulator, hipDeviceProp_t &properties);

/// Size of hipDeviceProp_t as ROCm 6 has it.
constexpr size_t properties6Bytes = 1472;

/// hipDeviceProp_tR0600: the structure of ROCm 6 and later, whose fields lie elsewhere. Fills
/// `properties6Bytes` at `properties`.
void fillProperties6(const Simulator &simulator, void *properties);

/// A value of hipDeviceGetAttribute; false where the simulator has none.
bool attribute(const Simulator &simulator, hipDeviceAttribute_t attribute, int &value);

/// What a simulated device answers for its place on the bus: one that no machine has.
constexpr const char *pciBusId = "ffff:ff:1f.0";

} // namespace tawny::hipsim
