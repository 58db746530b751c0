#include "tools/hipsim/launch/CounterTable.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <numeric>

namespace tawny::hipsim {

static_assert(numInstructionClasses <= HIPSIM_MAX_CLASSES);
static_assert(numWidths == HIPSIM_WIDTHS);

HipsimStreamCounters &CounterTable::streamOf(Kernel &kernel, const Allocation &allocation) {
  for (HipsimStreamCounters &stream : kernel.streams)
    if (stream.allocation == allocation.base && stream.allocationBytes == allocation.bytes)
      return stream;
  HipsimStreamCounters stream{};
  stream.kernel = kernel.name.c_str();
  stream.allocation = allocation.base;
  stream.allocationBytes = allocation.bytes;
  return kernel.streams.emplace_back(stream);
}

void CounterTable::add(const LoadedKernel &loaded, const LaunchCounts &launch) {
  auto entry = std::find_if(kernels.begin(), kernels.end(), [&](const Kernel &kernel) {
    return kernel.name == loaded.metadata.name;
  });
  if (entry == kernels.end()) {
    entry = kernels.insert(kernels.end(), Kernel{loaded.metadata.name, {}, {}});
    entry->counters.name = entry->name.c_str();
  }
  HipsimKernelCounters &sum = entry->counters;
  ++sum.launches;
  sum.workgroups += launch.executed.workgroups;
  sum.waves += launch.executed.waves;
  for (size_t i = 0; i < numInstructionClasses; ++i) {
    sum.instructions += launch.executed.instructions[i];
    sum.instructionsByClass[i] += launch.executed.instructions[i];
  }
  sum.memoryInstructions += launch.memoryInstructions;
  sum.instructionLines += launch.instructionLines;
  sum.vectorIssueCycles += launch.executed.valuCycles;
  sum.ldsBankConflictCycles += launch.executed.ldsBankConflictCycles;
  sum.ldsBytesRead += launch.executed.ldsBytesRead;
  sum.ldsBytesWritten += launch.executed.ldsBytesWritten;
  sum.vectorRegisters = loaded.metadata.vectorRegisters;
  sum.scalarRegisters = loaded.metadata.scalarRegisters;
  sum.ldsBytes = loaded.metadata.ldsBytes;
  sum.scratchBytes = loaded.metadata.scratchBytes;
  for (const LaunchTraffic &traffic : launch.traffic) {
    HipsimStreamCounters &stream = streamOf(*entry, *traffic.use.allocation);
    for (size_t i = 0; i < numWidths; ++i) {
      stream.bytesRead[i] += traffic.use.bytesRead[i];
      stream.bytesWritten[i] += traffic.use.bytesWritten[i];
    }
    stream.scalarBytesRead += traffic.use.scalarBytesRead;
    sum.bytesRead += std::accumulate(traffic.use.bytesRead.begin(), traffic.use.bytesRead.end(),
                                     traffic.use.scalarBytesRead);
    sum.bytesWritten += std::accumulate(traffic.use.bytesWritten.begin(),
                                        traffic.use.bytesWritten.end(), uint64_t{0});
    auto both = [&](uint64_t value, auto ofKernel, auto ofStream) {
      sum.*ofKernel += value;
      stream.*ofStream += value;
    };
    using K = HipsimKernelCounters;
    using S = HipsimStreamCounters;
    both(traffic.linesRead, &K::linesRead, &S::linesRead);
    both(traffic.linesWritten, &K::linesWritten, &S::linesWritten);
    both(traffic.sectorsRead, &K::sectorsRead, &S::sectorsRead);
    both(traffic.sectorsWritten, &K::sectorsWritten, &S::sectorsWritten);
    both(traffic.usedBytesRead, &K::usedBytesRead, &S::usedBytesRead);
    both(traffic.usedBytesWritten, &K::usedBytesWritten, &S::usedBytesWritten);
  }
}

size_t CounterTable::kernelCounters(HipsimKernelCounters *out, size_t capacity) const {
  for (size_t i = 0; i < std::min(capacity, kernels.size()); ++i)
    out[i] = kernels[i].counters;
  return kernels.size();
}

size_t CounterTable::streamCounters(HipsimStreamCounters *out, size_t capacity) const {
  size_t count = 0;
  for (const Kernel &kernel : kernels)
    for (const HipsimStreamCounters &stream : kernel.streams) {
      if (count < capacity)
        out[count] = stream;
      ++count;
    }
  return count;
}

namespace {

void printField(std::FILE *file, const char *name, uint64_t value) {
  std::fprintf(file, ", \"%s\": %" PRIu64, name, value);
}

void printWidths(std::FILE *file, const char *name, const uint64_t (&widths)[HIPSIM_WIDTHS]) {
  std::fprintf(file, ", \"%s\": [", name);
  for (size_t i = 0; i < HIPSIM_WIDTHS; ++i)
    std::fprintf(file, "%s%" PRIu64, i ? ", " : "", widths[i]);
  std::fputc(']', file);
}

void printKernel(std::FILE *file, const HipsimKernelCounters &kernel) {
  std::fprintf(file, "{\"name\": \"%s\"", kernel.name);
  printField(file, "launches", kernel.launches);
  printField(file, "workgroups", kernel.workgroups);
  printField(file, "waves", kernel.waves);
  printField(file, "instructions", kernel.instructions);
  std::fprintf(file, ", \"instructions_by_class\": {");
  for (size_t i = 0; i < numInstructionClasses; ++i) {
    std::string_view name = className(static_cast<InstructionClass>(i));
    std::fprintf(file, "%s\"%.*s\": %" PRIu64, i ? ", " : "", int(name.size()), name.data(),
                 kernel.instructionsByClass[i]);
  }
  std::fputc('}', file);
  printField(file, "memory_instructions", kernel.memoryInstructions);
  printField(file, "instruction_lines", kernel.instructionLines);
  printField(file, "bytes_read", kernel.bytesRead);
  printField(file, "bytes_written", kernel.bytesWritten);
  printField(file, "lines_read", kernel.linesRead);
  printField(file, "lines_written", kernel.linesWritten);
  printField(file, "sectors_read", kernel.sectorsRead);
  printField(file, "sectors_written", kernel.sectorsWritten);
  printField(file, "used_bytes_read", kernel.usedBytesRead);
  printField(file, "used_bytes_written", kernel.usedBytesWritten);
  printField(file, "vector_issue_cycles", kernel.vectorIssueCycles);
  printField(file, "lds_bank_conflict_cycles", kernel.ldsBankConflictCycles);
  printField(file, "lds_bytes_read", kernel.ldsBytesRead);
  printField(file, "lds_bytes_written", kernel.ldsBytesWritten);
  printField(file, "vector_registers", kernel.vectorRegisters);
  printField(file, "scalar_registers", kernel.scalarRegisters);
  printField(file, "lds_bytes", kernel.ldsBytes);
  printField(file, "scratch_bytes", kernel.scratchBytes);
}

void printStream(std::FILE *file, const HipsimStreamCounters &stream) {
  std::fprintf(file, "{\"allocation\": %" PRIu64, stream.allocation);
  printField(file, "allocation_bytes", stream.allocationBytes);
  printWidths(file, "bytes_read_by_width", stream.bytesRead);
  printField(file, "scalar_bytes_read", stream.scalarBytesRead);
  printWidths(file, "bytes_written_by_width", stream.bytesWritten);
  printField(file, "lines_read", stream.linesRead);
  printField(file, "lines_written", stream.linesWritten);
  printField(file, "sectors_read", stream.sectorsRead);
  printField(file, "sectors_written", stream.sectorsWritten);
  printField(file, "used_bytes_read", stream.usedBytesRead);
  printField(file, "used_bytes_written", stream.usedBytesWritten);
  std::fputc('}', file);
}

} // namespace

bool CounterTable::writeJson(const std::string &path) const {
  std::FILE *file = std::fopen(path.c_str(), "w");
  if (!file)
    return false;
  std::fprintf(file, "{\"version\": %u, \"kernels\": [", HIPSIM_COUNTERS_VERSION);
  for (size_t i = 0; i < kernels.size(); ++i) {
    std::fprintf(file, "%s\n", i ? "," : "");
    printKernel(file, kernels[i].counters);
    std::fprintf(file, ", \"streams\": [");
    for (size_t j = 0; j < kernels[i].streams.size(); ++j) {
      std::fprintf(file, "%s\n  ", j ? "," : "");
      printStream(file, kernels[i].streams[j]);
    }
    std::fprintf(file, "]}");
  }
  std::fprintf(file, "]}\n");
  return std::fclose(file) == 0;
}

} // namespace tawny::hipsim
