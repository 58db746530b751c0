// A folder of its own for each test, removed at its end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace tawny::test {

/// The base of tests that write files.
class TestFolder : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "tawny-test-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  /// The path of a file in the folder.
  std::string path(const char *name) const { return (folder / name).string(); }

  std::filesystem::path folder;
};

} // namespace tawny::test
