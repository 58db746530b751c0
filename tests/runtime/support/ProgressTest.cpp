#include "runtime/support/Progress.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

TEST(Progress, FormatsItsBar) {
  EXPECT_EQ(formatProgress("load", 0, 10, 24), "load [            ]   0%");
  EXPECT_EQ(formatProgress("load", 5, 10, 24), "load [######      ]  50%");
  EXPECT_EQ(formatProgress("load", 10, 10, 24), "load [############] 100%");
}

TEST(Progress, HandlesOddInput) {
  EXPECT_EQ(formatProgress("load", 20, 10, 24), "load [############] 100%");
  EXPECT_EQ(formatProgress("load", 0, 0, 24), "load [############] 100%");
  EXPECT_EQ(formatProgress("load", UINT64_MAX / 2, UINT64_MAX, 24), "load [######      ]  50%");
  EXPECT_EQ(formatProgress("a label longer than the line", 1, 2, 5), "a label long []  50%");
}

TEST(Progress, WritesNothingWhereThereIsNoTerminal) {
  std::FILE *file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    Progress progress("load", 10, /*quiet=*/false, file);
    progress.update(5);
    progress.finish();
    progress.update(10);
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

} // namespace
