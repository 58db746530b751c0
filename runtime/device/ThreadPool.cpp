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

/// Turns at a barrier before a thread offers its core to others, between turns, for as long as it
/// waits. With a core for each thread it matters little; four threads on two cores took 31 us for
/// an empty launch with 2000 turns and 7 us with 100 (Emerald Rapids).
constexpr unsigned barrierSpins = 200;

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

} // namespace

ErrorOr<std::unique_ptr<ThreadPool>> ThreadPool::create(unsigned threads) {
  std::unique_ptr<ThreadPool> pool(new ThreadPool(std::max(threads, 1u)));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stackBytes);
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = 0;
  for (unsigned i = 1; i < pool->lanes.size() && !failure; ++i) {
    Lane &lane = pool->lanes[i];
    lane.pool = pool.get();
    lane.index = i;
    failure = pthread_create(&lane.thread, &attributes, threadMain, &lane);
    pool->started += failure == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (failure)
    return makeError("cannot start thread %u of %u: %s; use fewer with --threads", pool->started,
                     threads, std::strerror(failure));
  return pool;
}

ThreadPool::~ThreadPool() {
  stopping = true;
  runs.fetch_add(1, std::memory_order_release);
  runs.notify_all();
  for (unsigned i = 1; i < started; ++i)
    pthread_join(lanes[i].thread, nullptr);
}

void *ThreadPool::threadMain(void *argument) {
  auto &lane = *static_cast<Lane *>(argument);
  ThreadPool &pool = *lane.pool;
  FloatMode mode;
  uint32_t last = 0;
  while (true) {
    last = pool.awaitRun(last);
    if (pool.stopping)
      return nullptr;
    pool.work(lane.index, pool.job);
  }
}

uint32_t ThreadPool::awaitRun(uint32_t last) {
  for (unsigned turn = 0; turn < idleSpins + idleYields; ++turn) {
    if (uint32_t now = runs.load(std::memory_order_acquire); now != last)
      return now;
    if (turn < idleSpins)
      relax();
    else
      sched_yield();
  }
  runs.wait(last, std::memory_order_acquire);
  return runs.load(std::memory_order_acquire);
}

void ThreadPool::run(std::span<const Launch> launches) {
  FloatMode mode;
  if (lanes.size() == 1) {
    for (const Launch &launch : launches)
      reinterpret_cast<CpuKernel>(launch.kernel)(launch.bindings, 0,
                                                 static_cast<int64_t>(launch.tiles));
    return;
  }
  if (launches.empty())
    return;
  job = launches;
  runs.fetch_add(1, std::memory_order_release);
  runs.notify_all();
  work(0, launches);
}

void ThreadPool::work(unsigned lane, std::span<const Launch> launches) {
  for (const Launch &launch : launches) {
    runTiles(lane, launch);
    meet();
  }
}

void ThreadPool::runTiles(unsigned lane, const Launch &launch) {
  while (runChunk(launch, lane)) {
  }
  // With a tile or less to each share there is nothing to take from others.
  if (launch.tiles <= lanes.size())
    return;
  for (unsigned i = 1; i < lanes.size(); ++i)
    while (runChunk(launch, static_cast<unsigned>((lane + i) % lanes.size()))) {
    }
}

/// Takes and runs a chunk of `owner`'s share; false when all of it has been taken. The counter only
/// hands out numbers, each once; what the tiles write is published by the barrier.
bool ThreadPool::runChunk(const Launch &launch, unsigned owner) {
  uint64_t begin = launch.tiles * owner / lanes.size();
  uint64_t share = launch.tiles * (owner + 1) / lanes.size() - begin;
  std::atomic<uint64_t> &taken = lanes[owner].taken;
  uint64_t first = taken.load(std::memory_order_relaxed), last;
  do {
    if (first >= share)
      return false;
    last = first + std::max<uint64_t>((share - first) / partOfRemainder, 1);
  } while (!taken.compare_exchange_weak(first, last, std::memory_order_relaxed));
  reinterpret_cast<CpuKernel>(launch.kernel)(launch.bindings, static_cast<int64_t>(begin + first),
                                             static_cast<int64_t>(begin + last));
  return true;
}

/// A barrier. The last thread to arrive prepares the next launch's counters before it opens.
void ThreadPool::meet() {
  uint32_t now = phase.load(std::memory_order_relaxed);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == lanes.size()) {
    for (Lane &lane : lanes)
      lane.taken.store(0, std::memory_order_relaxed);
    arrived.store(0, std::memory_order_relaxed);
    phase.store(now + 1, std::memory_order_release);
    return;
  }
  for (unsigned turn = 0; phase.load(std::memory_order_acquire) == now; ++turn) {
    if (turn < barrierSpins)
      relax();
    else
      sched_yield();
  }
}

} // namespace tawny
