// A progress bar for long loads, shown to people only.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace tawny {

/// The bar's text for `done` of `total` units in at most `columns` characters (at least 20), such
/// as "loading [#####     ]  50%". More than the total counts as the total; a total of 0 is done.
std::string formatProgress(const std::string &label, uint64_t done, uint64_t total, size_t columns);

/// A bar on standard error that redraws itself in place. It draws only if the stream is a terminal
/// and `quiet` is false, and erases itself in the end, so that nothing of it is ever in a log.
/// For one thread.
class Progress {
public:
  Progress(std::string label, uint64_t total, bool quiet, std::FILE *stream = stderr);
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress() { finish(); }

  /// `done` units are done now. Cheap: it redraws at most ten times a second.
  void update(uint64_t done);

  /// Erases the bar; later updates show nothing.
  void finish();

private:
  std::string label;
  uint64_t total;
  std::FILE *stream; ///< null if nothing is to be shown
  bool drawn = false;
  std::chrono::steady_clock::time_point lastDrawn;
};

} // namespace tawny
