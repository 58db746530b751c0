#include "runtime/support/FileMapping.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tawny {

void FileMapping::swap(FileMapping &other) noexcept {
  std::swap(data, other.data);
  std::swap(sizeBytes, other.sizeBytes);
  std::swap(file, other.file);
}

FileMapping::~FileMapping() {
  if (data)
    munmap(const_cast<std::byte *>(data), sizeBytes);
  if (file >= 0)
    close(file);
}

static ErrorOr<size_t> regularFileSize(int descriptor, const char *path) {
  struct stat status;
  if (fstat(descriptor, &status) != 0)
    return makeError("cannot examine '%s': %s", path, std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return makeError("cannot read '%s': expected a regular file", path);
  return static_cast<size_t>(status.st_size);
}

ErrorOr<FileMapping> FileMapping::open(const std::string &path) {
  FileMapping mapping;
  // Without O_NONBLOCK opening a FIFO would wait for a writer before the type can be looked at.
  mapping.file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (mapping.file < 0)
    return makeError("cannot open '%s': %s", path.c_str(), std::strerror(errno));
  auto size = regularFileSize(mapping.file, path.c_str());
  if (!size)
    return size.takeError();
  if (*size == 0)
    return mapping;
  void *address = mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, mapping.file, 0);
  if (address == MAP_FAILED)
    return makeError("cannot map the %zu bytes of '%s': %s", *size, path.c_str(),
                     std::strerror(errno));
  mapping.data = static_cast<const std::byte *>(address);
  mapping.sizeBytes = *size;
  return mapping;
}

ErrorOr<void> FileMapping::advise(FileAdvice advice, size_t offset, size_t length) const {
  if (offset > sizeBytes || length > sizeBytes - offset)
    return makeError("the range of %zu bytes at offset %zu does not lie in the mapped %zu bytes",
                     length, offset, sizeBytes);
  auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_t begin = offset / page * page;
  size_t end = offset + length;
  if (advice == FileAdvice::DontNeed) {
    begin = (offset + page - 1) / page * page;
    // The last page of a file is whole for this purpose: nothing of the file follows it.
    end = end == sizeBytes ? end : end / page * page;
  }
  if (begin >= end)
    return {};
  static constexpr int values[] = {MADV_NORMAL, MADV_SEQUENTIAL, MADV_RANDOM, MADV_WILLNEED,
                                   MADV_DONTNEED};
  auto *address = const_cast<std::byte *>(data) + begin;
  if (madvise(address, end - begin, values[static_cast<size_t>(advice)]) != 0)
    return makeError("madvise on %zu bytes at offset %zu failed: %s", end - begin, begin,
                     std::strerror(errno));
  if (advice == FileAdvice::DontNeed)
    // madvise only unmaps the pages; without this they would stay in the page cache.
    if (int code = posix_fadvise(file, static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                                 POSIX_FADV_DONTNEED))
      return makeError("posix_fadvise on %zu bytes at offset %zu failed: %s", end - begin, begin,
                       std::strerror(code));
  return {};
}

} // namespace tawny
