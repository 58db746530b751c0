#include "compiler/Bounds.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

std::string errorOf(uint32_t modelContext, std::optional<uint64_t> context,
                    std::optional<uint64_t> batch, std::optional<uint64_t> pool) {
  llvm::Expected<Bounds> bounds = chooseBounds(modelContext, context, batch, pool);
  return bounds ? "" : llvm::toString(bounds.takeError());
}

TEST(Bounds, Defaults) {
  llvm::Expected<Bounds> small = chooseBounds(2048, {}, {}, {});
  ASSERT_TRUE(bool(small));
  EXPECT_EQ(small->maxContext, 2048u);
  EXPECT_EQ(small->maxBatch, 32u);
  EXPECT_EQ(small->kvTokens, 2048u);
  llvm::Expected<Bounds> large = chooseBounds(131072, {}, {}, {});
  ASSERT_TRUE(bool(large));
  EXPECT_EQ(large->maxContext, 4096u);
  EXPECT_EQ(large->kvTokens, 4096u);
}

TEST(Bounds, PoolFollowsTheContext) {
  llvm::Expected<Bounds> bounds = chooseBounds(131072, 65536, 1, {});
  ASSERT_TRUE(bool(bounds));
  EXPECT_EQ(bounds->kvTokens, 65536u);
}

TEST(Bounds, Ranges) {
  EXPECT_EQ(errorOf(2048, 0, {}, {}),
            "--max-context: expected 1 to 2048 (what the model was trained for), found 0");
  EXPECT_EQ(errorOf(2048, {}, 0, {}), "--max-batch: expected 1 to 512, found 0");
  EXPECT_EQ(errorOf(2048, {}, 513, {}), "--max-batch: expected 1 to 512, found 513");
  EXPECT_EQ(errorOf(2048, {}, {}, 0), "--kv-tokens: expected 1 to 2147479552, found 0");
  EXPECT_EQ(errorOf(2048, {}, {}, uint64_t(1) << 40),
            "--kv-tokens: expected 1 to 2147479552, found 1099511627776");
}

} // namespace
