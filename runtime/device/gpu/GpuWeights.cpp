// How weights get from a file to a GPU.
#include "runtime/device/gpu/GpuDevice.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace tawny::gpu {

/// Reads exactly `block` at `offset`; 0, or why not.
static int readFully(int file, std::span<std::byte> block, uint64_t offset) {
  while (!block.empty()) {
    ssize_t count = pread(file, block.data(), block.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return count < 0 ? errno : ENODATA;
    block = block.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return 0;
}

/// Drops what was read of a file, [start, start + done), from the page cache. The cache keeps large
/// folios and drops those alone that lie wholly inside a range, so a range that starts where the
/// last one ended leaves each folio across the border: with blocks of 4 MiB half of a file stayed
/// (ext4, Linux 6.18), and reading took 6 times as long. Hence the overlap.
static void dropCache(int file, uint64_t start, uint64_t done) {
  constexpr uint64_t overlap = Staging::bytes;
  uint64_t first = done > overlap ? done - overlap : 0;
  posix_fadvise(file, static_cast<off_t>(start + first), static_cast<off_t>(done - first),
                POSIX_FADV_DONTNEED);
}

/// Reads the segment in blocks of the staging ring: while the driver copies one, the next is read.
/// Its pages are dropped from the page cache behind the reading, so that neither the cache nor this
/// process ever holds more of the file than the ring does.
ErrorOr<void> GpuDevice::copyFile(void *to, const Artifact &artifact, uint32_t segment,
                                  const ProgressFunction &progress) {
  std::span<const std::byte> source = artifact.segment(segment);
  const uint64_t bytes = artifact.segmentBytes(segment);
  const bool generated = artifact.isGenerated(segment);
  uint64_t start = artifact.header().segments()->Get(segment)->offset();
  int file = generated ? -1 : artifact.descriptor();
  if (file >= 0)
    posix_fadvise(file, static_cast<off_t>(start), static_cast<off_t>(bytes),
                  POSIX_FADV_SEQUENTIAL);
  for (uint64_t done = 0; done < bytes;) {
    std::span<std::byte> block;
    if (Status status = staging.acquire(block); status != success)
      return loseRunning(status);
    block = block.first(std::min<uint64_t>(block.size(), bytes - done));
    if (generated) {
      artifact.readGenerated(segment, done, block);
    } else if (file < 0) {
      std::memcpy(block.data(), source.data() + done, block.size());
    } else {
      if (int failed = readFully(file, block, start + done))
        return makeError("cannot read %zu bytes of weights at byte %" PRIu64 " of the file: %s",
                         block.size(), start + done,
                         failed == ENODATA ? "it has become shorter" : std::strerror(failed));
      dropCache(file, start, done + block.size());
    }
    auto *target = static_cast<std::byte *>(to) + done;
    if (Status status = staging.send(target, block.size(), stream); status != success)
      return lose("copy " + std::to_string(block.size()) + " bytes of weights", status);
    done += block.size();
    if (progress && !progress(done, bytes))
      return makeError("stopped after reading %" PRIu64 " of %" PRIu64 " bytes of weights", done,
                       bytes);
  }
  return wait();
}

/// Lets the device read the mapping itself, without a copy.
ErrorOr<Buffer> GpuDevice::registerWeights(std::span<const std::byte> bytes) {
  auto *host = const_cast<std::byte *>(bytes.data());
  void *address = nullptr;
  Status status = api().registerHost(host, bytes.size(), platform->registerFlags());
  if (status == success) {
    status = api().hostDeviceAddress(&address, host, 0);
    if (status != success)
      api().unregisterHost(host);
  }
  if (status != success)
    return makeError("%s: the driver cannot use the mapped file in place: %s; unset "
                     "TAWNY_REGISTER_WEIGHTS to have the weights copied",
                     std::string(kind()).c_str(), platform->describe(status).c_str());
  hostRanges.push_back({address, host, bytes.size(), true});
  return Buffer(this, address, bytes.size());
}

ErrorOr<Buffer> GpuDevice::placeWeights(const Artifact &artifact, uint32_t segment, bool prefault,
                                        const ProgressFunction &progress) {
  if (ErrorOr<void> entered = enter(); !entered)
    return entered.takeError();
  std::span<const std::byte> bytes = artifact.segment(segment);
  const char *registering = std::getenv("TAWNY_REGISTER_WEIGHTS");
  if (registering && std::strcmp(registering, "1") == 0 && artifact.isMapped() && !bytes.empty())
    return registerWeights(bytes);
  ErrorOr<Buffer> buffer = allocateRaw(artifact.segmentBytes(segment));
  if (!buffer)
    return buffer;
  if (ErrorOr<void> copied = copyFile(buffer->address(), artifact, segment, progress); !copied)
    return copied.takeError();
  return buffer;
}

} // namespace tawny::gpu
