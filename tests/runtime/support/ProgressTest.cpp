#include "runtime/support/Progress.h"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

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

/// What a bar at half writes to a terminal, from its creation to its end.
std::string drawOnTerminal(bool quiet) {
  int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
    return "no pseudo-terminal";
  std::FILE *stream = std::fopen(ptsname(terminal), "w");
  if (!stream)
    return "no pseudo-terminal";
  {
    Progress progress("load", 10, quiet, stream);
    progress.update(5);
  }
  char text[256];
  ssize_t size = read(terminal, text, sizeof(text));
  std::fclose(stream);
  close(terminal);
  return std::string(text, size > 0 ? static_cast<size_t>(size) : 0);
}

TEST(Progress, DrawsOnATerminalAndErasesItself) {
  std::string text = drawOnTerminal(/*quiet=*/false);
  if (text == "no pseudo-terminal")
    GTEST_SKIP() << text;
  EXPECT_EQ(text, "\r" + formatProgress("load", 5, 10, 80) + "\r\033[K");
  EXPECT_EQ(drawOnTerminal(/*quiet=*/true), "");
}

} // namespace
