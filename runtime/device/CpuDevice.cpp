#include "runtime/device/CpuDevice.h"

#include "runtime/device/CpuCode.h"
#include "runtime/device/CpuFeatures.h"
#include "runtime/device/SystemLimits.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstring>
#include <sys/mman.h>

// Linux 5.14; with older headers and kernels pages are touched one by one.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace tawny {

static constexpr uint64_t pageBytes = 4096;

ErrorOr<std::unique_ptr<CpuDevice>> CpuDevice::open(unsigned threads) {
  // More is a slip of the keyboard, and would only run into the system's limit of threads.
  constexpr unsigned mostThreads = 4096;
  if (threads > mostThreads)
    return makeError("threads: expected 1 to %u, found %u", mostThreads, threads);
  std::unique_ptr<CpuDevice> device(
      new CpuDevice(threads ? threads : SystemLimits().usableCores()));
  if (ErrorOr<void> started = device->pool.start(); !started)
    return started.takeError();
  return device;
}

CpuDevice::CpuDevice(unsigned threads)
    : pool(threads), brand(cpuDescription()), instructionSets(cpuFeatures()) {}

ErrorOr<DeviceMemory> CpuDevice::memory() const {
  SystemLimits limits;
  auto total = limits.totalMemory(), available = limits.availableMemory();
  if (!total || !available)
    return makeError("cannot find out how much memory is available: /proc/meminfo does not say");
  return DeviceMemory{*total, *available};
}

/// Backs [address, address + bytes) with pages of the file.
static void populate(const std::byte *address, uint64_t bytes) {
  if (madvise(const_cast<std::byte *>(address), bytes, MADV_POPULATE_READ) == 0)
    return;
  for (uint64_t offset = 0; offset < bytes; offset += pageBytes)
    static_cast<void>(*static_cast<const volatile std::byte *>(address + offset));
}

ErrorOr<Buffer> CpuDevice::allocate(uint64_t bytes) {
  if (bytes == 0)
    return Buffer();
  void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    return makeError("cannot allocate %" PRIu64 " bytes: %s", bytes, std::strerror(errno));
  // Large pages spare TLB misses; where there are none, small ones do the same work. They come as
  // they are first written: to zero a whole KV pool delays the first token (docs/benchmarks.md).
  madvise(address, bytes, MADV_HUGEPAGE);
  return Buffer(this, address, bytes);
}

void CpuDevice::release(void *address, uint64_t bytes) { munmap(address, bytes); }

static Error stoppedLoading(uint64_t done, uint64_t total) {
  return makeError("stopped after reading %" PRIu64 " of %" PRIu64 " bytes of weights", done,
                   total);
}

ErrorOr<Buffer> CpuDevice::generateWeights(const Artifact &artifact, uint32_t segment,
                                           const ProgressFunction &progress) {
  constexpr uint64_t chunkBytes = uint64_t(16) << 20;
  const uint64_t bytes = artifact.segmentBytes(segment);
  ErrorOr<Buffer> buffer = allocate(bytes);
  if (!buffer)
    return buffer;
  for (uint64_t done = 0; done < bytes;) {
    uint64_t chunk = std::min(chunkBytes, bytes - done);
    artifact.readGenerated(segment, done,
                           {static_cast<std::byte *>(buffer->address()) + done, chunk});
    done += chunk;
    if (progress && !progress(done, bytes))
      return stoppedLoading(done, bytes);
  }
  return buffer;
}

ErrorOr<Buffer> CpuDevice::placeWeights(const Artifact &artifact, uint32_t segment, bool prefault,
                                        const ProgressFunction &progress) {
  if (artifact.isGenerated(segment))
    return generateWeights(artifact, segment, progress);
  constexpr uint64_t chunkBytes = uint64_t(64) << 20;
  std::span<const std::byte> bytes = artifact.segment(segment);
  // The mapping is read-only; kernels that would write it were refused by the header's checks.
  auto *address = const_cast<std::byte *>(bytes.data());
  Buffer weights(nullptr, address, bytes.size());
  if (!artifact.isMapped())
    return weights;
  // Segments start on pages of the file, and so of the mapping. What is yet to be read comes in
  // large pages, where the file system has them.
  madvise(address, bytes.size(), MADV_HUGEPAGE);
  madvise(address, bytes.size(), MADV_WILLNEED);
  for (uint64_t done = 0; prefault && done < bytes.size();) {
    uint64_t chunk = std::min<uint64_t>(chunkBytes, bytes.size() - done);
    populate(address + done, chunk);
    done += chunk;
    if (progress && !progress(done, bytes.size()))
      return stoppedLoading(done, bytes.size());
  }
  return weights;
}

ErrorOr<std::unique_ptr<LoadedCode>> CpuDevice::loadCode(std::span<const std::byte> code) {
  return CpuCode::load(code);
}

ErrorOr<void> CpuDevice::submit(std::span<const Launch> launches) {
  pool.run(launches);
  return {};
}

ErrorOr<void> CpuDevice::submitTimed(std::span<const Launch> launches, std::span<double> seconds) {
  for (size_t i = 0; i < launches.size(); ++i) {
    auto start = std::chrono::steady_clock::now();
    pool.run(launches.subspan(i, 1));
    seconds[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return {};
}

ErrorOr<void> CpuDevice::write(void *to, std::span<const std::byte> from) {
  std::memcpy(to, from.data(), from.size());
  return {};
}

ErrorOr<void> CpuDevice::read(std::span<std::byte> to, const void *from) {
  std::memcpy(to.data(), from, to.size());
  return {};
}

ErrorOr<void> CpuDevice::copy(void *to, const void *from, uint64_t bytes) {
  std::memcpy(to, from, bytes);
  return {};
}

} // namespace tawny
