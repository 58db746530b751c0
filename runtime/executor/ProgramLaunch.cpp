// How a program's launches get to the device: one by one, or recorded.
#include "runtime/executor/Program.h"

#include <algorithm>
#include <chrono>

namespace tawny {

ErrorOr<LaunchMode> launchModeOf(std::string_view name) {
  if (name == "auto")
    return LaunchMode::Auto;
  if (name == "eager")
    return LaunchMode::Eager;
  if (name == "graph")
    return LaunchMode::Graph;
  return makeError("launch: expected auto, eager or graph, found '%.*s'",
                   static_cast<int>(name.size()), name.data());
}

ErrorOr<void> Program::run(Device &device, const Extents &extents, LaunchMode mode) {
  setTiles(extents);
  if (mode == LaunchMode::Eager || !device.canRecord() ||
      program->kind() != fb::ProgramKind::Decode)
    return device.submit(launches);
  if (mode == LaunchMode::Graph)
    return runOnce(device, extents, mode);
  if (!chosen) {
    ErrorOr<LaunchMode> measured = measureModes(device, extents);
    if (!measured)
      return measured.takeError();
    chosen = *measured;
  }
  // A recording that cannot be made, for want of memory say, is no reason not to run.
  if (*chosen == LaunchMode::Graph && !recordingFor(device, extents))
    return device.submit(launches);
  return runOnce(device, extents, *chosen);
}

ErrorOr<void> Program::runOnce(Device &device, const Extents &extents, LaunchMode mode) {
  if (mode == LaunchMode::Eager)
    return device.submit(launches);
  ErrorOr<const Recording *> recording = recordingFor(device, extents);
  if (!recording)
    return recording.takeError();
  return device.replay(**recording, launches);
}

/// Runs the step several times each way. A step may be repeated as long as its table stays: it
/// writes the same keys and values to the same slots, and everything else anew. A driver that
/// cannot record is one to be eager with, and so is a simulator, where only counts matter.
ErrorOr<LaunchMode> Program::measureModes(Device &device, const Extents &extents) {
  if (device.isSimulated() || !recordingFor(device, extents))
    return LaunchMode::Eager;
  constexpr int repetitions = 4;
  double best[2] = {};
  constexpr LaunchMode modes[] = {LaunchMode::Eager, LaunchMode::Graph};
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (int i = 0; i < 2; ++i) {
      if (ErrorOr<void> ready = device.wait(); !ready)
        return ready.takeError();
      auto start = std::chrono::steady_clock::now();
      if (ErrorOr<void> ran = runOnce(device, extents, modes[i]); !ran)
        return ran.takeError();
      if (ErrorOr<void> finished = device.wait(); !finished)
        return finished.takeError();
      double seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      best[i] = repetition == 0 ? seconds : std::min(best[i], seconds);
    }
  return best[1] < best[0] ? LaunchMode::Graph : LaunchMode::Eager;
}

ErrorOr<const Recording *> Program::recordingFor(Device &device, const Extents &extents) {
  ++uses;
  auto found = std::ranges::find_if(recordings, [&](const Recorded &recorded) {
    return recorded.recording && recorded.extents == extents;
  });
  if (found == recordings.end()) {
    found = std::ranges::min_element(recordings, {}, &Recorded::lastUse);
    ErrorOr<Recording> made = device.record(launches);
    if (!made)
      return made.takeError();
    found->recording = std::move(*made);
    found->extents = extents;
  }
  found->lastUse = uses;
  return &found->recording;
}

} // namespace tawny
