// Threads that run the launches of a program together.
#pragma once

#include "runtime/device/Device.h"
#include "runtime/support/Error.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <pthread.h>
#include <span>
#include <vector>

namespace tawny {

/// Persistent threads; the caller of run() is one of them. Between the launches of one run all
/// threads meet at a spinning barrier; between runs they spin for a moment and then sleep.
///
/// Which thread runs a tile varies, what a tile computes does not: tiles of a launch are
/// independent. Each thread owns a contiguous share of the tiles, so that it streams contiguous
/// weights and finds the same ones in its cache at the next step; one that is done early takes
/// chunks of others' shares.
class ThreadPool {
public:
  /// `threads` counts the caller. Fails where the system refuses to make a thread.
  static ErrorOr<std::unique_ptr<ThreadPool>> create(unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// Runs the launches in order and returns when the last has finished. Their kernels are
  /// CpuKernels and run in the FloatMode.
  void run(std::span<const Launch> launches);

  unsigned threads() const { return static_cast<unsigned>(lanes.size()); }

private:
  /// One thread's share of the launch under way: how much of it has been taken, by anyone.
  struct alignas(64) Lane {
    std::atomic<uint64_t> taken = 0;
    ThreadPool *pool = nullptr;
    pthread_t thread = {};
    unsigned index = 0;
  };

  explicit ThreadPool(unsigned threads) : lanes(threads) {}
  static void *threadMain(void *lane);
  void work(unsigned lane, std::span<const Launch> launches);
  void runTiles(unsigned lane, const Launch &launch);
  bool runChunk(const Launch &launch, unsigned owner);
  void meet();
  uint32_t awaitRun(uint32_t last);

  std::vector<Lane> lanes;
  unsigned started = 1; ///< threads that exist, the caller included
  std::span<const Launch> job;
  bool stopping = false;
  alignas(64) std::atomic<uint32_t> runs = 0; ///< counts runs; idle threads wait for a change
  alignas(64) std::atomic<uint32_t> arrived = 0;
  alignas(64) std::atomic<uint32_t> phase = 0; ///< counts meetings
};

} // namespace tawny
