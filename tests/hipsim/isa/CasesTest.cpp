// Every line of every file in cases/.
#include "tests/hipsim/isa/CaseFile.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <gtest/gtest.h>

namespace tawny::hipsim::test {
namespace {

const std::string folder = TAWNY_SOURCE_DIR "/tests/hipsim/isa/cases";

std::vector<std::string> fileNames() {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".txt")
      names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class IsaCases : public testing::TestWithParam<std::string> {};

TEST_P(IsaCases, Hold) {
  CaseFile file = readCases(folder + "/" + GetParam() + ".txt");
  ASSERT_EQ(file.error, "");
  ASSERT_FALSE(file.lines.empty());
  for (const CaseFile::Line &line : file.lines) {
    SCOPED_TRACE(GetParam() + ".txt:" + std::to_string(line.number));
    for (const std::string &chip : line.chips)
      runCase(chip, line.test);
  }
}

std::string testName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, IsaCases, testing::ValuesIn(fileNames()), testName);

} // namespace
} // namespace tawny::hipsim::test
