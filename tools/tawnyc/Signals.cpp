#include "tools/tawnyc/Signals.h"

#include "llvm/Support/Signals.h"

#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace tawny {
namespace {

/// Handlers may call few functions; a line is put together in here and written at once.
class Line {
public:
  Line &operator<<(const char *text) {
    for (; *text != '\0' && length < sizeof(bytes); ++text)
      bytes[length++] = *text;
    return *this;
  }
  Line &operator<<(uint64_t number) {
    char digits[21];
    char *first = digits + sizeof(digits) - 1;
    *first = '\0';
    do
      *--first = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    return *this << first;
  }
  void print() const { (void)!write(STDERR_FILENO, bytes, length); }

private:
  char bytes[4096 + 256];
  size_t length = 0;
};

constexpr const char *afterProgressBar = "\r\033[K";

void stop(int signal) {
  llvm::sys::RunInterruptHandlers();
  Line line;
  if (isatty(STDERR_FILENO))
    line << afterProgressBar;
  line << "error: stopped by " << (signal == SIGINT ? "SIGINT" : "SIGTERM")
       << "; nothing was written\n";
  line.print();
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  raise(signal); // takes effect when this handler returns
}

/// Reads /proc/self/maps line by line without allocating.
class MapsReader {
public:
  MapsReader() : file(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~MapsReader() { close(file); }

  /// The next line, zero-terminated; null at the end. What passes the buffer is cut off.
  const char *next() {
    size_t length = 0;
    for (char byte = 0; read(file, &byte, 1) == 1;) {
      if (byte == '\n') {
        line[length] = '\0';
        return line;
      }
      if (length + 1 < sizeof(line))
        line[length++] = byte;
    }
    return nullptr;
  }

private:
  int file;
  char line[4096 + 128];
};

uint64_t parseHex(const char *&text) {
  uint64_t value = 0;
  for (;; ++text) {
    if (*text >= '0' && *text <= '9')
      value = value * 16 + static_cast<uint64_t>(*text - '0');
    else if (*text >= 'a' && *text <= 'f')
      value = value * 16 + static_cast<uint64_t>(*text - 'a' + 10);
    else
      return value;
  }
}

/// Names the file whose mapping holds `address`; false where there is none. The lines read
/// "begin-end permissions offset device inode  path".
bool describeMapping(uint64_t address, Line &line) {
  MapsReader maps;
  while (const char *text = maps.next()) {
    uint64_t begin = parseHex(text);
    uint64_t end = parseHex(++text);
    if (address < begin || address >= end)
      continue;
    const char *path = std::strchr(text, '/');
    if (!path)
      return false;
    text += std::strlen(" r--p ");
    uint64_t offset = parseHex(text) + (address - begin);
    line << "error: '" << path << "': cannot be read at byte " << offset
         << ": the file has become shorter, or its disk failed; nothing was written\n";
    return true;
  }
  return false;
}

struct sigaction previousBusHandler;

void failToRead(int signal, siginfo_t *info, void *) {
  Line line;
  if (isatty(STDERR_FILENO))
    line << afterProgressBar;
  if (info->si_code != BUS_ADRERR ||
      !describeMapping(reinterpret_cast<uint64_t>(info->si_addr), line)) {
    // A fault of this program: it happens again, for LLVM's handler to describe.
    sigaction(signal, &previousBusHandler, nullptr);
    return;
  }
  llvm::sys::RunInterruptHandlers();
  line.print();
  _exit(1);
}

} // namespace

void installSignalHandlers() {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = stop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_sigaction = failToRead;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGBUS, &action, &previousBusHandler);
  signal(SIGXFSZ, SIG_IGN);
}

} // namespace tawny
