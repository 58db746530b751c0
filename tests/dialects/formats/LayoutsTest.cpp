// Packing: every word and half is where Layouts.h says, and padding is zero.
#include "dialects/formats/Layouts.h"
#include "dialects/formats/Activations.h"
#include "dialects/formats/ReadingOrder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <tuple>
#include <vector>

using namespace tawny;

namespace {

std::vector<std::byte> randomBytes(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte &byte : bytes)
    byte = static_cast<std::byte>(random() & 0xFF);
  return bytes;
}

/// Word `index` of a row in the source file, its fifth bits spread; the last word of an odd F16 row
/// is half a word.
uint32_t sourceWord(const FormatInfo &format, uint64_t columns, const std::byte *row,
                    uint64_t index) {
  uint64_t at = 4 * index, size = 4;
  if (!format.isFloat())
    at = index / format.words * format.blockBytes + format.wordsOffset + index % format.words * 4;
  else
    size = std::min<uint64_t>(4, format.rowBytes(columns) - at);
  uint32_t value = 0;
  std::memcpy(&value, row + at, size);
  return !format.isFloat() && index % format.words == format.fifthBitsWord() ? spreadBits(value)
                                                                             : value;
}

/// Where a tile in reading order has block `block`: pairs of blocks, each behind the pair's halves.
uint64_t orderedBlock(const LayoutInfo &layout, const FormatInfo &format, uint64_t block) {
  uint64_t halves = format.halfOffset < 0 ? 0 : uint64_t{layout.tileRows} * 2;
  uint64_t words = uint64_t{layout.tileRows} * format.words * 4;
  return block / 2 * (2 * halves + 2 * words) + 2 * halves + block % 2 * words;
}

/// Where a tile has word `index` of row `r`.
uint64_t placeOf(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns, uint64_t r,
                 uint64_t index) {
  uint32_t loose = layout.looseWords(format);
  if (layout.inReadingOrder && !format.isFloat()) {
    uint32_t place = readingPlace(format, static_cast<uint32_t>(index % format.words));
    return orderedBlock(layout, format, index / format.words) +
           (uint64_t{place} * layout.tileRows + r) * 4;
  }
  if (loose != 0) {
    uint64_t block = index / format.words, dense = format.words - loose;
    LayoutInfo::Place place = layout.place(format, static_cast<uint32_t>(index % format.words));
    if (place.isLoose)
      return tileWordsBytes(layout, format, columns) +
             ((block * layout.tileRows + r) * loose + place.index) * 4;
    index = block * dense + place.index;
  }
  return (index / layout.loadWords * layout.tileRows + r) * layout.loadWords * 4 +
         index % layout.loadWords * 4;
}

/// Where a tile has the half of block `block` of row `r`.
uint64_t halfPlaceOf(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns,
                     uint64_t r, uint64_t block) {
  if (layout.inReadingOrder)
    return orderedBlock(layout, format, block / 2 * 2) + (block % 2 * layout.tileRows + r) * 2 -
           uint64_t{layout.tileRows} * 4;
  return tileHalvesOffset(layout, format, columns) + (block * layout.tileRows + r) * 2;
}

using Case = std::tuple<LayoutInfo, Format, uint64_t>;
class LayoutTest : public ::testing::TestWithParam<Case> {};

TEST_P(LayoutTest, PutsEveryWordAndHalfInItsPlace) {
  auto [layout, formatKind, blocks] = GetParam();
  const FormatInfo &format = formatInfo(formatKind);
  uint64_t columns = blocks * format.blockElements, rowBytes = format.rowBytes(columns);
  for (uint64_t rows : {uint64_t{1}, uint64_t{5}, uint64_t{layout.tileRows}}) {
    std::vector<std::byte> source = randomBytes(rows * rowBytes, 7);
    std::vector<std::byte> tile(tileBytes(layout, format, columns), std::byte{0xAA});
    packTile(layout, format, columns, rows, source.data(), tile.data());

    // What is not found at a place of its own must be padding: it is cleared here, then compared.
    std::vector<std::byte> rest = tile;
    auto take = [&](uint64_t at, auto &value) {
      ASSERT_LE(at + sizeof(value), tile.size());
      std::memcpy(&value, tile.data() + at, sizeof(value));
      std::memset(rest.data() + at, 0, sizeof(value));
    };
    for (uint64_t r = 0; r < rows; ++r) {
      const std::byte *row = source.data() + r * rowBytes;
      for (uint64_t i = 0; i < format.rowWords(columns); ++i) {
        uint32_t value;
        take(placeOf(layout, format, columns, r, i), value);
        ASSERT_EQ(value, sourceWord(format, columns, row, i)) << "row " << r << " word " << i;
      }
      for (uint64_t b = 0; b < format.rowHalves(columns); ++b) {
        uint16_t value, expected = 0;
        take(halfPlaceOf(layout, format, columns, r, b), value);
        std::memcpy(&expected, row + b * format.blockBytes + format.halfOffset, format.halfBytes());
        ASSERT_EQ(value, expected) << "row " << r << " half " << b;
      }
    }
    EXPECT_EQ(rest, std::vector<std::byte>(tile.size())) << rows << " rows";
  }
}

