// The format table and the scalar decoder against the GGUF block structures, read bit by bit.
#include "dialects/formats/Formats.h"
#include "dialects/formats/Decode.h"
#include "dialects/formats/ScalarDecode.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace tawny;

namespace {

constexpr Format allFormats[] = {Format::F32,  Format::F16,  Format::Q4_0,
                                 Format::Q8_0, Format::Q4_K, Format::Q6_K};

/// Blocks of random bytes whose scale factors are finite.
std::vector<uint8_t> randomBlocks(Format format, size_t blocks, unsigned seed) {
  const FormatInfo &info = formatInfo(format);
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(blocks * info.blockBytes);
  for (uint8_t &byte : bytes)
    byte = static_cast<uint8_t>(random());
  auto tame = [&](size_t at) { bytes[at + 1] &= 0xBF; }; // clears the exponent's top bit
  for (size_t block = 0; block < blocks; ++block) {
    size_t base = block * info.blockBytes;
    if (format == Format::F32)
      bytes[base + 3] &= 0xBF;
    else if (info.halfOffset >= 0)
      tame(base + info.halfOffset);
    else
      tame(base);
    if (format == Format::Q4_K)
      tame(base + 2);
  }
  return bytes;
}

/// `count` bits from bit `first` on of a little-endian bit string.
unsigned bitsAt(const uint8_t *bytes, unsigned first, unsigned count) {
  unsigned value = 0;
  for (unsigned i = 0; i < count; ++i)
    value |= (bytes[(first + i) / 8] >> (first + i) % 8 & 1u) << i;
  return value;
}

double halfAt(const uint8_t *bytes) {
  _Float16 value;
  std::memcpy(&value, bytes, sizeof(value));
  return static_cast<double>(value);
}

/// Q4_K: f16 scale and minimum of the block, 96 bits of group factors, 128 bytes of nibbles.
double weightOfQ4K(const uint8_t *block, unsigned i) {
  const uint8_t *factors = block + 4, *codes = block + 16;
  unsigned group = i / 32;
  unsigned scale, minimum;
  if (group < 4) {
    scale = bitsAt(factors, 8 * group, 6);
    minimum = bitsAt(factors, 32 + 8 * group, 6);
  } else { // four bits in the last four bytes, two left over in the first eight
    unsigned other = group - 4;
    scale = bitsAt(factors, 64 + 8 * other, 4) | bitsAt(factors, 8 * other + 6, 2) << 4;
    minimum = bitsAt(factors, 64 + 8 * other + 4, 4) | bitsAt(factors, 32 + 8 * other + 6, 2) << 4;
  }
  unsigned code = bitsAt(codes, 8 * (i / 64 * 32 + i % 32) + (i % 64 < 32 ? 0 : 4), 4);
  return halfAt(block) * scale * code - halfAt(block + 2) * minimum;
}

/// Q6_K: 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, an f16.
double weightOfQ6K(const uint8_t *block, unsigned i) {
  unsigned half = i / 128, section = i % 128 / 32, lane = i % 32;
  unsigned low = bitsAt(block, 8 * (64 * half + 32 * (section % 2) + lane) + 4 * (section / 2), 4);
  unsigned high = bitsAt(block + 128, 8 * (32 * half + lane) + 2 * section, 2);
  int scale = static_cast<int8_t>(block[192 + i / 16]);
  return halfAt(block + 208) * scale * (static_cast<int>(low | high << 4) - 32);
}

/// The weight as the format's structure defines it, in double.
double weightOf(Format format, const uint8_t *block, unsigned i) {
  switch (format) {
  case Format::F32:
    float value;
    std::memcpy(&value, block, sizeof(value));
    return value;
  case Format::F16:
    return halfAt(block);
  case Format::Q4_0:
    return halfAt(block) * (static_cast<int>(bitsAt(block + 2, i % 16 * 8 + i / 16 * 4, 4)) - 8);
  case Format::Q8_0:
    return halfAt(block) * static_cast<int8_t>(block[2 + i]);
  case Format::Q4_K:
    return weightOfQ4K(block, i);
  case Format::Q6_K:
    return weightOfQ6K(block, i);
  }
  return 0;
}

TEST(Formats, AreThoseOfTheSpecification) {
  struct Expected {
    Format format;
    const char *name;
    uint32_t ggmlType, elements, bytes;
  };
  const Expected expected[] = {
      {Format::F32, "f32", 0, 1, 4},        {Format::F16, "f16", 1, 1, 2},
      {Format::Q4_0, "q4_0", 2, 32, 18},    {Format::Q8_0, "q8_0", 8, 32, 34},
      {Format::Q4_K, "q4_k", 12, 256, 144}, {Format::Q6_K, "q6_k", 14, 256, 210},
  };
  for (const Expected &row : expected) {
    const FormatInfo &info = formatInfo(row.format);
    EXPECT_EQ(info.name, row.name);
    EXPECT_EQ(info.ggmlType, row.ggmlType);
    EXPECT_EQ(info.blockElements, row.elements);
    EXPECT_EQ(info.blockBytes, row.bytes);
    EXPECT_EQ(formatByName(row.name), row.format);
    EXPECT_EQ(formatByGgmlType(row.ggmlType), row.format);
  }
  EXPECT_FALSE(formatByName("q5_1").has_value());
  EXPECT_FALSE(formatByGgmlType(7).has_value());
}

TEST(Formats, SplitBlocksIntoWordsAndHalvesWithoutLoss) {
  for (Format format : allFormats) {
    const FormatInfo &info = formatInfo(format);
    if (format == Format::F16)
      continue; // Two of its blocks share a word.
    uint32_t bytes = 4 * info.words + (info.halfOffset < 0 ? 0 : 2);
    EXPECT_EQ(bytes, info.blockBytes) << info.name;
  }
  const FormatInfo &f16 = formatInfo(Format::F16);
  EXPECT_EQ(f16.rowWords(7), 4u);
  EXPECT_EQ(f16.rowWords(8), 4u);
  EXPECT_EQ(formatInfo(Format::Q6_K).rowWords(512), 104u);
  EXPECT_EQ(formatInfo(Format::Q6_K).rowHalves(512), 2u);
  EXPECT_EQ(formatInfo(Format::Q4_K).rowHalves(512), 0u);
  EXPECT_EQ(formatInfo(Format::Q4_0).rowBytes(64), 36u);
}

TEST(Half, ConvertsEveryBitPatternAndBack) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    uint16_t half = static_cast<uint16_t>(bits);
    float value = halfToFloat(half);
    float expected = static_cast<float>(std::bit_cast<_Float16>(half));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value)))) << bits;
      continue;
    }
    ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(expected)) << bits;
    ASSERT_EQ(floatToHalf(value), half) << bits;
  }
}

