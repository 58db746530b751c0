// What every function of the library does first and last.
#pragma once

#include "tools/hipsim/api/Simulator.h"

namespace tawny::hipsim {

/// What a function needs of the device before it does anything.
enum class Needs : uint8_t {
  Nothing,
  Device,  ///< there is one
  Healthy, ///< and no kernel has failed on it
};

/// The error of the last call of this thread that failed, for hipGetLastError.
hipError_t &lastError();

/// Runs `body(simulator)` as the function called `name`: one at a time, after the failures that
/// HIPSIM_FAIL plans and the state that the function needs.
template <typename Body> hipError_t call(const char *name, Needs needs, Body body) {
  std::lock_guard lock(apiMutex());
  Simulator &simulator = Simulator::get();
  hipError_t error = simulator.plannedFailure(name);
  if (error == hipSuccess && needs != Needs::Nothing && !simulator.card)
    error = hipErrorNoDevice;
  if (error == hipSuccess && needs == Needs::Healthy)
    error = simulator.lost;
  if (error == hipSuccess)
    error = body(simulator);
  if (error != hipSuccess && error != hipErrorNotReady)
    lastError() = error;
  return error;
}

/// Says on stderr why a call was refused, since HIP has only numbers for it.
[[gnu::format(printf, 1, 2)]] void explain(const char *format, ...);

} // namespace tawny::hipsim
