#include "runtime/support/InputFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace tawny {

static ErrorOr<std::string> readToEnd(int descriptor, const char *name, size_t maxBytes) {
  constexpr size_t chunkBytes = size_t(1) << 20;
  std::string content;
  size_t filled = 0;
  while (true) {
    // One byte beyond the limit tells a file of exactly maxBytes from a longer one.
    size_t wanted = std::min(chunkBytes, maxBytes - filled + 1);
    content.resize(filled + wanted);
    ssize_t count = read(descriptor, content.data() + filled, wanted);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return makeError("cannot read %s: %s", name, std::strerror(errno));
    filled += static_cast<size_t>(count);
    if (filled > maxBytes)
      return makeError("%s has more than the %zu bytes that are allowed here", name, maxBytes);
    if (count == 0)
      break;
  }
  content.resize(filled);
  return content;
}

ErrorOr<std::string> readInput(const std::string &path, size_t maxBytes) {
  if (path == "-")
    return readToEnd(STDIN_FILENO, "standard input", maxBytes);
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return makeError("cannot open '%s': %s", path.c_str(), std::strerror(errno));
  std::string name = "'" + path + "'";
  auto content = readToEnd(descriptor, name.c_str(), maxBytes);
  close(descriptor);
  return content;
}

} // namespace tawny
