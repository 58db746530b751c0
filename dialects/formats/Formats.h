// The block formats of quantised weights: one table that importers, layouts, the interpreter and
// the emitters read. No MLIR here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tawny {

/// A storage format of weights. Geometry and names follow the GGUF specification (ggml docs,
/// gguf.md) and the block structures it refers to.
enum class Format : uint8_t {
  F32,
  F16,
  BF16,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_NL,
  IQ4_XS,
  MXFP4,
};

/// One row of the format table.
///
/// A block is `blockElements` consecutive weights of a row in `blockBytes` bytes. Layouts and
/// decoders see it as `words` little-endian 32-bit words from byte `wordsOffset` on and, where
/// `halfOffset` is not negative, one f16 at that byte (MXFP4: one byte, which is widened). F16 and
/// BF16 have blocks of one element on disk; two of them share a word (see rowWords).
///
/// Every format is affine in groups: weight = scale(group) * code - min(group), codes unsigned,
/// below 2^codeBits, `groupElements` consecutive weights to a group. Where min is a constant times
/// the scale, that is `bias`; it is 0 where each group has a min of its own. codeBits is 0 for
/// plain floats, which have no groups. Formats whose weights come from a table of 16 numbers have
/// these, moved up by the bias, as their codes.
struct FormatInfo {
  Format format;
  std::string_view name;  ///< The spelling of the llm type and of the artifact: q4_k, f16.
  uint32_t ggmlType;      ///< The type's number in GGUF.
  uint32_t blockElements; ///< Weights in a block.
  uint32_t blockBytes;
  uint32_t words;
  uint32_t wordsOffset;
  int32_t halfOffset;
  uint32_t groupElements;
  uint32_t codeBits;
  uint32_t bias;
  /// The codes of a block are `sections` equal runs with one bit layout: quad q of section s is
  /// quad q of section 0 with each word w of codes sectionStride(w) * s words further on and
  /// shifted right by sectionShift(w) * s bits.
  uint32_t sections;
  uint32_t firstCodeWord, endCodeWord; ///< The words that hold whole quads' share of codes.

  bool isFloat() const { return codeBits == 0; }
  bool isHalfFloat() const { return isFloat() && blockBytes == 2; }
  /// Bytes of a block outside its words: 2, 1 or 0.
  uint32_t halfBytes() const { return halfOffset < 0 ? 0 : blockBytes - 4 * words; }
  uint32_t groups() const { return blockElements / groupElements; }
  /// How far word `word` of section 0 moves from one section to the next, in words.
  uint32_t sectionStride(uint32_t word) const;
  /// By how many bits word `word` of section 0 is shifted right from one section to the next.
  uint32_t sectionShift(uint32_t word) const;
  /// The word outside the code words that has bit 4 of every code of a block, where there is one:
  /// in the source file weight i's at bit i, in packed layouts and for decoders as spreadBits says.
  std::optional<uint32_t> fifthBitsWord() const;
  /// Bytes of a row of `columns` weights, which must be a whole number of blocks.
  uint64_t rowBytes(uint64_t columns) const { return columns / blockElements * blockBytes; }
  /// 32-bit words of a row; an odd row of F16 or BF16 ends in half a word of zeros.
  uint64_t rowWords(uint64_t columns) const {
    return isHalfFloat() ? (columns + 1) / 2 : columns / blockElements * words;
  }
  /// f16 values (MXFP4: bytes) of a row that lie outside its words.
  uint64_t rowHalves(uint64_t columns) const {
    return halfOffset < 0 ? 0 : columns / blockElements;
  }
};

/// Moves bit 4 q + i to bit 8 i + q: the bits of quad q, which lie side by side in a word of fifth
/// bits, come to lie at bit q of each byte, where a shift and a mask find all four.
uint32_t spreadBits(uint32_t bits);

/// The table's row for a format.
const FormatInfo &formatInfo(Format format);
/// The format of that name, as in FormatInfo::name.
std::optional<Format> formatByName(std::string_view name);
/// The format of a GGUF tensor type, if this compiler knows it.
std::optional<Format> formatByGgmlType(uint32_t type);

} // namespace tawny
