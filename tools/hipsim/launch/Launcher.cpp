#include "tools/hipsim/launch/Launcher.h"

#include "tools/hipsim/launch/Arguments.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <tuple>

namespace tawny::hipsim {
namespace {

/// Lowers `value` to `other` if that is less.
void lower(std::atomic<uint64_t> &value, uint64_t other) {
  uint64_t seen = value.load();
  while (other < seen && !value.compare_exchange_weak(seen, other))
    ;
}

/// The workgroup that is started as number `index`.
Dim3 workgroupAt(const Dim3 &grid, uint64_t index) {
  return {static_cast<uint32_t>(index % grid.x), static_cast<uint32_t>(index / grid.x % grid.y),
          static_cast<uint32_t>(index / grid.x / grid.y)};
}

} // namespace

/// What a thread has of its own during a launch.
struct Launcher::Thread {
  Thread(DeviceMemory &memory, const CodeImage &code, const PortOptions &options)
      : port(memory, code, options) {}

  LaunchPort port;
  Counters counters;
  std::vector<Finding> failures; ///< of the runner: at most one
};

Launcher::Launcher(DeviceMemory &memory, const Options &options)
    : memory(memory), options(options), workers(options.threads),
      arguments(
          memory.allocateInternal(argumentsOffset + largestArguments, AllocationKind::Arguments)),
      reportsLeft(options.reportLimit) {
  if (!options.checkRaces)
    return;
  races = RaceTable::create(memory.addresses());
  if (!races)
    std::fputs("hipsim: no addresses are left for HIPSIM_CHECK_RACES\n", stderr);
}

Launcher::~Launcher() {
  if (arguments)
    memory.release(arguments->base, AllocationKind::Arguments);
}

void Launcher::placeArguments(LaunchRequest &request) {
  fillHiddenArguments(request);
  std::array<std::byte, 64> packet = dispatchPacket(request, arguments->base + argumentsOffset);
  memory.shadow().end(*arguments);
  memory.write(arguments->base, packet.data(), packet.size());
  memory.write(arguments->base + argumentsOffset, request.arguments.data(),
               request.arguments.size());
}

/// What HIPSIM_TRACE asks for of this launch.
std::optional<TracedWave> Launcher::tracedWave(const LaunchRequest &request) {
  const TraceRequest &wanted = options.trace;
  const std::string &name = request.kernel->metadata.name;
  if (!wanted.enabled || (!wanted.kernel.empty() && wanted.kernel != name) ||
      launchesOf[name]++ != wanted.launch)
    return std::nullopt;
  return TracedWave{workgroupAt(request.grid, wanted.workgroup), wanted.wave};
}

LaunchOutcome Launcher::run(LaunchRequest &request) {
  const LoadedKernel &kernel = *request.kernel;
  placeArguments(request);
  KernelLaunch launch;
  launch.code = &kernel.code->image();
  launch.kernel = kernel.descriptor;
  launch.name = kernel.metadata.name;
  launch.grid = request.grid;
  launch.block = request.block;
  launch.kernargAddress = arguments->base + argumentsOffset;
  launch.dispatchAddress = arguments->base;
  launch.dynamicLdsBytes = request.dynamicLdsBytes;
  launch.instructionBudget = options.instructionLimit;
  launch.trace = tracedWave(request);

  PortOptions portOptions;
  portOptions.stopAtFinding = options.onViolation != OnViolation::Report;
  portOptions.checkUninitialised = options.checkUninitialised;
  portOptions.countTraffic = options.countTraffic;
  portOptions.races = races.get();
  portOptions.mostFindings = std::max<uint64_t>(options.reportLimit, 1);

  const Dim3 &grid = request.grid;
  uint64_t total = uint64_t{grid.x} * grid.y * grid.z;
  unsigned count = static_cast<unsigned>(std::min<uint64_t>(workers.threads(), total));
  std::vector<Thread> threads;
  threads.reserve(count);
  for (unsigned i = 0; i < count; ++i)
    threads.emplace_back(memory, *launch.code, portOptions);

  // Workgroups start in order, and one that fails keeps those behind it from starting. So the
  // first that fails is the same one for any number of threads.
  std::atomic<uint64_t> next = 0, stopBehind = UINT64_MAX;
  workers.run(count, [&](unsigned index) {
    Thread &thread = threads[index];
    WorkgroupRunner runner(launch, thread.port);
    for (uint64_t i; (i = next.fetch_add(1)) < total && i < stopBehind.load();) {
      thread.port.beginWorkgroup(i);
      size_t before = thread.port.findings.size();
      ErrorOr<void> ran = runner.run(workgroupAt(grid, i));
      bool found = thread.port.findings.size() != before;
      if (!ran && !(found && portOptions.stopAtFinding))
        thread.failures.push_back({i, 0, ran.error().message});
      if (!ran)
        lower(stopBehind, i);
    }
    thread.counters = runner.counters();
  });
  finishCounts(kernel, threads);
  return conclude(threads);
}

/// Puts the threads' counts together and reads what the launch has used from the shadow.
void Launcher::finishCounts(const LoadedKernel &kernel, std::vector<Thread> &threads) {
  LaunchCounts counts;
  auto trafficOf = [&](const Allocation *allocation) -> LaunchTraffic & {
    for (LaunchTraffic &traffic : counts.traffic)
      if (traffic.use.allocation == allocation)
        return traffic;
    counts.traffic.emplace_back();
    counts.traffic.back().use.allocation = allocation;
    return counts.traffic.back();
  };
  for (Thread &thread : threads) {
    counts.executed += thread.counters;
    counts.memoryInstructions += thread.port.memoryInstructions;
    counts.instructionLines += thread.port.instructionLines;
    for (const AllocationUse &use : thread.port.uses) {
      AllocationUse &sum = trafficOf(use.allocation).use;
      sum.scalarBytesRead += use.scalarBytesRead;
      for (size_t i = 0; i < numWidths; ++i) {
        sum.bytesRead[i] += use.bytesRead[i];
        sum.bytesWritten[i] += use.bytesWritten[i];
      }
    }
  }
  Shadow &shadow = memory.shadow();
  LaunchTraffic *traffic = nullptr;
  auto find = [&](uint64_t page) -> LaunchTraffic & {
    uint64_t address = shadow.addressOf(page);
    if (!traffic || address < traffic->use.allocation->base ||
        address >= traffic->use.allocation->end())
      traffic = &trafficOf(memory.addresses().find(address, 1));
    return *traffic;
  };
  for (Thread &thread : threads) {
    if (races)
      for (const std::vector<uint64_t> *pages : {&thread.port.pagesRead, &thread.port.pagesWritten})
        for (uint64_t page : *pages)
          races->forget(shadow.addressOf(page));
    for (uint64_t page : thread.port.pagesRead) {
      PageUse use = shadow.takeUse(page, /*ofWrites=*/false);
      LaunchTraffic &sum = find(page);
      sum.linesRead += use.lines;
      sum.sectorsRead += use.sectors;
      sum.usedBytesRead += use.bytes;
    }
    for (uint64_t page : thread.port.pagesWritten) {
      PageUse use = shadow.takeUse(page, /*ofWrites=*/true);
      LaunchTraffic &sum = find(page);
      sum.linesWritten += use.lines;
      sum.sectorsWritten += use.sectors;
      sum.usedBytesWritten += use.bytes;
      shadow.promote(*sum.use.allocation, page);
    }
  }
  table.add(kernel, counts);
}

LaunchOutcome Launcher::conclude(std::vector<Thread> &threads) {
  std::vector<Finding> findings, failures;
  for (Thread &thread : threads) {
    std::move(thread.port.findings.begin(), thread.port.findings.end(),
              std::back_inserter(findings));
    std::move(thread.failures.begin(), thread.failures.end(), std::back_inserter(failures));
  }
  if (findings.empty() && failures.empty())
    return LaunchOutcome::Success;
  auto before = [](const Finding &a, const Finding &b) {
    return std::tie(a.workgroup, a.order) < std::tie(b.workgroup, b.order);
  };
  std::sort(findings.begin(), findings.end(), before);
  std::sort(failures.begin(), failures.end(), before);
  LaunchOutcome outcome = LaunchOutcome::Violation;
  if (options.onViolation == OnViolation::Report) {
    // Everything that was found; a failure ends the launch, so it is said last.
    outcome = failures.empty() ? LaunchOutcome::Success : LaunchOutcome::Failure;
    if (!failures.empty())
      findings.push_back(failures.front());
  } else if (findings.empty() ||
             (!failures.empty() && failures.front().workgroup < findings.front().workgroup)) {
    outcome = LaunchOutcome::Failure;
    findings.assign(1, failures.front());
  } else {
    findings.resize(1);
  }
  print(findings);
  if (options.onViolation == OnViolation::Abort)
    std::abort();
  return outcome;
}

void Launcher::print(const std::vector<Finding> &findings) {
  std::string text;
  for (const Finding &finding : findings) {
    if (!reportsLeft) {
      continue;
    }
    text += "hipsim: " + finding.text + "\n";
    if (--reportsLeft == 0)
      text += "hipsim: that was the last of HIPSIM_REPORTS reports\n";
  }
  report = "hipsim: " + findings.front().text + "\n";
  std::fputs(text.c_str(), stderr);
}

} // namespace tawny::hipsim
