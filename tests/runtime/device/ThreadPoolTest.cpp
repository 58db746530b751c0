#include "runtime/device/ThreadPool.h"

#include "runtime/KernelAbi.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tawny {
namespace {

/// [counts]: how often each tile ran.
void countTiles(void *const *bindings, int64_t begin, int64_t end) {
  auto *counts = static_cast<uint32_t *>(bindings[0]);
  for (int64_t i = begin; i < end; ++i)
    ++counts[i];
}

/// [from, to]: to[i] is a sum of all of from, so every tile needs every tile of the launch before.
void sumAll(void *const *bindings, int64_t begin, int64_t end) {
  auto &from = *static_cast<std::vector<uint64_t> *>(bindings[0]);
  auto &to = *static_cast<std::vector<uint64_t> *>(bindings[1]);
  for (int64_t i = begin; i < end; ++i)
    to[static_cast<size_t>(i)] =
        std::accumulate(from.begin(), from.end(), static_cast<uint64_t>(i));
}

Launch launchOf(CpuKernel kernel, void *const *bindings, uint64_t tiles) {
  Launch launch;
  launch.kernel = reinterpret_cast<KernelHandle>(kernel);
  launch.bindings = bindings;
  launch.tiles = tiles;
  return launch;
}

class ThreadPools : public testing::TestWithParam<unsigned> {
protected:
  void SetUp() override {
    pool = std::make_unique<ThreadPool>(GetParam());
    ErrorOr<void> started = pool->start();
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ(pool->threads(), GetParam());
  }
  std::unique_ptr<ThreadPool> pool;
};

TEST_P(ThreadPools, RunEachTileOnce) {
  for (uint64_t tiles : {0, 1, 2, 3, 7, 64, 1000, 4097}) {
    std::vector<uint32_t> counts(tiles);
    void *bindings[] = {counts.data()};
    Launch launch = launchOf(countTiles, bindings, tiles);
    pool->run({&launch, 1});
    EXPECT_EQ(counts, std::vector<uint32_t>(tiles, 1)) << tiles;
  }
}

TEST_P(ThreadPools, FinishALaunchBeforeTheNext) {
  constexpr uint64_t tiles = 61;
  constexpr unsigned launchCount = 40;
  std::vector<std::vector<uint64_t>> values(launchCount + 1, std::vector<uint64_t>(tiles));
  std::iota(values[0].begin(), values[0].end(), 0);
  std::vector<void *> bindings;
  for (unsigned i = 0; i < launchCount; ++i)
    bindings.insert(bindings.end(), {&values[i], &values[i + 1]});
  std::vector<Launch> launches;
  for (unsigned i = 0; i < launchCount; ++i)
    launches.push_back(launchOf(sumAll, &bindings[2 * size_t(i)], tiles));
  pool->run(launches);
  std::vector<uint64_t> expected = values[0], next(tiles);
  for (unsigned i = 0; i < launchCount; ++i) {
    for (uint64_t t = 0; t < tiles; ++t)
      next[t] = std::accumulate(expected.begin(), expected.end(), t);
    expected = next;
    ASSERT_EQ(values[i + 1], expected) << "launch " << i;
  }
}

TEST_P(ThreadPools, RunManyTimes) {
  std::vector<uint32_t> counts(5);
  void *bindings[] = {counts.data()};
  Launch launch = launchOf(countTiles, bindings, counts.size());
  constexpr uint32_t runs = 500;
  for (uint32_t i = 0; i < runs; ++i)
    pool->run({&launch, 1});
  EXPECT_EQ(counts, std::vector<uint32_t>(5, runs));
  pool->run({});
}

/// Threads that are late to one run find the next in its place: other launches, other memory.
TEST_P(ThreadPools, TakeNothingFromARunThatIsOver) {
  for (uint64_t run = 0; run < 3000; ++run) {
    const uint64_t tiles = run % 5, launchCount = run % 4;
    std::vector<std::vector<uint32_t>> counts(launchCount, std::vector<uint32_t>(tiles));
    std::vector<void *> bindings;
    for (std::vector<uint32_t> &ofLaunch : counts)
      bindings.push_back(ofLaunch.data());
    std::vector<Launch> launches;
    for (size_t i = 0; i < launchCount; ++i)
      launches.push_back(launchOf(countTiles, &bindings[i], tiles));
    pool->run(launches);
    for (const std::vector<uint32_t> &ofLaunch : counts)
      ASSERT_EQ(ofLaunch, std::vector<uint32_t>(tiles, 1)) << "run " << run;
  }
}

#if defined(__x86_64__)
/// [factors, products]: products[i] is the product of the i'th pair of factors.
void multiply(void *const *bindings, int64_t begin, int64_t end) {
  auto *factors = static_cast<const std::array<volatile float, 2> *>(bindings[0]);
  auto *products = static_cast<float *>(bindings[1]);
  for (int64_t i = begin; i < end; ++i)
    products[i] = factors[i][0] * factors[i][1];
}

TEST_P(ThreadPools, TakeSubnormalsForZeroInKernelsOnly) {
  // A product below the smallest normal number, and a factor below it.
  constexpr float underflow[] = {1e-30f, 1e-10f}, subnormal[] = {1e-40f, 1e10f};
  constexpr size_t tiles = 4000;
  std::vector<std::array<volatile float, 2>> factors(tiles);
  for (size_t i = 0; i < tiles; ++i)
    for (size_t k : {0, 1})
      factors[i][k] = i % 2 ? underflow[k] : subnormal[k];
  std::vector<float> products(tiles, 1);
  void *bindings[] = {factors.data(), products.data()};
  Launch launch = launchOf(multiply, bindings, tiles);
  // The caller's own mode, here rounding up, does not reach the kernels and is not lost.
  unsigned before = _mm_getcsr(), own = before | _MM_ROUND_UP;
  _mm_setcsr(own);
  pool->run({&launch, 1});
  unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after, own);
  EXPECT_EQ(products, std::vector<float>(tiles, 0));
  multiply(bindings, 0, 2);
  EXPECT_GT(products[0], 0);
  EXPECT_GT(products[1], 0);
}
#endif

// Sixteen threads are more than the cores of most machines that run tests: nothing may depend on
// their running at the same time.
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPools, testing::Values(1, 2, 3, 16),
                         [](const testing::TestParamInfo<unsigned> &info) {
                           return std::to_string(info.param);
                         });

TEST(ThreadPool, StopsWithoutHavingRun) {
  ThreadPool pool(4);
  ErrorOr<void> started = pool.start();
  ASSERT_TRUE(started) << started.error().message;
}

/// A thread that has not woken up is like one that does not exist yet.
TEST(ThreadPool, WaitsForNobodyWhoHoldsNoTiles) {
  ThreadPool pool(4);
  std::vector<uint32_t> counts(10);
  void *bindings[] = {counts.data()};
  const Launch launches[] = {launchOf(countTiles, bindings, 10), launchOf(countTiles, bindings, 3)};
  pool.run(launches);
  std::vector<uint32_t> expected(10, 1);
  std::fill_n(expected.begin(), 3, 2);
  EXPECT_EQ(counts, expected);

  ErrorOr<void> started = pool.start();
  ASSERT_TRUE(started) << started.error().message;
  pool.run(launches);
  for (uint32_t &count : expected)
    count *= 2;
  EXPECT_EQ(counts, expected);
}

} // namespace
} // namespace tawny
