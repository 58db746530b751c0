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

constexpr Format allFormats[] = {Format::F32,  Format::F16,    Format::BF16,   Format::Q4_0,
                                 Format::Q4_1, Format::Q5_0,   Format::Q5_1,   Format::Q8_0,
                                 Format::Q2_K, Format::Q3_K,   Format::Q4_K,   Format::Q5_K,
                                 Format::Q6_K, Format::IQ4_NL, Format::IQ4_XS, Format::MXFP4};

/// Where the f16 factors of a block lie.
std::vector<size_t> factorsOf(Format format) {
  switch (format) {
  case Format::F32:
  case Format::BF16:
  case Format::MXFP4:
    return {};
  case Format::Q4_1:
  case Format::Q5_1:
  case Format::Q4_K:
  case Format::Q5_K:
    return {0, 2};
  case Format::Q2_K:
    return {80, 82};
  case Format::Q3_K:
    return {108};
  case Format::Q6_K:
    return {208};
  default:
    return {0};
  }
}

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
    if (format == Format::BF16)
      tame(base);
    if (format == Format::MXFP4) // exponents within f16's range, as the others have
      bytes[base] = static_cast<uint8_t>(112 + random() % 32);
    for (size_t factor : factorsOf(format))
      tame(base + factor);
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

/// Nibble `i` of 32: low ones of 16 bytes first.
unsigned nibbleOf32(const uint8_t *bytes, unsigned i) {
  return bitsAt(bytes, i % 16 * 8 + i / 16 * 4, 4);
}

/// Q4_K: f16 scale and minimum of the block, 96 bits of group factors, 128 bytes of nibbles. Q5_K:
/// between the last two 32 bytes, in which bit g of byte l is the fifth bit of weight l of group g.
double weightOfQ4KOrQ5K(const uint8_t *block, unsigned i, bool isQ5) {
  const uint8_t *factors = block + 4, *codes = block + (isQ5 ? 48 : 16);
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
  if (isQ5)
    code += 16 * bitsAt(block + 16, 8 * (i % 32) + group, 1);
  return halfAt(block) * scale * code - halfAt(block + 2) * minimum;
}

/// Q2_K: 16 bytes of a scale and a minimum, 64 bytes of bit pairs, f16 scale and minimum.
double weightOfQ2K(const uint8_t *block, unsigned i) {
  unsigned code = bitsAt(block + 16, 8 * (i / 128 * 32 + i % 32) + 2 * (i % 128 / 32), 2);
  return halfAt(block + 80) * bitsAt(block, 8 * (i / 16), 4) * code -
         halfAt(block + 82) * bitsAt(block, 8 * (i / 16) + 4, 4);
}

/// Q3_K: 32 bytes of high bits, without which 4 is subtracted, 64 of low pairs, 12 of scales.
double weightOfQ3K(const uint8_t *block, unsigned i) {
  const uint8_t *scales = block + 96;
  int low =
      static_cast<int>(bitsAt(block + 32, 8 * (i / 128 * 32 + i % 32) + 2 * (i % 128 / 32), 2));
  int value = bitsAt(block, 8 * (i % 32) + i / 32, 1) ? low : low - 4;
  unsigned group = i / 16; // nibbles of eight bytes, low ones first; pairs of bits of four bytes
  unsigned scale = bitsAt(scales, 8 * (group % 8) + 4 * (group / 8), 4) |
                   bitsAt(scales + 8, 8 * (group % 4) + 2 * (group / 4), 2) << 4;
  return halfAt(block + 108) * (static_cast<int>(scale) - 32) * value;
}

/// The values that nibbles of IQ4_NL and IQ4_XS stand for.
constexpr int unevenValues[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                1,    13,   25,  38,  53,  69,  89,  113};

/// IQ4_XS: f16 scale, 16 high pairs of scales, 8 low nibbles of scales, groups of 16 bytes.
double weightOfIQ4XS(const uint8_t *block, unsigned i) {
  unsigned group = i / 32;
  int scale =
      static_cast<int>(bitsAt(block + 4, 4 * group, 4) | bitsAt(block + 2, 2 * group, 2) << 4);
  return halfAt(block) * (scale - 32) * unevenValues[nibbleOf32(block + 8 + 16 * group, i % 32)];
}

