#include "runtime/support/Progress.h"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

namespace tawny {

std::string formatProgress(const std::string &label, uint64_t done, uint64_t total,
                           size_t columns) {
  constexpr size_t minColumns = 20, around = sizeof(" [] 100%") - 1;
  columns = std::max(columns, minColumns);
  double fraction =
      total == 0 ? 1.0 : static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  std::string text = label.substr(0, columns - around);
  size_t width = columns - around - text.size();
  auto filled = static_cast<size_t>(fraction * static_cast<double>(width));
  char percent[8];
  std::snprintf(percent, sizeof(percent), "] %3d%%", static_cast<int>(fraction * 100));
  return text + " [" + std::string(filled, '#') + std::string(width - filled, ' ') + percent;
}

Progress::Progress(std::string label, uint64_t total, bool quiet, std::FILE *stream)
    : label(std::move(label)), total(total),
      stream(!quiet && isatty(fileno(stream)) ? stream : nullptr) {}

void Progress::update(uint64_t done) {
  if (!stream)
    return;
  constexpr auto interval = std::chrono::milliseconds(100);
  auto now = std::chrono::steady_clock::now();
  if (drawn && now - lastDrawn < interval)
    return;
  drawn = true;
  lastDrawn = now;
  winsize window = {};
  size_t columns = 80;
  if (ioctl(fileno(stream), TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
    columns = std::min<size_t>(columns, window.ws_col - 1u);
  std::fprintf(stream, "\r%s", formatProgress(label, done, total, columns).c_str());
  std::fflush(stream);
}

void Progress::finish() {
  if (drawn) {
    // Carriage return, then "erase to the end of the line" (ECMA-48, EL).
    std::fputs("\r\033[K", stream);
    std::fflush(stream);
  }
  stream = nullptr;
  drawn = false;
}

} // namespace tawny
