#include "runtime/artifact/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tawny {

ErrorOr<MappedFile> MappedFile::open(const std::string &path) {
  MappedFile mapped;
  // Without O_NONBLOCK opening a FIFO would wait for a writer before the type can be looked at.
  mapped.file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (mapped.file < 0)
    return makeError("cannot open '%s': %s", path.c_str(), std::strerror(errno));
  struct stat status;
  if (fstat(mapped.file, &status) != 0)
    return makeError("cannot examine '%s': %s", path.c_str(), std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return makeError("cannot read '%s': expected a regular file", path.c_str());
  if (status.st_size == 0)
    return makeError("'%s' is empty: expected an artifact made by tawnyc", path.c_str());
  void *address =
      mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_SHARED, mapped.file, 0);
  if (address == MAP_FAILED)
    return makeError("cannot map '%s' (%lld bytes): %s", path.c_str(),
                     static_cast<long long>(status.st_size), std::strerror(errno));
  mapped.address = static_cast<const std::byte *>(address);
  mapped.size = static_cast<size_t>(status.st_size);
  return mapped;
}

void MappedFile::swap(MappedFile &other) {
  std::swap(file, other.file);
  std::swap(address, other.address);
  std::swap(size, other.size);
}

MappedFile::MappedFile(MappedFile &&other) noexcept { swap(other); }

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  swap(other);
  return *this;
}

MappedFile::~MappedFile() {
  if (address)
    munmap(const_cast<std::byte *>(address), size);
  if (file >= 0)
    close(file);
}

} // namespace tawny
