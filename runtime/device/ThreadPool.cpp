#include "runtime/device/ThreadPool.h"

#include "runtime/KernelAbi.h"
#include "runtime/device/FloatMode.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <sched.h>

namespace tawny {
namespace {

/// Kernels may use a mebibyte of stack (format::maxScratchBytes); the rest is for the C library.
constexpr size_t stackBytes = size_t(2) << 20;

/// Turns after a launch before a thread offers its core to others, between turns, for as long as it
/// waits. With few cores that is where a thread with tiles may go on; four threads on two cores
/// take as long with 200 turns as with 2000 (Zen 4).
constexpr unsigned launchSpins = 200;

/// Turns between two runs before a thread sleeps: long enough to cover sampling and the building of
/// the next step table, so that decoding does not pay for waking up.
constexpr unsigned idleSpins = 8000;
constexpr unsigned idleYields = 32;

/// A chunk is this part of what is left of a share, at least a tile: large ones first, so that
/// weights stream, single tiles last, so that threads finish together.
constexpr uint64_t partOfRemainder = 4;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Waits a little; from turn `spins` on, by offering the core to others.
void passTurn(unsigned turn, unsigned spins) {
  if (turn < spins)
    relax();
  else
    sched_yield();
}

} // namespace

ThreadPool::ThreadPool(unsigned threads) : lanes(std::max(threads, 1u)) {
  for (size_t i = 0; i < lanes.size(); ++i) {
    lanes[i].pool = this;
    lanes[i].index = i;
  }
}

ErrorOr<void> ThreadPool::start() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stackBytes);
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = 0;
  for (; started < lanes.size() && !failure; started += failure == 0)
    failure = pthread_create(&lanes[started].thread, &attributes, threadMain, &lanes[started]);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (failure)
    return makeError("cannot start thread %u of %u: %s; use fewer with --threads", started,
                     threads(), std::strerror(failure));
  return {};
}

ThreadPool::~ThreadPool() {
  stopping.store(true, std::memory_order_relaxed);
  phase.fetch_add(2, std::memory_order_release);
  phase.notify_all();
  for (unsigned i = 1; i < started; ++i)
    pthread_join(lanes[i].thread, nullptr);
}

void *ThreadPool::threadMain(void *argument) {
  auto &lane = *static_cast<Lane *>(argument);
  ThreadPool &pool = *lane.pool;
  FloatMode mode;
  uint32_t now = 0;
  // Asked whenever the phase is even: who has seen the phase that stops threads sees this too.
  while (!pool.stopping.load(std::memory_order_relaxed))
    for (now = pool.awaitRun(now); now % 2; now = pool.awaitLaunch(now))
      pool.work(lane.index);
  return nullptr;
}

/// Returns the phase once it is another than `now`, which says that no launch is under way.
uint32_t ThreadPool::awaitRun(uint32_t now) {
  for (unsigned turn = 0; turn < idleSpins + idleYields; ++turn) {
    if (uint32_t found = phase.load(std::memory_order_acquire); found != now)
      return found;
    passTurn(turn, idleSpins);
  }
  phase.wait(now, std::memory_order_acquire);
  return phase.load(std::memory_order_acquire);
}

/// Returns the phase once it is another than `now`, in which a launch is under way.
uint32_t ThreadPool::awaitLaunch(uint32_t now) {
  for (unsigned turn = 0;; ++turn) {
    if (uint32_t found = phase.load(std::memory_order_acquire); found != now)
      return found;
    passTurn(turn, launchSpins);
  }
}

void ThreadPool::run(std::span<const Launch> launches) {
  FloatMode mode;
  if (lanes.size() == 1) {
    for (const Launch &launch : launches)
      reinterpret_cast<CpuKernel>(launch.kernel)(launch.bindings, 0,
                                                 static_cast<int64_t>(launch.tiles));
    return;
  }
  current = launches.data();
  end = current + launches.size();
  if (!open(/*isFirst=*/true))
    return;
  phase.notify_all();
  for (uint32_t now; (now = phase.load(std::memory_order_acquire)) % 2; awaitLaunch(now))
    work(0);
}

/// Begins `current`, or the first launch behind it that has tiles; false where there is none. Only
/// for who knows that no launch is under way: the caller of run(), or who finished the last tile.
bool ThreadPool::open(bool isFirst) {
  while (current != end && current->tiles == 0)
    ++current;
  bool isOpen = current != end;
  finished.store(0, std::memory_order_relaxed);
  for (size_t i = 0; isOpen && i < lanes.size(); ++i)
    lanes[i].left.store(shareBegin(i + 1) - shareBegin(i), std::memory_order_release);
  // From here on the launch may be over at any time: threads that are late to an earlier one take
  // tiles without looking at the phase. So this thread reads nothing more of it, and adds to the
  // phase, whose parity comes out right in whichever order that happens.
  if (isFirst == isOpen)
    phase.fetch_add(1, std::memory_order_release);
  else if (isOpen)
    phase.fetch_add(2, std::memory_order_release);
  return isOpen;
}

/// Takes tiles of the launch under way, this lane's first, until none are left; begins the next
/// launch if all have been finished. What is taken here belongs to one launch, because that cannot
/// end before this thread counts as finished what it took.
void ThreadPool::work(size_t lane) {
  uint64_t taken = 0;
  for (size_t i = 0; i < lanes.size(); ++i)
    while (uint64_t count = runChunk((lane + i) % lanes.size()))
      taken += count;
  if (taken == 0)
    return;
  uint64_t tiles = current->tiles;
  if (finished.fetch_add(taken, std::memory_order_acq_rel) + taken == tiles) {
    ++current;
    open(/*isFirst=*/false);
  }
}

/// Takes and runs a chunk of what is left of `owner`'s share; returns how many tiles, 0 when all of
/// it has been taken.
uint64_t ThreadPool::runChunk(size_t owner) {
  std::atomic<uint64_t> &left = lanes[owner].left;
  uint64_t before = left.load(std::memory_order_relaxed), count;
  do {
    if (before == 0)
      return 0;
    count = std::max<uint64_t>(before / partOfRemainder, 1);
  } while (!left.compare_exchange_weak(before, before - count, std::memory_order_acquire,
                                       std::memory_order_relaxed));
  uint64_t first = shareBegin(owner + 1) - before;
  reinterpret_cast<CpuKernel>(current->kernel)(current->bindings, static_cast<int64_t>(first),
                                               static_cast<int64_t>(first + count));
  return count;
}

} // namespace tawny
