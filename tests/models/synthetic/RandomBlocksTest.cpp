// Random blocks decode to weights like a trained layer's, in every format that there is.
#include "models/synthetic/RandomBlocks.h"

#include "dialects/formats/ScalarDecode.h"
#include "models/gguf/Types.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

namespace tawny::synthetic {
namespace {

std::vector<Format> allFormats() {
  std::vector<Format> formats;
  for (uint32_t type = 0; type < gguf::numTypeIds; ++type)
    if (std::optional<Format> format = formatByGgmlType(type))
      formats.push_back(*format);
  return formats;
}

class RandomBlocks : public testing::TestWithParam<Format> {};

TEST_P(RandomBlocks, AreCentredWithTheSpreadOfALayer) {
  std::optional<RandomBlock> block = randomBlock(GetParam());
  ASSERT_TRUE(block) << "models/synthetic/RandomBlocks.cpp has no scales for this format";
  const FormatInfo &info = formatInfo(GetParam());
  ASSERT_EQ(block->fixed.size(), info.blockBytes);
  ASSERT_EQ(block->random.size(), info.blockBytes);
  std::mt19937 generator(1);
  double sum = 0, squares = 0;
  constexpr uint64_t count = 1 << 16;
  std::vector<float> weights(info.blockElements);
  for (uint64_t i = 0; i < count; i += info.blockElements) {
    std::vector<uint8_t> bytes(block->fixed);
    for (size_t j = 0; j < bytes.size(); ++j) {
      ASSERT_EQ(bytes[j] & block->random[j], 0) << "byte " << j;
      bytes[j] |= generator() & block->random[j];
    }
    decodeRow(GetParam(), bytes.data(), 0, weights.size(), weights.data());
    for (float weight : weights) {
      ASSERT_TRUE(std::isfinite(weight));
      sum += weight;
      squares += double(weight) * weight;
    }
  }
  // Codes of 0 to 7 around 4, in a format without minima, are half a code off: 0.0044.
  EXPECT_NEAR(sum / count, 0, 0.005);
  EXPECT_NEAR(std::sqrt(squares / count), 0.02, 0.005);
}

INSTANTIATE_TEST_SUITE_P(Formats, RandomBlocks, testing::ValuesIn(allFormats()),
                         [](const auto &info) { return std::string(formatInfo(info.param).name); });

TEST(RandomBlocks, OnesAreOnes) {
  RandomBlock block = blockOfOnes();
  float value = 0;
  decodeRow(Format::F32, block.fixed.data(), 0, 1, &value);
  EXPECT_EQ(value, 1.0f);
  EXPECT_EQ(block.random, std::vector<uint8_t>(4, 0));
}

} // namespace
} // namespace tawny::synthetic
