#include "dialects/formats/Layouts.h"

#include "dialects/formats/ReadingOrder.h"

#include <algorithm>
#include <cstring>

namespace tawny {
namespace {

constexpr uint64_t planeAlignment = 64;

uint64_t alignPlane(uint64_t bytes) {
  return (bytes + planeAlignment - 1) / planeAlignment * planeAlignment;
}

/// The first word of a block that is not loose: loose ones stand before the codes or behind them.
uint32_t firstDenseWord(const LayoutInfo &layout, const FormatInfo &format) {
  return layout.looseWords(format) == 0 ? 0 : format.firstCodeWord % layout.loadWords;
}

void spreadWord(std::byte *word) {
  uint32_t bits;
  std::memcpy(&bits, word, sizeof(bits));
  bits = spreadBits(bits);
  std::memcpy(word, &bits, sizeof(bits));
}

/// Copies the words of one row of plain floats to their places in a tile.
void packFloats(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns,
                const std::byte *row, std::byte *words) {
  uint64_t stride = uint64_t{layout.tileRows} * layout.loadWords * 4;
  uint64_t bytes = format.rowBytes(columns);
  for (uint64_t word = 0; 4 * word < bytes; ++word) // the last one may be half a word
    std::memcpy(words + word / layout.loadWords * stride + word % layout.loadWords * 4,
                row + 4 * word, std::min<uint64_t>(4, bytes - 4 * word));
}

/// Copies the blocks of row `r` of a tile in reading order to their places.
void packOrdered(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns,
                 const std::byte *row, uint64_t r, std::byte *tile) {
  const OrderedBlocks blocks(format);
  const uint64_t wordStride = uint64_t{layout.tileRows} * 4;
  const std::optional<uint32_t> fifthBits = format.fifthBitsWord();
  for (uint64_t block = 0; block < columns / format.blockElements; ++block) {
    const std::byte *source = row + block * format.blockBytes;
    std::byte *words = tile + blocks.wordsAt(block) + r * 4, *next = words;
    for (uint32_t word : readingOrder(format)) {
      std::memcpy(next, source + format.wordsOffset + 4 * word, 4);
      next += wordStride;
    }
    if (fifthBits)
      spreadWord(words + readingPlace(format, *fifthBits) * wordStride);
    if (format.halfOffset >= 0)
      std::memcpy(tile + blocks.halvesAt(block) + r * 2, source + format.halfOffset,
                  format.halfBytes());
  }
}

/// Copies the blocks of row `r` of a tile to their places in its planes.
void packBlocks(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns,
                const std::byte *row, uint64_t r, std::byte *tile) {
  uint64_t stride = uint64_t{layout.tileRows} * layout.loadWords * 4;
  uint32_t loose = layout.looseWords(format), dense = format.words - loose;
  uint32_t firstDense = firstDenseWord(layout, format), firstLoose = firstDense == 0 ? dense : 0;
  std::byte *words = tile + r * layout.loadWords * 4;
  std::byte *looseWords = tile + tileWordsBytes(layout, format, columns) + r * loose * 4;
  std::byte *halves = tile + tileHalvesOffset(layout, format, columns) + r * 2;
  // Loose in this layout, or it would be in the way of whole loads of codes.
  const std::optional<uint32_t> fifthBits = format.fifthBitsWord();
  uint64_t index = 0;
  for (uint64_t block = 0; block < columns / format.blockElements; ++block) {
    const std::byte *source = row + block * format.blockBytes;
    const std::byte *sourceWords = source + format.wordsOffset;
    for (uint64_t word = 0; word < dense; ++word, ++index)
      std::memcpy(words + index / layout.loadWords * stride + index % layout.loadWords * 4,
                  sourceWords + 4 * (firstDense + word), 4);
    std::byte *ownLoose = looseWords + block * layout.tileRows * loose * 4;
    std::memcpy(ownLoose, sourceWords + 4 * firstLoose, 4 * loose);
    if (fifthBits)
      spreadWord(ownLoose + layout.place(format, *fifthBits).index * 4);
    if (format.halfOffset >= 0)
      std::memcpy(halves + block * layout.tileRows * 2, source + format.halfOffset,
                  format.halfBytes());
  }
}

} // namespace

LayoutInfo::Place LayoutInfo::place(const FormatInfo &format, uint32_t word) const {
  if (inReadingOrder && !format.isFloat())
    return {false, readingPlace(format, word)};
  uint32_t loose = looseWords(format), firstDense = firstDenseWord(*this, format);
  if (word < firstDense)
    return {true, word};
  word -= firstDense;
  uint32_t dense = format.words - loose;
  return loose != 0 && word >= dense ? Place{true, word - dense} : Place{false, word};
}

std::optional<LayoutInfo> layoutByName(std::string_view name) {
  for (const LayoutInfo &layout : {rowsLayout, simd16Layout, simt32Layout})
    if (layout.name == name)
      return layout;
  return std::nullopt;
}

uint64_t tileWordsBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns) {
  uint64_t loads = (layout.rowWords(format, columns) + layout.loadWords - 1) / layout.loadWords;
  return alignPlane(loads * layout.loadWords * 4 * layout.tileRows);
}

uint64_t tileHalvesOffset(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns) {
  uint64_t blocks = columns / format.blockElements;
  return tileWordsBytes(layout, format, columns) +
         alignPlane(blocks * layout.looseWords(format) * 4 * layout.tileRows);
}

uint64_t tileBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns) {
  return tileHalvesOffset(layout, format, columns) +
         alignPlane(format.rowHalves(columns) * 2 * layout.tileRows);
}

uint64_t packedBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t rows,
                     uint64_t columns) {
  if (layout.tileRows == 0)
    return rows * format.rowBytes(columns);
  return (rows + layout.tileRows - 1) / layout.tileRows * tileBytes(layout, format, columns);
}

void packTile(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns,
              uint64_t rowCount, const std::byte *source, std::byte *tile) {
  std::memset(tile, 0, tileBytes(layout, format, columns));
  for (uint64_t r = 0; r < rowCount; ++r) {
    const std::byte *row = source + r * format.rowBytes(columns);
    if (format.isFloat())
      packFloats(layout, format, columns, row, tile + r * layout.loadWords * 4);
    else if (layout.inReadingOrder)
      packOrdered(layout, format, columns, row, r, tile);
    else
      packBlocks(layout, format, columns, row, r, tile);
  }
}

} // namespace tawny
