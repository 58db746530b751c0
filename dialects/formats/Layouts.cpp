#include "dialects/formats/Layouts.h"

#include <cstring>

namespace tawny {
namespace {

constexpr uint64_t planeAlignment = 64;

uint64_t alignPlane(uint64_t bytes) {
  return (bytes + planeAlignment - 1) / planeAlignment * planeAlignment;
}

/// Copies the words of one row to their places in a tile.
void packRowWords(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns,
                  const std::byte *row, std::byte *words) {
  uint64_t stride = uint64_t{layout.tileRows} * layout.loadWords * 4;
  if (format.format == Format::F16 && columns % 2 != 0) { // the last word is half a word
    uint64_t last = columns / 2;
    std::memcpy(words + last / layout.loadWords * stride + last % layout.loadWords * 4,
                row + 2 * (columns - 1), 2);
  }
  // F16 and F32 rows are plain words; the other formats repeat a block.
  uint64_t wordsPerBlock = format.isFloat() ? columns * format.blockBytes / 4 : format.words;
  uint64_t blocks = format.isFloat() ? 1 : columns / format.blockElements;
  uint64_t index = 0;
  for (uint64_t block = 0; block < blocks; ++block) {
    const std::byte *source = row + block * format.blockBytes + format.wordsOffset;
    for (uint64_t word = 0; word < wordsPerBlock; ++word, ++index)
      std::memcpy(words + index / layout.loadWords * stride + index % layout.loadWords * 4,
                  source + 4 * word, 4);
  }
}

} // namespace

std::optional<LayoutInfo> layoutByName(std::string_view name) {
  for (const LayoutInfo &layout : {rowsLayout, simd16Layout, simt32Layout})
    if (layout.name == name)
      return layout;
  return std::nullopt;
}

uint64_t tileWordsBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns) {
  uint64_t loads = (format.rowWords(columns) + layout.loadWords - 1) / layout.loadWords;
  return alignPlane(loads * layout.loadWords * 4 * layout.tileRows);
}

uint64_t tileBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns) {
  return tileWordsBytes(layout, format, columns) +
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
  uint64_t wordsBytes = tileWordsBytes(layout, format, columns);
  uint64_t halves = format.rowHalves(columns);
  std::memset(tile, 0, tileBytes(layout, format, columns));
  for (uint64_t r = 0; r < rowCount; ++r) {
    const std::byte *row = source + r * format.rowBytes(columns);
    packRowWords(layout, format, columns, row, tile + r * layout.loadWords * 4);
    for (uint64_t block = 0; block < halves; ++block)
      std::memcpy(tile + wordsBytes + (block * layout.tileRows + r) * 2,
                  row + block * format.blockBytes + format.halfOffset, 2);
  }
}

} // namespace tawny
