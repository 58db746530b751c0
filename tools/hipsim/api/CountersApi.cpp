// The functions of HipsimCounters.h.
#include "tools/hipsim/HipsimCounters.h"

#include "tools/hipsim/api/Simulator.h"

using namespace tawny::hipsim;

#define HIPSIM_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

/// `read(table)` if the caller speaks this version and anything has run; 0 otherwise. What is
/// pending runs first.
template <typename Read> size_t withCounters(uint32_t version, Read read) {
  std::lock_guard lock(apiMutex());
  Simulator &simulator = Simulator::get();
  if (version != HIPSIM_COUNTERS_VERSION || !simulator.launcher)
    return 0;
  (void)simulator.finishAll(); // counts of a failed launch are counts, too
  return read(simulator.launcher->counters());
}

} // namespace

HIPSIM_EXPORT size_t hipsimGetKernelCounters(uint32_t version, HipsimKernelCounters *out,
                                             size_t capacity) {
  return withCounters(version, [&](const CounterTable &counters) {
    return counters.kernelCounters(out, capacity);
  });
}

HIPSIM_EXPORT size_t hipsimGetStreamCounters(uint32_t version, HipsimStreamCounters *out,
                                             size_t capacity) {
  return withCounters(version, [&](const CounterTable &counters) {
    return counters.streamCounters(out, capacity);
  });
}

HIPSIM_EXPORT const char *hipsimClassName(uint32_t version, uint32_t index) {
  if (version != HIPSIM_COUNTERS_VERSION || index >= numInstructionClasses)
    return nullptr;
  // Names are literals, which end with a zero.
  return className(static_cast<InstructionClass>(index)).data();
}

HIPSIM_EXPORT size_t hipsimResetCounters(uint32_t version) {
  return withCounters(version, [](CounterTable &counters) {
    counters.reset();
    return size_t{1};
  });
}

/// Forgets every allocation, module and failure and reads the environment again: for tests.
HIPSIM_EXPORT void hipsimRestart() {
  std::lock_guard lock(apiMutex());
  Simulator::restart();
}
