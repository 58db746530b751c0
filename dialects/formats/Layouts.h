// Weight layouts: how the blocks of a weight are permuted so that kernels read full-width,
// aligned loads. Packing is lossless. No MLIR here.
#pragma once

#include "dialects/formats/Formats.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace tawny {

/// One row of the layout table.
///
/// `rows` is the order of the source file. The others cut the weight into tiles of `tileRows` rows
/// (the last one padded with zero rows) that follow each other. A lane of a vector or a wave is a
/// row: word i of row r lies beside word i of row r + 1, so a lane decodes its own row with the bit
/// layout of the source format (Decode.h), but for words of fifth bits, which are spread
/// (spreadBits). A tile has three planes, each padded to 64 bytes:
///   words   word i of row r of the tile at ((i / loadWords) * tileRows + r) * loadWords * 4
///           + (i % loadWords) * 4; i counts the words of the whole row (rowWords)
///   loose   loose word i of block b of row r at ((b * tileRows + r) * looseWords + i) * 4
///   halves  the f16 of block b of row r at (b * tileRows + r) * 2; a lone byte is widened
/// So a load of `loadWords` words per lane is contiguous. Words are loose where a block has more
/// or fewer than a multiple of `loadWords`: those that are too many, before the words of codes or
/// behind them, so that codes fill whole loads.
///
/// With `inReadingOrder` a tile of a quantised format is one plane of blocks instead, through which
/// a kernel's loads go upwards without a gap, as prefetchers expect: the halves of two blocks, 64
/// bytes where the format has any, then their words, each block's in the order of readingOrder().
struct LayoutInfo {
  std::string_view name;
  uint32_t tileRows;  ///< 0 for `rows`.
  uint32_t loadWords; ///< Words of one row that lie side by side.
  bool inReadingOrder = false;

  /// Loose words of a block.
  uint32_t looseWords(const FormatInfo &format) const {
    return format.isFloat() || tileRows == 0 ? 0 : format.words % loadWords;
  }
  /// Words of a row of `columns` weights that are not loose.
  uint64_t rowWords(const FormatInfo &format, uint64_t columns) const {
    return format.rowWords(columns) - columns / format.blockElements * looseWords(format);
  }
  /// Which plane a word lies in, and where among its block's words there.
  struct Place {
    bool isLoose;
    uint32_t index;
  };
  Place place(const FormatInfo &format, uint32_t word) const;
};

/// rows: vectors and whatever is read in source order.
/// simd16: 16 rows, one word: a vector of 16 lanes on any x86, which reads them in order.
/// simt32: 32 rows, four words: 16 bytes per lane of a wave on any GPU. Of the formats, Q4_1, Q5_0,
/// Q5_1, Q2_K, Q3_K and IQ4_XS have loose words in it.
inline constexpr LayoutInfo rowsLayout{"rows", 0, 0};
inline constexpr LayoutInfo simd16Layout{"simd16", 16, 1, true};
inline constexpr LayoutInfo simt32Layout{"simt32", 32, 4};

/// Rows of the tallest tile. Kernels make whole tiles, so what they do to a head as they store it
/// needs heads of a multiple of this.
inline constexpr uint32_t maxTileRows = simt32Layout.tileRows;

/// The layout of that name.
std::optional<LayoutInfo> layoutByName(std::string_view name);

/// Bytes of the plane of words of one tile, padding included: where the loose words begin. Of
/// layouts that are not in reading order.
uint64_t tileWordsBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns);
/// Where such a tile's plane of halves begins.
uint64_t tileHalvesOffset(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns);

/// Where the blocks of simd16 lie within a tile, in bytes.
struct OrderedBlocks {
  explicit OrderedBlocks(const FormatInfo &format)
      : wordsBytes(uint64_t{format.words} * 4 * simd16Layout.tileRows),
        halvesBytes(format.halfOffset < 0 ? 0 : 2 * simd16Layout.tileRows) {}

  uint64_t wordsBytes;  ///< Of the words of one block.
  uint64_t halvesBytes; ///< Of the halves of one block.

  uint64_t pairBytes() const { return 2 * (wordsBytes + halvesBytes); }
  uint64_t wordsAt(uint64_t block) const {
    return block / 2 * pairBytes() + 2 * halvesBytes + block % 2 * wordsBytes;
  }
  uint64_t halvesAt(uint64_t block) const {
    return block / 2 * pairBytes() + block % 2 * halvesBytes;
  }
};

/// Bytes of one tile, padding included.
uint64_t tileBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns);
/// Bytes of a packed weight of `rows` x `columns`.
uint64_t packedBytes(const LayoutInfo &layout, const FormatInfo &format, uint64_t rows,
                     uint64_t columns);

/// Packs `rowCount` (1 to layout.tileRows) source rows into one tile of tileBytes(...) bytes.
/// `source` holds rowCount * format.rowBytes(columns) bytes.
void packTile(const LayoutInfo &layout, const FormatInfo &format, uint64_t columns,
              uint64_t rowCount, const std::byte *source, std::byte *tile);

} // namespace tawny
