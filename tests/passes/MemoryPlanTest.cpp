// placeBuffers: buffers that are needed at once lie apart, and little is wasted.
#include "passes/MemoryPlan.h"

#include "llvm/ADT/SmallVector.h"
#include "gtest/gtest.h"

#include <random>

namespace tawny {
namespace {

bool overlap(uint64_t aBegin, uint64_t aEnd, uint64_t bBegin, uint64_t bEnd) {
  return aBegin < bEnd && bBegin < aEnd;
}

/// Checks all pairs of a plan.
void expectValid(llvm::ArrayRef<Buffer> buffers, uint64_t arenaBytes) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Buffer &a = buffers[i];
    EXPECT_EQ(a.offset % bufferAlignment, 0u);
    EXPECT_LE(a.offset + a.bytes, arenaBytes);
    for (size_t j = 0; j < i; ++j) {
      const Buffer &b = buffers[j];
      bool atOnce = overlap(a.first, a.last + 1, b.first, b.last + 1);
      bool shared = overlap(a.offset, a.offset + a.bytes, b.offset, b.offset + b.bytes);
      EXPECT_FALSE(atOnce && shared) << "buffers " << i << " and " << j;
    }
  }
}

TEST(MemoryPlan, NothingNeedsNothing) { EXPECT_EQ(placeBuffers({}), 0u); }

TEST(MemoryPlan, ReusesWhatIsNoLongerNeeded) {
  // A chain: at each step one buffer is read and one is written, so two suffice.
  llvm::SmallVector<Buffer> chain;
  for (unsigned step = 0; step < 10; ++step)
    chain.push_back({step, step + 1, 100});
  EXPECT_EQ(placeBuffers(chain), 256u);
  expectValid(chain, 256);
}

TEST(MemoryPlan, FillsAGapBetweenLargerBuffers) {
  llvm::SmallVector<Buffer> buffers = {{0, 4, 640}, {0, 1, 320}, {0, 4, 256}, {2, 4, 64}};
  uint64_t arenaBytes = placeBuffers(buffers);
  expectValid(buffers, arenaBytes);
  EXPECT_EQ(arenaBytes, 640u + 320 + 256);
  EXPECT_EQ(buffers[3].offset, 640u);
}

TEST(MemoryPlan, SaturatesInsteadOfWrapping) {
  llvm::SmallVector<Buffer> buffers = {{0, 1, UINT64_MAX - 10}, {0, 1, UINT64_MAX - 20}};
  EXPECT_EQ(placeBuffers(buffers), UINT64_MAX);
}

TEST(MemoryPlan, RandomLivesStayApart) {
  constexpr unsigned seed = 20240611;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    llvm::SmallVector<Buffer> buffers;
    uint64_t largestSum = 0;
    unsigned count = 1 + random() % 60;
    for (unsigned i = 0; i < count; ++i) {
      unsigned first = random() % 40;
      buffers.push_back({first, first + unsigned(random() % 6), 1 + random() % 5000});
    }
    uint64_t arenaBytes = placeBuffers(buffers);
    expectValid(buffers, arenaBytes);
    // No plan is smaller than what one step needs.
    for (unsigned step = 0; step < 46; ++step) {
      uint64_t sum = 0;
      for (const Buffer &buffer : buffers)
        if (buffer.first <= step && step <= buffer.last)
          sum += buffer.bytes;
      largestSum = std::max(largestSum, sum);
    }
    EXPECT_GE(arenaBytes, largestSum);
  }
}

} // namespace
} // namespace tawny