/// MXFP4: an exponent with a bias of 127, then 32 floats of a sign, two bits and one bit.
double weightOfMXFP4(const uint8_t *block, unsigned i) {
  unsigned bits = nibbleOf32(block + 1, i), exponent = bits >> 1 & 3, mantissa = bits & 1;
  double value = exponent == 0 ? 0.5 * mantissa : std::ldexp(1 + 0.5 * mantissa, exponent - 1);
  return std::ldexp(bits & 8 ? -value : value, block[0] - 127);
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
  case Format::BF16:
    return std::bit_cast<float>(bitsAt(block, 0, 16) << 16);
  case Format::Q4_0:
    return halfAt(block) * (static_cast<int>(nibbleOf32(block + 2, i)) - 8);
  case Format::Q4_1:
    return halfAt(block) * nibbleOf32(block + 4, i) + halfAt(block + 2);
  case Format::Q5_0:
    return halfAt(block) *
           (static_cast<int>(nibbleOf32(block + 6, i) | bitsAt(block + 2, i, 1) << 4) - 16);
  case Format::Q5_1:
    return halfAt(block) * (nibbleOf32(block + 8, i) | bitsAt(block + 4, i, 1) << 4) +
           halfAt(block + 2);
  case Format::Q8_0:
    return halfAt(block) * static_cast<int8_t>(block[2 + i]);
  case Format::Q2_K:
    return weightOfQ2K(block, i);
  case Format::Q3_K:
    return weightOfQ3K(block, i);
  case Format::Q4_K:
  case Format::Q5_K:
    return weightOfQ4KOrQ5K(block, i, format == Format::Q5_K);
  case Format::Q6_K:
    return weightOfQ6K(block, i);
  case Format::IQ4_NL:
    return halfAt(block) * unevenValues[nibbleOf32(block + 2, i)];
  case Format::IQ4_XS:
    return weightOfIQ4XS(block, i);
  case Format::MXFP4:
    return weightOfMXFP4(block, i);
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
      {Format::F32, "f32", 0, 1, 4},
      {Format::F16, "f16", 1, 1, 2},
      {Format::BF16, "bf16", 30, 1, 2},
      {Format::Q4_0, "q4_0", 2, 32, 18},
      {Format::Q4_1, "q4_1", 3, 32, 20},
      {Format::Q5_0, "q5_0", 6, 32, 22},
      {Format::Q5_1, "q5_1", 7, 32, 24},
      {Format::Q8_0, "q8_0", 8, 32, 34},
      {Format::Q2_K, "q2_k", 10, 256, 84},
      {Format::Q3_K, "q3_k", 11, 256, 110},
      {Format::Q4_K, "q4_k", 12, 256, 144},
      {Format::Q5_K, "q5_k", 13, 256, 176},
      {Format::Q6_K, "q6_k", 14, 256, 210},
      {Format::IQ4_NL, "iq4_nl", 20, 32, 18},
      {Format::IQ4_XS, "iq4_xs", 23, 256, 136},
      {Format::MXFP4, "mxfp4", 39, 32, 17},
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
  static_assert(std::size(expected) == std::size(allFormats));
  EXPECT_FALSE(formatByName("q8_1").has_value());
  EXPECT_FALSE(formatByGgmlType(9).has_value());
}

