// Threads that run the launches of a program together.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/support/Error.h"

#include <atomic>
#include <cstdint>
#include <pthread.h>
#include <span>
#include <vector>

namespace tawny {

/// Persistent threads; the caller of run() is one of them. A launch is done when all of its tiles
/// are, whoever ran them: a thread that sleeps, or waits for a core that another process has, is
/// not waited for unless it holds tiles. Between the launches of one run threads spin; between runs
/// they spin for a moment and then sleep.
///
/// Which thread runs a tile varies, what a tile computes does not: tiles of a launch are
/// independent. Each thread owns a contiguous share of the tiles, so that it streams contiguous
/// weights and finds the same ones in its cache at the next step; one that is done early takes
/// chunks of others' shares.
class ThreadPool {
public:
  /// `threads` counts the caller; the others do not exist before start().
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// Makes the threads, once. Fails where the system refuses one.
  ErrorOr<void> start();

  /// Runs the launches in order and returns when the last has finished. Their kernels are
  /// CpuKernels and run in the FloatMode.
  void run(std::span<const Launch> launches);

  unsigned threads() const { return static_cast<unsigned>(lanes.size()); }

private:
  /// One thread's share of the launch under way.
  struct alignas(64) Lane {
    std::atomic<uint64_t> left = 0; ///< tiles at the share's end that nobody has taken
    ThreadPool *pool = nullptr;
    pthread_t thread = {};
    size_t index = 0;
  };

  static void *threadMain(void *lane);
  uint64_t shareBegin(size_t lane) const { return current->tiles * lane / lanes.size(); }
  bool open(bool isFirst);
  void work(size_t lane);
  uint64_t runChunk(size_t owner);
  uint32_t awaitLaunch(uint32_t now);
  uint32_t awaitRun(uint32_t now);

  std::vector<Lane> lanes;
  unsigned started = 1; ///< threads that exist, the caller included
  std::atomic<bool> stopping = false;
  /// The launch under way and the end of the run. They may be read by who holds tiles of it: until
  /// those are counted as finished, the launch stays.
  alignas(64) const Launch *current = nullptr;
  const Launch *end = nullptr;
  /// Grows with every launch that begins and with the end of every run; odd during a run.
  std::atomic<uint32_t> phase = 0;
  alignas(64) std::atomic<uint64_t> finished = 0; ///< tiles of the launch under way
};

} // namespace tawny
