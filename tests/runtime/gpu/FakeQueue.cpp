#include "tests/runtime/gpu/FakeQueue.h"

#include "runtime/KernelAbi.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace tawny::test {

namespace {
constexpr int illegalAddress = 700, invalidValue = 1, noMemory = 2;
} // namespace

thread_local int FakeCall::depth = 0;

FakeGpu &FakeGpu::instance() {
  static FakeGpu gpu;
  return gpu;
}

void FakeGpu::reset() {
  callCounts.clear();
  failures.clear();
  delays.clear();
  misuse.clear();
  capacity = size_t(64) << 20;
  loseCountdown = 0;
  loseStatus = lost = 0;
  queue.clear();
  capturing = nullptr;
}

int FakeGpu::enter(const char *function) {
  ++callCounts[function];
  // A capture is not what is timed.
  if (auto slow = delays.find(function); slow != delays.end() && !capturing)
    std::this_thread::sleep_for(std::chrono::microseconds(slow->second));
  auto planned = failures.find(function);
  if (planned == failures.end() || planned->second.first == 0)
    return lost;
  --planned->second.first;
  return planned->second.first == 0 ? planned->second.second : lost;
}

void FakeGpu::blame(const std::string &what) {
  if (misuse.empty())
    misuse = what;
}

int FakeGpu::allocate(void **address, size_t bytes) {
  if (bytes == 0)
    return invalidValue;
  if (used + bytes > capacity)
    return noMemory;
  constexpr size_t alignment = 256;
  // Not zeroed: a device that relies on the driver for that must fail.
  std::unique_ptr<std::byte[]> block(new std::byte[bytes + alignment]);
  std::fill_n(block.get(), bytes + alignment, std::byte(0xcd));
  auto host = (reinterpret_cast<uint64_t>(block.get()) + alignment - 1) / alignment * alignment;
  memory[host] = {std::move(block), bytes};
  used += bytes;
  *address = deviceAddress(host);
  return 0;
}

int FakeGpu::free(void *address) {
  drain();
  auto found = memory.find(reinterpret_cast<uint64_t>(address) - deviceShift);
  if (found == memory.end()) {
    blame("freed what was not allocated");
    return invalidValue;
  }
  used -= found->second.second;
  memory.erase(found);
  return 0;
}

std::byte *FakeGpu::hostOf(const void *address, size_t bytes) {
  uint64_t host = reinterpret_cast<uint64_t>(address) - deviceShift;
  auto next = memory.upper_bound(host);
  if (next == memory.begin())
    return nullptr;
  auto &[first, block] = *std::prev(next);
  if (host - first > block.second || block.second - (host - first) < bytes)
    return nullptr;
  return std::bit_cast<std::byte *>(host);
}

int FakeGpu::pin(void **address, size_t bytes) {
  *address = std::malloc(bytes);
  pinned[*address] = bytes;
  return 0;
}

int FakeGpu::unpin(void *address) {
  drain();
  if (pinned.erase(address) == 0) {
    blame("freed pinned memory that was not allocated");
    return invalidValue;
  }
  std::free(address);
  return 0;
}

void *FakeGpu::adopt(void *host, size_t bytes) {
  memory[reinterpret_cast<uint64_t>(host)] = {nullptr, bytes};
  return deviceAddress(reinterpret_cast<uint64_t>(host));
}

int FakeGpu::disown(void *host) {
  drain();
  return memory.erase(reinterpret_cast<uint64_t>(host)) ? 0 : invalidValue;
}

bool FakeGpu::isPinned(const void *address, size_t bytes) const {
  auto next = pinned.upper_bound(address);
  if (next == pinned.begin())
    return false;
  const auto &[first, size] = *std::prev(next);
  auto offset = static_cast<const char *>(address) - static_cast<const char *>(first);
  return static_cast<size_t>(offset) + bytes <= size;
}

int FakeGpu::enqueue(std::function<int()> work) {
  (capturing ? capturing->work : queue).push_back(std::move(work));
  return 0;
}

int FakeGpu::launch(void *function, unsigned grid, unsigned bindingCount, void **parameters) {
  std::vector<void *> bindings;
  bindings.reserve(bindingCount);
  for (unsigned i = 0; i < bindingCount; ++i)
    bindings.push_back(*static_cast<void **>(parameters[i]));
  return enqueue([this, function, grid, bindings]() mutable {
    if (loseCountdown == 1)
      return loseStatus;
    loseCountdown -= loseCountdown > 0;
    std::vector<void *> hosts;
    hosts.reserve(bindings.size());
    for (void *binding : bindings) {
      hosts.push_back(hostOf(binding, 1));
      if (!hosts.back())
        return illegalAddress;
    }
    reinterpret_cast<CpuKernel>(function)(hosts.data(), 0, static_cast<int64_t>(grid));
    constexpr double launchSeconds = 1e-5, tileSeconds = 1e-7;
    clock += launchSeconds + tileSeconds * grid;
    return 0;
  });
}

int FakeGpu::drain() {
  if (capturing) {
    blame("waited while a graph was being captured");
    return invalidValue;
  }
  std::vector<std::function<int()>> work = std::move(queue);
  queue.clear();
  for (const auto &item : work)
    if (!lost)
      lost = item();
  return lost;
}

} // namespace tawny::test
