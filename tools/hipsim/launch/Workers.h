// Host threads that run workgroups.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tawny::hipsim {

/// Threads that wait for work. One caller at a time.
class Workers {
public:
  /// `threads` in all, the caller's included; 0: one per processor.
  explicit Workers(unsigned threads);
  ~Workers();

  unsigned threads() const { return static_cast<unsigned>(workers.size()) + 1; }
  /// Calls work(thread) on the first `count` threads and returns when all have returned.
  void run(unsigned count, const std::function<void(unsigned)> &work);

private:
  void wait(unsigned thread);

  std::mutex mutex;
  std::condition_variable start, done;
  const std::function<void(unsigned)> *current = nullptr;
  unsigned wanted = 0, running = 0;
  uint64_t round = 0;
  bool ending = false;
  std::vector<std::thread> workers;
};

} // namespace tawny::hipsim
