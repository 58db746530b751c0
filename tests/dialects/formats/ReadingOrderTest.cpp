// The order of words in a block: that in which decoding, quad by quad, comes to them.
#include "dialects/formats/ReadingOrder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

using namespace tawny;

namespace {

template <typename T> std::vector<T> sorted(std::span<const T> values) {
  std::vector<T> copy(values.begin(), values.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

template <typename T> std::vector<T> firstNumbers(size_t count) {
  std::vector<T> numbers(count);
  std::iota(numbers.begin(), numbers.end(), T{0});
  return numbers;
}

class ReadingOrderTest : public ::testing::TestWithParam<Format> {
protected:
  const FormatInfo &format = formatInfo(GetParam());
};

TEST_P(ReadingOrderTest, HasEveryWordOnce) {
  EXPECT_EQ(sorted(readingOrder(format)), firstNumbers<uint32_t>(format.words));
  for (uint32_t place = 0; place < format.words; ++place)
    EXPECT_EQ(readingPlace(format, readingOrder(format)[place]), place);
}

TEST_P(ReadingOrderTest, HasEveryQuadOnceAndSectionsOneByOne) {
  std::span<const unsigned> order = quadOrder(format);
  unsigned quads = format.blockElements / 4, inSection = quads / format.sections;
  EXPECT_EQ(sorted(order), firstNumbers<unsigned>(quads));
  for (unsigned visited = 0; visited < quads; ++visited)
    EXPECT_EQ(order[visited] / inSection, visited / inSection);
}

// A kernel that loops over sections adds the same distance for each of them.
TEST_P(ReadingOrderTest, SectionsAreEquallyFarApart) {
  for (uint32_t word = 0; word < format.words; ++word) {
    uint32_t stride = format.sections > 1 ? format.sectionStride(word) : 0;
    if (stride == 0 || word < format.firstCodeWord || word >= format.firstCodeWord + stride)
      continue;
    int64_t first = readingPlace(format, word), step = readingPlace(format, word + stride) - first;
    EXPECT_GT(step, 0) << "word " << word;
    for (uint32_t section = 2; section < format.sections; ++section)
      EXPECT_EQ(readingPlace(format, word + section * stride), first + section * step)
          << "word " << word << " section " << section;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReadingOrderTest,
                         ::testing::Values(Format::Q4_0, Format::Q4_1, Format::Q5_0, Format::Q5_1,
                                           Format::Q8_0, Format::Q2_K, Format::Q3_K, Format::Q4_K,
                                           Format::Q5_K, Format::Q6_K, Format::IQ4_NL,
                                           Format::IQ4_XS, Format::MXFP4),
                         [](const auto &info) { return std::string(formatInfo(info.param).name); });

// Four quads take their low bits from two words and their high bits from a third.
TEST(ReadingOrder, PutsWordsOfOneQuadSideBySide) {
  const FormatInfo &q6 = formatInfo(Format::Q6_K);
  std::span<const unsigned> quads = quadOrder(q6);
  EXPECT_EQ(std::vector<unsigned>(quads.begin(), quads.begin() + 8),
            (std::vector<unsigned>{0, 16, 8, 24, 1, 17, 9, 25}));
  uint32_t low = readingPlace(q6, 0);
  EXPECT_EQ(readingPlace(q6, 8), low + 2);
  EXPECT_EQ(readingPlace(q6, 32), low + 1);
  EXPECT_EQ(readingPlace(q6, 1), low + 3);
}

} // namespace
