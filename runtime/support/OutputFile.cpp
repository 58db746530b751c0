#include "runtime/support/OutputFile.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace tawny {

OutputFile::OutputFile(OutputFile &&other) noexcept
    : path(std::move(other.path)), finalPath(std::move(other.finalPath)),
      temporaryPath(std::move(other.temporaryPath)),
      descriptor(std::exchange(other.descriptor, -1)), failed(other.failed) {}

OutputFile::~OutputFile() {
  if (descriptor < 0)
    return;
  close(descriptor);
  if (!temporaryPath.empty())
    unlink(temporaryPath.c_str());
}

Error OutputFile::failure(const char *action) {
  int code = errno;
  failed = true;
  return makeError("cannot %s '%s': %s", action, path.c_str(), std::strerror(code));
}

ErrorOr<OutputFile> OutputFile::create(const std::string &path) {
  OutputFile file;
  file.path = file.finalPath = path;
  struct stat status;
  bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    return makeError("cannot write '%s': it is a folder", path.c_str());
  if (exists && !S_ISREG(status.st_mode)) {
    file.descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.descriptor < 0)
      return file.failure("open");
    return file;
  }
  if (exists) {
    // Renaming onto a symbolic link would replace the link instead of what it names.
    char resolved[PATH_MAX];
    if (!realpath(path.c_str(), resolved))
      return file.failure("resolve");
    file.finalPath = resolved;
    if (access(resolved, W_OK) != 0)
      return file.failure("overwrite");
  }

  // A name of its own, also against other threads and left-overs of a killed process with this id.
  constexpr int attempts = 100;
  for (int i = 0; i < attempts && file.descriptor < 0; ++i) {
    file.temporaryPath =
        file.finalPath + ".partial-" + std::to_string(getpid()) + "-" + std::to_string(i);
    file.descriptor =
        open(file.temporaryPath.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor < 0 && errno != EEXIST)
      break;
  }
  if (file.descriptor < 0)
    return file.failure("create a file beside");
  if (exists)
    // A new version of a file keeps the permissions of the old one, as far as we may set them.
    (void)!fchmod(file.descriptor, status.st_mode & 07777);
  return file;
}

ErrorOr<void> OutputFile::write(const void *data, size_t size) {
  auto *next = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t written = ::write(descriptor, next, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return failure("write");
    next += written;
    size -= static_cast<size_t>(written);
  }
  return {};
}

ErrorOr<void> OutputFile::commit() {
  if (failed)
    return makeError("'%s' was not completed because an earlier write failed", path.c_str());
  if (!temporaryPath.empty()) {
    // Without this a crash of the machine could leave the name with no content behind it.
    if (fsync(descriptor) != 0)
      return failure("write");
    if (rename(temporaryPath.c_str(), finalPath.c_str()) != 0)
      return failure("rename a finished file to");
  }
  temporaryPath.clear();
  if (close(std::exchange(descriptor, -1)) != 0)
    return failure("close");
  return {};
}

} // namespace tawny