TEST(Formats, SplitBlocksIntoWordsAndHalvesWithoutLoss) {
  for (Format format : allFormats) {
    const FormatInfo &info = formatInfo(format);
    if (info.isHalfFloat())
      continue; // Two of its blocks share a word.
    EXPECT_EQ(4 * info.words + info.halfBytes(), info.blockBytes) << info.name;
    EXPECT_LE(info.halfBytes(), 2u) << info.name;
    EXPECT_LE(info.endCodeWord, info.words) << info.name;
  }
  EXPECT_EQ(formatInfo(Format::MXFP4).halfBytes(), 1u);
  EXPECT_EQ(formatInfo(Format::BF16).rowWords(7), 4u);
  const FormatInfo &f16 = formatInfo(Format::F16);
  EXPECT_EQ(f16.rowWords(7), 4u);
  EXPECT_EQ(f16.rowWords(8), 4u);
  EXPECT_EQ(formatInfo(Format::Q6_K).rowWords(512), 104u);
  EXPECT_EQ(formatInfo(Format::Q6_K).rowHalves(512), 2u);
  EXPECT_EQ(formatInfo(Format::Q4_K).rowHalves(512), 0u);
  EXPECT_EQ(formatInfo(Format::Q4_0).rowBytes(64), 36u);
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
    // scale * code - min is some roundings of f32, relative to its larger term.
    double largest = std::fabs(expected);
    for (size_t factor : factorsOf(format))
      largest += 32 * 64 * std::fabs(halfAt(block + factor));
    double tolerance = info.isFloat() || format == Format::MXFP4 ? 0 : 1e-6 * largest;
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

/// Every exponent with every code: 255 is NaN, the smallest scales are subnormal, and weights may
/// be where their bias times their scale is not.
TEST(Formats, MXFP4HasAllExponents) {
  const FormatInfo &info = formatInfo(Format::MXFP4);
  std::vector<uint8_t> block(info.blockBytes);
  for (unsigned i = 1; i < info.blockBytes; ++i)
    block[i] = static_cast<uint8_t>(i - 1 + 16 * (16 - i));
  for (int exponent = 0; exponent < 256; ++exponent) {
    block[0] = static_cast<uint8_t>(exponent);
    std::vector<float> decoded(info.blockElements);
    decodeRow(Format::MXFP4, block.data(), 0, decoded.size(), decoded.data());
    for (unsigned i = 0; i < info.blockElements; ++i)
      if (exponent == 255)
        EXPECT_TRUE(std::isnan(decoded[i])) << "weight " << i;
      else
        EXPECT_EQ(decoded[i], static_cast<float>(weightOfMXFP4(block.data(), i)))
            << "exponent " << exponent << " weight " << i;
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
  Int lookup(Int nibbles, const CodeTable &table) {
    return table[nibbles & 15] | table[nibbles >> 8 & 15] << 8 | table[nibbles >> 16 & 15] << 16 |
           Int{table[nibbles >> 24 & 15]} << 24;
  }
};

struct ShiftedBlock {
  const uint8_t *bytes;
  const FormatInfo &info;
  unsigned section;
  uint32_t word(unsigned index) const {
    unsigned at = index + info.sectionStride(index) * section;
    uint32_t value;
    std::memcpy(&value, bytes + info.wordsOffset + 4 * at, sizeof(value));
    return value >> info.sectionShift(index) * section;
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

TEST_P(FormatTest, FifthBitsOfTheNextQuadAreOneBitOn) {
  Format format = GetParam();
  const FormatInfo &info = formatInfo(format);
  std::optional<uint32_t> word = info.fifthBitsWord();
  if (!word)
    return; // Not all formats have such a word.
  EXPECT_TRUE(*word < info.firstCodeWord || *word >= info.endCodeWord);
  // Quads 0 and 1 have the same nibbles, and the bits of quad 1 where those of quad 0 were.
  std::vector<uint8_t> block = randomBlocks(format, 1, 15), moved;
  uint8_t *codes = &block[info.wordsOffset + 4 * info.firstCodeWord];
  std::memcpy(codes, codes + 4, 4);
  moved = block;
  uint32_t bits;
  std::memcpy(&bits, &block[info.wordsOffset + 4 * *word], sizeof(bits));
  bits >>= 1;
  std::memcpy(&moved[info.wordsOffset + 4 * *word], &bits, sizeof(bits));
  IntegerOps ops;
  EXPECT_EQ(decodeQuad(format, ops, ShiftedBlock{moved.data(), info, 0}, 0),
            decodeQuad(format, ops, ShiftedBlock{block.data(), info, 0}, 1));
}

TEST_P(FormatTest, CodesStayBelowTheirLimit) {
  Format format = GetParam();
  const FormatInfo &info = formatInfo(format);
  if (info.isFloat())
    return; // Plain floats have no codes.
  std::vector<uint8_t> block = randomBlocks(format, 1, 16);
  IntegerOps ops;
  for (unsigned quad = 0; quad < info.blockElements / 4; ++quad) {
    uint32_t codes = decodeQuad(format, ops, ShiftedBlock{block.data(), info, 0}, quad);
    for (unsigned byte = 0; byte < 4; ++byte)
      EXPECT_LT(codes >> 8 * byte & 255, 1u << info.codeBits);
  }
}

INSTANTIATE_TEST_SUITE_P(All, FormatTest, ::testing::ValuesIn(allFormats),
                         [](const auto &info) { return std::string(formatInfo(info.param).name); });

} // namespace
