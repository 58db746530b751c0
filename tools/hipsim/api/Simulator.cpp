#include "tools/hipsim/api/Simulator.h"

#include <cstdio>
#include <cstring>

namespace tawny::hipsim {
namespace {

/// Never destroyed on its own: a program's static objects may call us until the very end.
std::unique_ptr<Simulator> &instance() {
  static auto *simulator = new std::unique_ptr<Simulator>;
  return *simulator;
}

/// More than any step has; a program that never waits must not fill the memory.
constexpr size_t mostPending = 1 << 16;

void writeCounters() {
  std::lock_guard lock(apiMutex());
  Simulator *simulator = instance().get();
  if (!simulator || !simulator->launcher || simulator->options.countersFile.empty())
    return;
  const std::string &path = simulator->options.countersFile;
  if (!simulator->launcher->counters().writeJson(path))
    std::fprintf(stderr, "hipsim: cannot write HIPSIM_COUNTERS=%s\n", path.c_str());
}

} // namespace

std::mutex &apiMutex() {
  static auto *mutex = new std::mutex;
  return *mutex;
}

Simulator &Simulator::get() {
  std::unique_ptr<Simulator> &simulator = instance();
  if (!simulator) {
    simulator = std::make_unique<Simulator>(readOptions());
    static bool registered = std::atexit(writeCounters) == 0;
    (void)registered;
  }
  return *simulator;
}

void Simulator::restart() { instance().reset(); }

Simulator::Simulator(const Options &chosen) : options(chosen) {
  if (!options.devices)
    return;
  card = findCard(options.arch);
  if (!card) {
    std::fprintf(stderr,
                 "hipsim: HIPSIM_ARCH=%s is no chip that is simulated; there is no device\n",
                 options.arch.c_str());
    return;
  }
  uint64_t limit = options.memoryBytes ? options.memoryBytes : uint64_t{card->memoryGiB} << 30;
  memory = DeviceMemory::create(limit);
  if (!memory) {
    std::fprintf(stderr, "hipsim: the operating system grants no address space; there is no "
                         "device\n");
    card = nullptr;
    return;
  }
  launcher = std::make_unique<Launcher>(*memory, options);
}

Simulator::~Simulator() {
  // Pending operations and functions refer to code, and code to memory.
  nullStream.pending.clear();
  streams.clear();
  graphs.clear();
  executables.clear();
  functions.clear();
  modules.clear();
}

Stream *Simulator::stream(hipStream_t handle) {
  if (!handle || handle == hipStreamPerThread)
    return &nullStream;
  return streams.find(handle).get();
}

hipError_t Simulator::enqueue(Stream &stream, Operation operation) {
  if (stream.capture) {
    stream.capture->operations.push_back(std::move(operation));
    return hipSuccess;
  }
  // The null stream and streams that are not made non-blocking wait for each other.
  if (&stream == &nullStream) {
    if (hipError_t error = finishBlocking(); error != hipSuccess)
      return error;
  } else if (!stream.nonBlocking) {
    if (hipError_t error = finish(nullStream); error != hipSuccess)
      return error;
  }
  stream.pending.push_back(std::move(operation));
  return stream.pending.size() >= mostPending ? finish(stream) : hipSuccess;
}

hipError_t Simulator::finish(Stream &stream) {
  while (!stream.pending.empty()) {
    Operation operation = std::move(stream.pending.front());
    stream.pending.pop_front();
    if (lost == hipSuccess)
      lost = run(operation);
  }
  return lost;
}

hipError_t Simulator::finishBlocking() {
  hipError_t error = finish(nullStream);
  for (const auto &[handle, stream] : streams)
    if (!stream->nonBlocking)
      error = finish(*stream);
  return error;
}

hipError_t Simulator::finishAll() {
  hipError_t error = finish(nullStream);
  for (const auto &[handle, stream] : streams)
    error = finish(*stream);
  return error;
}

bool Simulator::invalidateCaptures() {
  bool any = false;
  for (const auto &[handle, stream] : streams)
    if (stream->capture)
      any = stream->captureInvalid = true;
  return any;
}

hipError_t Simulator::plannedFailure(const char *function) {
  uint64_t call = 0;
  for (const PlannedFailure &failure : options.failures) {
    if (failure.function != function)
      continue;
    if (!call)
      call = ++calls[function];
    if (failure.call == call)
      return static_cast<hipError_t>(failure.error);
  }
  return hipSuccess;
}

hipError_t Simulator::run(Operation &operation) {
  if (auto *kernel = std::get_if<KernelOperation>(&operation))
    return runKernel(*kernel);
  if (auto *copy = std::get_if<CopyOperation>(&operation)) {
    runCopy(*copy);
  } else if (auto *fill = std::get_if<FillOperation>(&operation)) {
    runFill(*fill);
  } else if (auto *record = std::get_if<RecordOperation>(&operation)) {
    record->event->reached = record->number;
    record->event->time = std::chrono::steady_clock::now();
  } else if (auto *wait = std::get_if<WaitOperation>(&operation)) {
    if (wait->event->reached < wait->number && wait->event->stream)
      return finish(*wait->event->stream);
  }
  return hipSuccess;
}

hipError_t Simulator::runKernel(KernelOperation &operation) {
  if (options.lostAfterLaunches && ++launches > options.lostAfterLaunches) {
    std::fprintf(stderr, "hipsim: the device is lost after %llu launches (HIPSIM_LOST_AFTER)\n",
                 static_cast<unsigned long long>(options.lostAfterLaunches));
    return hipErrorNoDevice;
  }
  switch (launcher->run(operation.request)) {
  case LaunchOutcome::Success:
    return hipSuccess;
  case LaunchOutcome::Violation:
    return hipErrorIllegalAddress;
  case LaunchOutcome::Failure:
    return hipErrorLaunchFailure;
  }
  return hipErrorUnknown;
}

void Simulator::runCopy(const CopyOperation &operation) {
  const AddressSpace &space = memory->addresses();
  auto host = [](uint64_t address) { return reinterpret_cast<void *>(address); };
  bool toDevice = space.reserved(operation.to), fromDevice = space.reserved(operation.from);
  if (toDevice && fromDevice)
    memory->copy(operation.to, operation.from, operation.bytes);
  else if (toDevice)
    memory->write(operation.to, host(operation.from), operation.bytes);
  else if (fromDevice)
    memory->read(host(operation.to), operation.from, operation.bytes);
  else
    std::memmove(host(operation.to), host(operation.from), operation.bytes);
}

void Simulator::runFill(const FillOperation &operation) {
  auto byte = static_cast<uint8_t>(operation.value);
  uint64_t bytes = operation.count * operation.unit;
  if (operation.unit == 1 || operation.value == 0) {
    memory->fill(operation.to, byte, bytes, options.fillsInitialise);
    return;
  }
  std::vector<std::byte> pattern(std::min<uint64_t>(bytes, 65536));
  for (size_t i = 0; i < pattern.size(); i += operation.unit)
    std::memcpy(pattern.data() + i, &operation.value, operation.unit);
  for (uint64_t done = 0; done < bytes; done += pattern.size())
    memory->write(operation.to + done, pattern.data(),
                  std::min<uint64_t>(pattern.size(), bytes - done));
}

} // namespace tawny::hipsim
