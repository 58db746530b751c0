// Nothing is allocated after load: steps, forks, roll-backs and page copies are counted.
#include "tests/runtime/executor/ToyRun.h"
#include "tests/runtime/gpu/FakeDevice.h"

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<uint64_t> allocations = 0;
/// Tells what a fake driver allocates from what the runtime does; null where there is none.
static bool (*isDriver)() = nullptr;

void *operator new(size_t size) {
  allocations += !isDriver || !isDriver();
  if (void *memory = std::malloc(size ? size : 1))
    return memory;
  std::abort();
}
void *operator new(size_t size, std::align_val_t alignment) {
  allocations += !isDriver || !isDriver();
  auto step = static_cast<size_t>(alignment);
  if (void *memory = std::aligned_alloc(step, (size + step - 1) / step * step))
    return memory;
  std::abort();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void *memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace tawny::test {
namespace {

/// Counts what steps, forks, roll-backs and page copies allocate.
uint64_t allocatedBySteps(ToyRun &toy) {
  Tokens prompt(20, 3);
  Flags wanted(20, 1);
  uint64_t before = allocations;
  for (int round = 0; round < 50; ++round) {
    SequenceId a = *toy.pool().create();
    SequenceInput prefill{a, prompt, wanted.data()};
    auto first = toy.executor->step({&prefill, 1});
    toy.pool().truncate(a, 18);
    SequenceId b = *toy.pool().fork(a);
    std::span<const int32_t> one = std::span(prompt).first(1);
    SequenceInput decode[] = {{a, one}, {b, one}};
    auto second = toy.executor->step(decode);
    // 20 and 18 tokens are 5 pages each, one of which was copied.
    bool good = first && second && first->rows == 20 && second->rows == 2;
    if (!good)
      break;
    toy.pool().free(a);
    toy.pool().free(b);
  }
  uint64_t after = allocations;
  EXPECT_EQ(toy.pool().freePages(), static_cast<uint32_t>(TOY_PAGES)) << "all rounds were good";
  return after - before;
}

TEST(Allocation, EndsWithLoading) {
  ModelOptions options;
  options.maxLogitRows = 20;
  options.check = true;
  ToyRun toy(options);
  EXPECT_EQ(allocatedBySteps(toy), 0u);
}

TEST(Allocation, EndsWithLoadingOnAGpu) {
  for (const char *flavour : {"hip", "cuda"})
    for (LaunchMode mode : {LaunchMode::Eager, LaunchMode::Graph}) {
      FakeDriver driver(flavour);
      ModelOptions options;
      options.device = flavour;
      options.maxLogitRows = 20;
      options.launch = mode;
      ToyRun toy(options, 1, toyModel(asGpuCode(toyCode()), flavour));
      isDriver = driver->isInside;
      EXPECT_EQ(allocatedBySteps(toy), 0u) << flavour;
      isDriver = nullptr;
    }
}

} // namespace
} // namespace tawny::test
