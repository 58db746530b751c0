// Launches of a GPU: plain, recorded and timed.
#include "runtime/device/gpu/GpuDevice.h"

#include "runtime/artifact/Format.h"

#include <array>
#include <cinttypes>

namespace tawny::gpu {

/// Both drivers count blocks of a grid with 31 bits.
constexpr uint64_t maxGrid = (uint64_t(1) << 31) - 1;

ErrorOr<void> GpuDevice::validate(const Launch &launch) const {
  const DeviceFacts &facts = platform->facts();
  if (launch.tiles <= maxGrid && launch.tileThreads > 0 &&
      launch.tileThreads <= facts.maxBlockThreads &&
      launch.tiles * launch.tileThreads <= facts.maxLaunchThreads &&
      launch.bindingCount <= format::maxBindings)
    return {};
  return makeError(
      "%s: cannot launch %s: expected a grid below 2^31, blocks of 1 to %u threads and "
      "at most %" PRIu64 " threads in all; compile the model for smaller steps, or for "
      "this device",
      std::string(kind()).c_str(), describeLaunch(launch).c_str(), facts.maxBlockThreads,
      facts.maxLaunchThreads);
}

Status GpuDevice::issue(const Launch &launch) {
  if (launch.tiles == 0)
    return success;
  // The driver wants the address of each argument; arguments are the addresses of the bindings.
  std::array<void *, format::maxBindings> parameters;
  for (uint32_t i = 0; i < launch.bindingCount; ++i)
    parameters[i] = static_cast<void *>(const_cast<void **>(&launch.bindings[i]));
  return api().launch(launch.kernel, static_cast<unsigned>(launch.tiles), 1, 1, launch.tileThreads,
                      1, 1, platform->dynamicSharedBytes(launch.sharedBytes), stream,
                      parameters.data(), nullptr);
}

void GpuDevice::notePending(const Launch &launch) {
  if (pending++ == 0)
    firstPending = launch;
  lastPending = launch;
}

ErrorOr<void> GpuDevice::submit(std::span<const Launch> launches) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered;
  for (const Launch &launch : launches) {
    if (ErrorOr<void> valid = validate(launch); !valid)
      return valid;
    if (Status status = issue(launch); status != success)
      return lose("launch " + describeLaunch(launch), status);
    notePending(launch);
  }
  return {};
}

ErrorOr<Recording> GpuDevice::record(std::span<const Launch> launches) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered.takeError();
  for (const Launch &launch : launches)
    if (ErrorOr<void> valid = validate(launch); !valid)
      return valid.takeError();
  Status status = api().beginCapture(stream, captureThreadLocal);
  if (status == success) {
    for (size_t i = 0; i < launches.size() && status == success; ++i)
      status = issue(launches[i]);
    // A capture that failed must be ended too, or the stream stays in it.
    void *graph = nullptr, *executable = nullptr;
    Status ended = api().endCapture(stream, &graph);
    if (status == success)
      status = ended;
    if (status == success)
      status = api().instantiateGraph(&executable, graph, 0);
    if (graph)
      api().destroyGraph(graph);
    if (status == success)
      return Recording(this, executable);
  }
  return makeError("%s: cannot make a graph of %zu launches: %s; use --launch=eager",
                   std::string(kind()).c_str(), launches.size(),
                   platform->describe(status).c_str());
}

ErrorOr<void> GpuDevice::replay(const Recording &recording, std::span<const Launch> launches) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered;
  if (Status status = api().launchGraph(recording.handle(), stream); status != success)
    return lose("launch a graph of " + std::to_string(launches.size()) + " kernels", status);
  for (const Launch &launch : launches)
    notePending(launch);
  return {};
}

void GpuDevice::releaseRecording(void *handle) {
  platform->makeCurrent();
  api().synchronizeStream(stream);
  api().destroyGraphExecutable(handle);
}

ErrorOr<void> GpuDevice::submitTimed(std::span<const Launch> launches, std::span<double> seconds) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered;
  while (events.size() <= launches.size()) {
    void *event = nullptr;
    if (Status status = api().createEvent(&event, timedEvent); status != success)
      return lose("make an event", status);
    events.push_back(event);
  }
  // An event stands in front of each launch and one behind the last.
  Status status = success;
  for (size_t i = 0; i <= launches.size(); ++i) {
    if (status = api().recordEvent(events[i], stream); status != success)
      return lose("record an event", status);
    if (i < launches.size())
      if (ErrorOr<void> issued = submit(launches.subspan(i, 1)); !issued)
        return issued;
  }
  if (ErrorOr<void> finished = wait(); !finished)
    return finished;
  for (size_t i = 0; i < launches.size(); ++i) {
    float milliseconds = 0;
    if (status = api().elapsedTime(&milliseconds, events[i], events[i + 1]); status != success)
      return lose("read an event", status);
    constexpr double perSecond = 1e3;
    seconds[i] = double(milliseconds) / perSecond;
  }
  return {};
}

} // namespace tawny::gpu
