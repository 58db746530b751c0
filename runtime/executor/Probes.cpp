#include "runtime/executor/Probes.h"

#include <algorithm>
#include <chrono>

namespace tawny {
namespace {

/// Passes go on for this long, and at least this often.
constexpr double leastSeconds = 0.4;
constexpr int leastPasses = 3;

/// Seconds of one pass of `launches`.
ErrorOr<double> timePass(Device &device, std::span<const Launch> launches) {
  auto start = std::chrono::steady_clock::now();
  if (ErrorOr<void> submitted = device.submit(launches); !submitted)
    return submitted.takeError();
  if (ErrorOr<void> finished = device.wait(); !finished)
    return finished.takeError();
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  // A clock that did not move must not divide by zero.
  return std::max(elapsed.count(), 1e-9);
}

/// The shortest of several passes of `launches`, in seconds.
ErrorOr<double> bestPass(Device &device, std::span<const Launch> launches) {
  double best = 0, total = 0;
  for (int pass = 0; pass < leastPasses || total < leastSeconds; ++pass) {
    ErrorOr<double> seconds = timePass(device, launches);
    if (!seconds)
      return seconds;
    best = pass == 0 ? *seconds : std::min(best, *seconds);
    total += *seconds;
  }
  return best;
}

ErrorOr<const fb::Probes *> probesOf(const Model &model) {
  if (const fb::Probes *probes = model.target().probes())
    return probes;
  return makeError("target '%s' of the artifact has no kernels that measure the machine: compile "
                   "it again",
                   model.target().name()->c_str());
}

Launch launchOf(const Model &model, uint32_t kernel, std::span<void *const> bindings) {
  Launch launch;
  const fb::Kernel &encoded = *model.target().kernels()->Get(kernel);
  launch.kernel = model.kernels()[kernel];
  launch.kernelName = encoded.name()->c_str();
  launch.label = "probe";
  launch.bindings = bindings.data();
  launch.bindingCount = static_cast<uint32_t>(bindings.size());
  launch.tileThreads = encoded.threads();
  launch.sharedBytes = static_cast<uint32_t>(encoded.shared_bytes());
  return launch;
}

constexpr uint64_t sinkBytes = 64;

} // namespace

ErrorOr<double> measureReadBandwidth(Model &model) {
  ErrorOr<const fb::Probes *> probes = probesOf(model);
  if (!probes)
    return probes.takeError();
  ErrorOr<Buffer> sink = model.device().allocate(sinkBytes);
  if (!sink)
    return sink.takeError();
  std::vector<void *> addresses;
  for (const Buffer &segment : model.weightSegments())
    addresses.insert(addresses.end(), {segment.address(), sink->address()});
  std::vector<Launch> launches;
  uint64_t bytes = 0;
  for (size_t i = 0; i < model.weightSegments().size(); ++i) {
    Launch launch = launchOf(model, (*probes)->read_kernel(), {&addresses[2 * i], 2});
    launch.tiles = model.weightSegments()[i].bytes() / (*probes)->read_tile_bytes();
    bytes += launch.tiles * (*probes)->read_tile_bytes();
    launches.push_back(launch);
  }
  if (bytes == 0)
    return makeError("the weights are too small to measure bandwidth with");
  ErrorOr<double> seconds = bestPass(model.device(), launches);
  if (!seconds)
    return seconds.takeError();
  return static_cast<double>(bytes) / *seconds;
}

ErrorOr<double> measurePeakOperations(Model &model) {
  ErrorOr<const fb::Probes *> probes = probesOf(model);
  if (!probes)
    return probes.takeError();
  ErrorOr<Buffer> sink = model.device().allocate(sinkBytes);
  if (!sink)
    return sink.takeError();
  void *addresses[] = {sink->address()};
  Launch launch = launchOf(model, (*probes)->peak_kernel(), addresses);
  // A pass must be long beside the start of its threads: some 10^10 operations, and enough tiles
  // that the last ones to finish do not count.
  constexpr uint64_t passOperations = 10'000'000'000, tilesPerThread = 16;
  uint64_t least = std::max(model.device().threads(), 1u) * tilesPerThread;
  launch.tiles = std::max(passOperations / (*probes)->peak_tile_operations(), least);
  // A GPU does that many in microseconds, so its passes grow until a launch does not count.
  constexpr double leastPassSeconds = 0.02;
  constexpr uint64_t mostTiles = 1 << 24;
  while (model.device().threads() == 0 && 2 * launch.tiles <= mostTiles) {
    ErrorOr<double> once = timePass(model.device(), {&launch, 1});
    if (!once)
      return once;
    if (*once >= leastPassSeconds)
      break;
    launch.tiles *= 2;
  }
  ErrorOr<double> seconds = bestPass(model.device(), {&launch, 1});
  if (!seconds)
    return seconds.takeError();
  auto operations =
      static_cast<double>(launch.tiles) * static_cast<double>((*probes)->peak_tile_operations());
  return operations / *seconds;
}

} // namespace tawny
