#include "tools/hipsim/launch/Workers.h"

#include <algorithm>

namespace tawny::hipsim {

Workers::Workers(unsigned threads) {
  if (!threads)
    threads = std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 1; i < threads; ++i)
    workers.emplace_back([this, i] { wait(i); });
}

Workers::~Workers() {
  {
    std::lock_guard lock(mutex);
    ending = true;
  }
  start.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void Workers::run(unsigned count, const std::function<void(unsigned)> &work) {
  count = std::min(count, threads());
  if (count > 1) {
    std::lock_guard lock(mutex);
    current = &work;
    wanted = count;
    running = count - 1;
    ++round;
  }
  if (count > 1)
    start.notify_all();
  work(0);
  std::unique_lock lock(mutex);
  done.wait(lock, [this] { return running == 0; });
}

void Workers::wait(unsigned thread) {
  uint64_t seen = 0;
  std::unique_lock lock(mutex);
  while (true) {
    start.wait(lock, [&] { return ending || round != seen; });
    if (ending)
      return;
    seen = round;
    if (thread >= wanted)
      continue;
    lock.unlock();
    (*current)(thread);
    lock.lock();
    if (--running == 0)
      done.notify_one();
  }
}

} // namespace tawny::hipsim
