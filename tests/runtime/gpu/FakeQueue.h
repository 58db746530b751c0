// The memory and the queue behind the fake driver, the same for both of its flavours.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tawny::test {

/// Device addresses are the host's plus this, so that following one on the host faults.
inline constexpr uint64_t deviceShift = uint64_t(1) << 46;
inline void *deviceAddress(uint64_t host) { return std::bit_cast<void *>(host + deviceShift); }

struct FakeEvent {
  bool isPending = false;
  double seconds = 0;
};

struct FakeGraph {
  std::vector<std::function<int()>> work;
};

struct FakeModule {
  int file = -1;
  void *library = nullptr;
};

/// Stands in every function of the driver that a step calls: what is allocated meanwhile is the
/// driver's.
class FakeCall {
public:
  FakeCall() { ++depth; }
  FakeCall(const FakeCall &) = delete;
  FakeCall &operator=(const FakeCall &) = delete;
  ~FakeCall() { --depth; }
  static bool isInside() { return depth > 0; }

private:
  static thread_local int depth;
};

/// One device: memory, a queue, objects.
class FakeGpu {
public:
  static FakeGpu &instance();

  void reset();
  /// Counts the call; the status that it is to give instead of working, or 0.
  int enter(const char *function);
  void blame(const std::string &what);

  int allocate(void **address, size_t bytes);
  int free(void *address);
  /// The host's memory behind [address, address + bytes), or null where it is not allocated.
  std::byte *hostOf(const void *address, size_t bytes);
  int pin(void **address, size_t bytes);
  int unpin(void *address);
  /// The device address of host memory that it may use in place from now on.
  void *adopt(void *host, size_t bytes);
  int disown(void *host);
  bool isPinned(const void *address, size_t bytes) const;

  /// Queues the work, or adds it to the graph that is being captured.
  int enqueue(std::function<int()> work);
  int launch(void *function, unsigned grid, unsigned bindingCount, void **parameters);
  /// Runs all that is queued.
  int drain();

  std::map<std::string, uint64_t> callCounts;
  std::map<std::string, std::pair<uint64_t, int>> failures; ///< countdown and status
  std::map<std::string, unsigned> delays;                   ///< microseconds
  std::string misuse;
  size_t capacity = size_t(64) << 20, used = 0;
  uint64_t loseCountdown = 0;
  int loseStatus = 0, lost = 0;
  uint64_t objects = 0; ///< modules, streams, events, graphs
  FakeGraph *capturing = nullptr;
  std::map<void *, unsigned> functions; ///< kernels and their numbers of bindings
  double clock = 0;

  uint64_t live() const { return memory.size() + pinned.size() + objects; }

private:
  std::map<uint64_t, std::pair<std::unique_ptr<std::byte[]>, size_t>> memory; ///< by host address
  std::map<const void *, size_t> pinned;
  std::vector<std::function<int()>> queue;
};

} // namespace tawny::test