TEST(Half, RoundsToNearestEven) {
  auto check = [](float value) {
    uint16_t expected = std::bit_cast<uint16_t>(static_cast<_Float16>(value));
    ASSERT_EQ(floatToHalf(value), expected) << value;
  };
  // Midpoints between neighbours, and the f32 values on either side of them.
  for (uint32_t bits = 0; bits < 0x7BFF; ++bits) {
    float low = halfToFloat(static_cast<uint16_t>(bits));
    float high = halfToFloat(static_cast<uint16_t>(bits + 1));
    float middle = (low + high) / 2;
    for (float value : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      check(value);
      check(-value);
    }
  }
  for (float value : {65504.0f, 65519.0f, 65520.0f, 65536.0f, 1e30f, 1e-30f, 0.0f, -0.0f})
    check(value);
  std::mt19937 random(5);
  for (int i = 0; i < 200000; ++i) {
    float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isnan(value))
      check(value);
  }
}

class FormatTest : public ::testing::TestWithParam<Format> {};

TEST_P(FormatTest, DecodesAsItsStructureSays) {
  Format format = GetParam();
  const FormatInfo &info = formatInfo(format);
  constexpr size_t blocks = 40;
  std::vector<uint8_t> row = randomBlocks(format, blocks, 11);
  std::vector<float> decoded(blocks * info.blockElements);
  decodeRow(format, row.data(), 0, decoded.size(), decoded.data());
  for (size_t i = 0; i < decoded.size(); ++i) {
    const uint8_t *block = row.data() + i / info.blockElements * info.blockBytes;
    double expected = weightOf(format, block, static_cast<unsigned>(i % info.blockElements));
    // scale * code - min is two roundings of f32 at most, relative to its larger term.
    double tolerance =
        info.isFloat() ? 0
                       : 1e-6 * (std::fabs(expected) +
                                 32 * std::fabs(halfAt(block + std::max(info.halfOffset, 0)) * 64));
    ASSERT_NEAR(decoded[i], expected, tolerance) << info.name << " weight " << i;
  }
}

TEST_P(FormatTest, DecodesAnyRangeLikeTheWhole) {
  Format format = GetParam();
  const FormatInfo &info = formatInfo(format);
  std::vector<uint8_t> row = randomBlocks(format, 3, 12);
  size_t columns = 3 * info.blockElements;
  std::vector<float> whole(columns);
  decodeRow(format, row.data(), 0, columns, whole.data());
  std::mt19937 random(13);
  for (int i = 0; i < 50; ++i) {
    size_t first = random() % columns, count = random() % (columns - first) + 1;
    std::vector<float> part(count);
    decodeRow(format, row.data(), first, count, part.data());
    for (size_t j = 0; j < count; ++j)
      ASSERT_EQ(part[j], whole[first + j]);
  }
}

/// Plain integers, and the words of a block some way further on.
struct IntegerOps {
  using Int = uint32_t;
  using Float = float;
  Int constant(uint32_t value) { return value; }
  Int andI(Int a, Int b) { return a & b; }
  Int orI(Int a, Int b) { return a | b; }
  Int xorI(Int a, Int b) { return a ^ b; }
  Int shlI(Int a, unsigned bits) { return a << bits; }
  Int shrI(Int a, unsigned bits) { return a >> bits; }
};

struct ShiftedBlock {
  const uint8_t *bytes;
  const FormatInfo &info;
  unsigned section;
  uint32_t word(unsigned index) const {
    unsigned at = index + info.sectionStride(index) * section;
    uint32_t value;
    std::memcpy(&value, bytes + info.wordsOffset + 4 * at, sizeof(value));
    return value;
  }
};

TEST_P(FormatTest, RepeatsTheBitsOfItsFirstSection) {
  Format format = GetParam();
  const FormatInfo &info = formatInfo(format);
  if (info.isFloat())
    return; // Plain floats have no codes.
  std::vector<uint8_t> block = randomBlocks(format, 1, 14);
  IntegerOps ops;
  unsigned quads = info.blockElements / info.sections / 4;
  for (unsigned section = 0; section < info.sections; ++section)
    for (unsigned quad = 0; quad < quads; ++quad)
      ASSERT_EQ(
          decodeQuad(format, ops, ShiftedBlock{block.data(), info, section}, quad),
          decodeQuad(format, ops, ShiftedBlock{block.data(), info, 0}, section * quads + quad))
          << info.name << " section " << section << " quad " << quad;
}

INSTANTIATE_TEST_SUITE_P(All, FormatTest, ::testing::ValuesIn(allFormats),
                         [](const auto &info) { return std::string(formatInfo(info.param).name); });

} // namespace
