// What the machine can do, measured with the artifact's probe kernels.
#include "runtime/executor/Probes.h"
#include "tools/tawny/BenchRunner.h"

#include <algorithm>
#include <chrono>

namespace tawny::tool {

/// Long enough that waking the threads does not count on any machine; a GPU reads an order of
/// magnitude faster, and a launch takes it microseconds.
constexpr uint64_t leastPassBytes = uint64_t(256) << 20, leastGpuPassBytes = uint64_t(4) << 30;
constexpr size_t mostLaunches = 4096;

constexpr uint64_t sinkBytes = 64;

ErrorOr<ReadProbe> ReadProbe::create(Model &model) {
  const fb::Probes *probes = model.target().probes();
  ReadProbe probe(model);
  if (!probes || model.device().isSimulated())
    return probe;
  ErrorOr<Buffer> sink = model.device().allocate(sinkBytes);
  if (!sink)
    return sink.takeError();
  probe.sink = std::move(*sink);
  for (const Buffer &segment : model.weightSegments())
    probe.addresses.insert(probe.addresses.end(), {segment.address(), probe.sink.address()});
  std::vector<Launch> once;
  uint64_t onceBytes = 0;
  for (size_t i = 0; i < model.weightSegments().size(); ++i) {
    const fb::Kernel &kernel = *model.target().kernels()->Get(probes->read_kernel());
    Launch launch;
    launch.kernel = model.kernels()[probes->read_kernel()];
    launch.kernelName = kernel.name()->c_str();
    launch.label = "probe";
    launch.bindings = &probe.addresses[2 * i];
    launch.bindingCount = 2;
    launch.tileThreads = kernel.threads();
    launch.sharedBytes = static_cast<uint32_t>(kernel.shared_bytes());
    launch.tiles = model.weightSegments()[i].bytes() / probes->read_tile_bytes();
    onceBytes += launch.tiles * probes->read_tile_bytes();
    once.push_back(launch);
  }
  if (onceBytes == 0)
    return makeError("the weights are too small to measure bandwidth with");
  uint64_t least = model.device().threads() ? leastPassBytes : leastGpuPassBytes;
  while (probe.bytes < least && probe.launches.size() < mostLaunches) {
    probe.launches.insert(probe.launches.end(), once.begin(), once.end());
    probe.bytes += onceBytes;
  }
  return probe;
}

ErrorOr<double> ReadProbe::pass() {
  if (launches.empty())
    return 0.0;
  auto start = std::chrono::steady_clock::now();
  if (ErrorOr<void> submitted = model->device().submit(launches); !submitted)
    return submitted.takeError();
  if (ErrorOr<void> finished = model->device().wait(); !finished)
    return finished.takeError();
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  // A clock that did not move must not divide by zero.
  return static_cast<double>(bytes) / std::max(elapsed.count(), 1e-9);
}

double BenchRunner::medianOf(std::vector<double> values) {
  if (values.empty())
    return 0;
  auto middle = values.begin() + ptrdiff_t(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

ErrorOr<void> BenchRunner::measureMachine() {
  if (!probe.isThere())
    return {};
  ErrorOr<double> operations = measurePeakOperations(*model);
  if (!operations)
    return operations.takeError();
  peaks.push_back(*operations);
  // The first pass finds the caches full of something else.
  ErrorOr<double> pass = probe.pass();
  return pass ? ErrorOr<void>() : pass.takeError();
}

} // namespace tawny::tool