TEST_P(LayoutTest, SizesAreWholeTilesOfAlignedPlanes) {
  auto [layout, formatKind, blocks] = GetParam();
  const FormatInfo &format = formatInfo(formatKind);
  uint64_t columns = blocks * format.blockElements;
  uint64_t tile = tileBytes(layout, format, columns);
  EXPECT_EQ(tileWordsBytes(layout, format, columns) % 64, 0u);
  EXPECT_EQ(tileHalvesOffset(layout, format, columns) % 64, 0u);
  EXPECT_EQ(tile % 64, 0u);
  EXPECT_EQ(packedBytes(layout, format, 1, columns), tile);
  EXPECT_EQ(packedBytes(layout, format, layout.tileRows, columns), tile);
  EXPECT_EQ(packedBytes(layout, format, layout.tileRows + 1, columns), 2 * tile);
}

INSTANTIATE_TEST_SUITE_P(
    All, LayoutTest,
    ::testing::Combine(::testing::Values(simd16Layout, simt32Layout),
                       ::testing::Values(Format::F32, Format::F16, Format::BF16, Format::Q4_0,
                                         Format::Q4_1, Format::Q5_0, Format::Q5_1, Format::Q8_0,
                                         Format::Q2_K, Format::Q3_K, Format::Q4_K, Format::Q5_K,
                                         Format::Q6_K, Format::IQ4_NL, Format::IQ4_XS,
                                         Format::MXFP4),
                       ::testing::Values(1, 3, 7)),
    [](const auto &info) {
      return std::string(std::get<0>(info.param).name) + "_" +
             std::string(formatInfo(std::get<1>(info.param)).name) + "_" +
             std::to_string(std::get<2>(info.param)) + "blocks";
    });

TEST(Layouts, FifthBitsAreSpreadOverTheBytesOfAWord) {
  for (unsigned weight = 0; weight < 32; ++weight)
    EXPECT_EQ(spreadBits(1u << weight), 1u << (8 * (weight % 4) + weight / 4)) << weight;
  EXPECT_EQ(spreadBits(0), 0u);
  EXPECT_EQ(spreadBits(0x0000000F), 0x01010101u);
  EXPECT_EQ(spreadBits(0xFFFFFFFF), 0xFFFFFFFFu);
}

TEST(Layouts, LooseWordsLeaveCodesInWholeLoads) {
  const std::pair<Format, uint32_t> expected[] = {
      {Format::Q4_0, 0}, {Format::Q4_1, 1}, {Format::Q5_0, 1}, {Format::Q5_1, 2},
      {Format::Q2_K, 1}, {Format::Q3_K, 3}, {Format::Q4_K, 0}, {Format::IQ4_XS, 2}};
  for (auto [kind, loose] : expected) {
    const FormatInfo &format = formatInfo(kind);
    EXPECT_EQ(simt32Layout.looseWords(format), loose) << format.name;
    EXPECT_EQ(simd16Layout.looseWords(format), 0u) << format.name;
    for (uint32_t word = format.firstCodeWord; word < format.endCodeWord; ++word)
      EXPECT_FALSE(simt32Layout.place(format, word).isLoose) << format.name << " word " << word;
    EXPECT_EQ(simt32Layout.place(format, format.firstCodeWord).index % simt32Layout.loadWords, 0u)
        << format.name;
  }
}

TEST(Layouts, AreFoundByName) {
  EXPECT_EQ(layoutByName("simd16")->tileRows, 16u);
  EXPECT_EQ(layoutByName("simt32")->loadWords, 4u);
  EXPECT_EQ(layoutByName("rows")->tileRows, 0u);
  EXPECT_FALSE(layoutByName("simd8").has_value());
  EXPECT_EQ(packedBytes(rowsLayout, formatInfo(Format::Q4_0), 3, 64), 108u);
}

TEST(ActivationRow, HasPlanesInPaddedRows) {
  ActivationRow row{96};
  EXPECT_EQ(row.scalesOffset(), 96u);
  EXPECT_EQ(row.sums32Offset(), 96u + 12);
  EXPECT_EQ(row.sums16Offset(), 96u + 24);
  EXPECT_EQ(row.offsets32Offset(), 96u + 48);
  EXPECT_EQ(row.offsets16Offset(), 96u + 60);
  EXPECT_EQ(row.planesBytes(), 180u);
  EXPECT_EQ(row.bytes(), 192u);
}

} // namespace
