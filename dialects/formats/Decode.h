// How each quantised format is decoded, written once. The interpreter runs these functions on
// plain integers, the emitters on mlir::Values of any width: a lane is one row of the weight.
//
// `Ops` supplies two types and the operations on them:
//   Int    a 32-bit lane:  constant(uint32_t) addI andI orI xorI shlI shrI (logical; by a constant)
//                          lookup(Int: four bytes of 0..15, CodeTable): an entry for each byte
//   Float  an f32 lane:    halfToFloat(Int: bits 0..15) bitsToFloat(Int) toFloat(Int: non-negative)
//                          addF mulF constantF
// `Block` reads one block of one row:
//   Int word(unsigned)     a little-endian 32-bit word, counted as in FormatInfo::words; that of
//                          fifth bits as spreadBits leaves it
//   Int half()             the f16 (or byte) at FormatInfo::halfOffset, in bits 0..15
//
// Formulas are those of the block structures the GGUF specification refers to. Scales of a word are
// taken out of it four at a time, in bytes, so that code for all groups of a block shares that
// work.
#pragma once

#include "dialects/formats/Formats.h"

#include <algorithm>
#include <array>

namespace tawny {

/// scale and min of a group: weight = scale * code - min.
template <typename Float> struct Affine {
  Float scale, min;
};

/// The codes that nibbles stand for, in formats whose weights are not evenly spaced.
using CodeTable = std::array<uint8_t, 16>;

namespace detail {

/// The values of IQ4_NL and IQ4_XS, -127 to 113, plus 127.
inline constexpr CodeTable iq4Codes{0,   23,  44,  62,  78,  92,  105, 117,
                                    128, 140, 152, 165, 180, 196, 216, 240};
/// Twice the values of E2M1 (OCP Microscaling Formats 1.0, section 5.3.3), -12 to 12, plus 12.
inline constexpr CodeTable e2m1Codes{12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

/// Moves bit `from` of every byte to bit `to` and clears the others but the `mask` of a byte.
template <typename Ops>
typename Ops::Int moveBits(Ops &ops, typename Ops::Int word, unsigned from, unsigned to,
                           uint32_t mask) {
  auto moved = from < to ? ops.shlI(word, to - from) : ops.shrI(word, from - to);
  return ops.andI(moved, ops.constant(mask * 0x01010101));
}

/// Byte `index` of a word.
template <typename Ops> typename Ops::Int byteOf(Ops &ops, typename Ops::Int word, unsigned index) {
  return ops.andI(ops.shrI(word, 8 * index), ops.constant(0xFF));
}

/// Quad `quad` of 32 nibbles in four words from `first` on: low ones are weights 0 to 15, high
/// ones 16 to 31.
template <typename Ops, typename Block>
typename Ops::Int nibblesOf32(Ops &ops, Block &block, unsigned first, unsigned quad) {
  return moveBits(ops, block.word(first + quad % 4), quad / 4 * 4, 0, 0x0F);
}

/// Quad `quad` of two bits each of a block of 256: weight 32 s + l of a half block takes bits 2 s
/// of byte l of the half's 32, which are words from `first` on.
template <typename Ops, typename Block>
typename Ops::Int bitPairs(Ops &ops, Block &block, unsigned first, unsigned quad) {
  return moveBits(ops, block.word(first + quad / 32 * 8 + quad % 8), quad % 32 / 8 * 2, 0, 3);
}

/// Quad `quad` of nibbles of a block of 256: 32 bytes, which are words from `first` on, hold group
/// 2 j in their low nibbles and 2 j + 1 in the high ones.
template <typename Ops, typename Block>
typename Ops::Int nibblesOf256(Ops &ops, Block &block, unsigned first, unsigned quad) {
  return moveBits(ops, block.word(first + quad / 16 * 8 + quad % 8), quad / 8 % 2 * 4, 0, 0x0F);
}

/// Quad `quad` of a Q6_K block. Each half block of 128 weights has 64 bytes of low nibbles and 32
/// of high bit pairs: weight 32 s + l of the half takes nibble s / 2 of low byte l + 32 (s % 2)
/// and bits 2 s of high byte l. Lows are words 0 to 31, highs words 32 to 47.
template <typename Ops, typename Block>
typename Ops::Int q6kQuad(Ops &ops, Block &block, unsigned quad) {
  unsigned half = quad / 32, section = quad % 32 / 8, word = quad % 8;
  auto low = block.word(16 * half + 8 * (section % 2) + word);
  auto high = block.word(32 + 8 * half + word);
  return ops.orI(moveBits(ops, low, section / 2 * 4, 0, 0x0F),
                 moveBits(ops, high, 2 * section, 4, 0x30));
}

/// The 6-bit scale (`isMin` false) or minimum of group `group` of a Q4_K or Q5_K block. Groups 0
/// to 3 lie in the low six bits of the bytes of word 1 (scales) and 2 (minima); groups 4 to 7 have
/// their low four bits in the nibbles of word 3 and their high two in the top bits of words 1
/// and 2.
template <typename Ops, typename Block>
typename Ops::Int sixBits(Ops &ops, Block &block, unsigned group, bool isMin) {
  auto own = block.word(isMin ? 2 : 1);
  if (group < 4)
    return byteOf(ops, ops.andI(own, ops.constant(0x3F3F3F3F)), group);
  auto low = moveBits(ops, block.word(3), isMin ? 4 : 0, 0, 0x0F);
  return byteOf(ops, ops.orI(low, moveBits(ops, own, 6, 4, 0x30)), group % 4);
}

/// The 6-bit scale of group `group` of a Q3_K block, which stands for 32 less: its low four bits
/// are a nibble of words 24 and 25, its high two lie in word 26, those of groups 4 k to 4 k + 3 in
/// bits 2 k of the bytes.
template <typename Ops, typename Block>
typename Ops::Int q3kScale(Ops &ops, Block &block, unsigned group) {
  auto low = moveBits(ops, block.word(24 + group / 4 % 2), group / 8 * 4, 0, 0x0F);
  auto high = moveBits(ops, block.word(26), group / 4 * 2, 4, 0x30);
  return byteOf(ops, ops.orI(low, high), group % 4);
}

/// The 6-bit scale of group `group` of an IQ4_XS block, which stands for 32 less: its low four
/// bits are a nibble of word 1, its high two follow those of the others from bit 16 of word 0 on.
template <typename Ops, typename Block>
typename Ops::Int iq4xsScale(Ops &ops, Block &block, unsigned group) {
  auto low = ops.andI(ops.shrI(block.word(1), 4 * group), ops.constant(0x0F));
  auto high = ops.andI(ops.shrI(block.word(0), 16 + 2 * group), ops.constant(3));
  return ops.orI(low, ops.shlI(high, 4));
}

/// Half of the scale with E8M0's exponent `e` (OCP Microscaling Formats 1.0, section 5.4.1), which
/// is 2^(e - 127), and NaN for 255. That is the f32 with this exponent and no fraction, but for 0,
/// where the scale is subnormal, and 255: there the fraction's first bit is set.
template <typename Ops> typename Ops::Float halfOfE8M0(Ops &ops, typename Ops::Int e) {
  // Of the bits of 0 and 255 none differs from the next; of others, 1 to 127 is what differs.
  auto differing = ops.andI(ops.xorI(e, ops.shrI(e, 1)), ops.constant(0x7F));
  auto isOther = ops.shrI(ops.addI(differing, ops.constant(0x7F)), 7);
  auto fraction = ops.shlI(ops.xorI(isOther, ops.constant(1)), 22);
  auto scale = ops.bitsToFloat(ops.orI(ops.shlI(e, 23), fraction));
  return ops.mulF(scale, ops.constantF(0.5f));
}

/// The scale of a group, in formats of blocks of 32, which have one group, with a bias.
template <typename Ops, typename Block>
typename Ops::Float scaleOf(Format format, Ops &ops, Block &block) {
  if (format == Format::MXFP4) // codes are doubled
    return halfOfE8M0(ops, block.half());
  return ops.halfToFloat(block.half()); // Q4_0, Q5_0, Q8_0, IQ4_NL
}

} // namespace detail

/// Codes of weights 4 quad … 4 quad + 3 of a block, one to a byte, lowest first, unsigned.
/// `quad` counts within the block. Not for plain floats.
template <typename Ops, typename Block>
typename Ops::Int decodeQuad(Format format, Ops &ops, Block &&block, unsigned quad) {
  using namespace detail;
  switch (format) {
  case Format::Q4_0:
    return nibblesOf32(ops, block, 0, quad);
  case Format::Q4_1:
    return nibblesOf32(ops, block, 1, quad);
  case Format::Q5_0:
    return ops.orI(nibblesOf32(ops, block, 1, quad), moveBits(ops, block.word(0), quad, 4, 0x10));
  case Format::Q5_1:
    return ops.orI(nibblesOf32(ops, block, 2, quad), moveBits(ops, block.word(1), quad, 4, 0x10));
  case Format::Q8_0: // signed bytes; flipping the sign bit makes them codes with a bias of 128
    return ops.xorI(block.word(quad), ops.constant(0x80808080));
  case Format::Q2_K:
    return bitPairs(ops, block, 4, quad);
  case Format::Q3_K: // the third bit is bit s + 4 half of byte l of words 0 to 7
    return ops.orI(bitPairs(ops, block, 8, quad),
                   moveBits(ops, block.word(quad % 8), quad / 8, 2, 4));
  case Format::Q4_K:
    return nibblesOf256(ops, block, 4, quad);
  case Format::Q5_K: // the fifth bit is that of the group's number in words 4 to 11
    return ops.orI(nibblesOf256(ops, block, 12, quad),
                   moveBits(ops, block.word(4 + quad % 8), quad / 8, 4, 0x10));
  case Format::Q6_K:
    return q6kQuad(ops, block, quad);
  case Format::IQ4_NL:
    return ops.lookup(nibblesOf32(ops, block, 0, quad), iq4Codes);
  case Format::IQ4_XS: // eight groups like a block of IQ4_NL
    return ops.lookup(nibblesOf32(ops, block, 2 + quad / 8 * 4, quad % 8), iq4Codes);
  case Format::MXFP4:
    return ops.lookup(nibblesOf32(ops, block, 0, quad), e2m1Codes);
  case Format::F32:
  case Format::F16:
  case Format::BF16:
    break;
  }
  __builtin_unreachable();
}

/// The codes of a quad, each times 2^shift.
template <typename Int> struct ShiftedQuad {
  Int codes;
  unsigned shift;
};

/// Like decodeQuad, but codes may stay where they are in their bytes: a sum of products with them
/// can be shifted instead, once.
template <typename Ops, typename Block>
ShiftedQuad<typename Ops::Int> decodeShiftedQuad(Format format, Ops &ops, Block &&block,
                                                 unsigned quad) {
  auto inPlace = [&](unsigned word, uint32_t mask, unsigned shift) {
    auto codes = ops.andI(block.word(word), ops.constant(mask * 0x01010101));
    return ShiftedQuad<typename Ops::Int>{codes, shift};
  };
  auto highNibbles = [&](unsigned word) { return inPlace(word, 0xF0, 4); };
  // The quad's two bits of Q2_K and Q3_K (detail::bitPairs).
  unsigned half = quad / 32, pair = quad % 32 / 8, word = half * 8 + quad % 8;
  if (format == Format::Q2_K)
    return inPlace(4 + word, 3 << 2 * pair, 2 * pair);
  if (format == Format::Q3_K) {
    // The topmost pair makes room for the third bit above it.
    unsigned shift = std::min(2 * pair, 4u);
    auto low = detail::moveBits(ops, block.word(8 + word), 2 * pair, shift, 3 << shift);
    auto high = detail::moveBits(ops, block.word(quad % 8), pair + 4 * half, shift + 2, 4 << shift);
    return {ops.orI(low, high), shift};
  }
  if (format == Format::Q4_0 && quad >= 4)
    return highNibbles(quad % 4);
  if (format == Format::Q4_1 && quad >= 4)
    return highNibbles(1 + quad % 4);
  if (format == Format::Q4_K && quad / 8 % 2 == 1)
    return highNibbles(4 + quad / 16 * 8 + quad % 8);
  return {decodeQuad(format, ops, block, quad), 0};
}

/// Whether the bias times a scale may be beyond f32 where weights are not: then the bias has to be
/// subtracted from the codes, or from their products, before anything is scaled.
constexpr bool hasHugeScales(Format format) { return format == Format::MXFP4; }

/// The weight of a code in a format that hasHugeScales.
template <typename Ops>
typename Ops::Float scaleUnbiased(Format format, Ops &ops, typename Ops::Float scale,
                                  typename Ops::Float code) {
  auto bias = static_cast<float>(formatInfo(format).bias);
  return ops.mulF(scale, ops.addF(code, ops.constantF(-bias)));
}

/// What the scales of groups are stored with on top, so that they are not negative, in formats
/// whose blocks have several: scale = factor * (code - scaleBias).
constexpr uint32_t scaleBias(Format format) {
  return format == Format::Q6_K ? 128 : format == Format::Q3_K || format == Format::IQ4_XS ? 32 : 0;
}

/// The code of a group's scale, in formats whose blocks have several groups.
template <typename Ops, typename Block>
typename Ops::Int decodeScaleCode(Format format, Ops &ops, Block &&block, unsigned group) {
  using namespace detail;
  switch (format) {
  case Format::Q2_K: // bytes of a scale and a minimum, four bits each
    return byteOf(ops, moveBits(ops, block.word(group / 4), 0, 0, 15), group % 4);
  case Format::Q3_K:
    return q3kScale(ops, block, group);
  case Format::Q4_K:
  case Format::Q5_K:
    return sixBits(ops, block, group, false);
  case Format::Q6_K: // words 48 to 51 are sixteen signed 8-bit scales
    return byteOf(ops, ops.xorI(block.word(48 + group / 4), ops.constant(0x80808080)), group % 4);
  case Format::IQ4_XS:
    return iq4xsScale(ops, block, group);
  default:
    break;
  }
  __builtin_unreachable();
}

/// The factor of a block's scales, in formats whose blocks have several groups.
template <typename Ops, typename Block>
typename Ops::Float decodeScaleFactor(Format format, Ops &ops, Block &&block) {
  if (format == Format::Q3_K || format == Format::Q6_K)
    return ops.halfToFloat(block.half());
  auto factors = block.word(format == Format::Q2_K ? 20 : 0);
  return ops.halfToFloat(ops.andI(factors, ops.constant(0xFFFF)));
}

/// The minimum of a group, in formats whose blocks have several groups and that have no bias.
template <typename Ops, typename Block>
typename Ops::Float decodeMin(Format format, Ops &ops, Block &&block, unsigned group) {
  using namespace detail;
  bool isQ2 = format == Format::Q2_K;
  auto factor = ops.halfToFloat(ops.shrI(block.word(isQ2 ? 20 : 0), 16));
  auto code = isQ2 ? byteOf(ops, moveBits(ops, block.word(group / 4), 4, 0, 15), group % 4)
                   : sixBits(ops, block, group, true);
  return ops.mulF(factor, ops.toFloat(code));
}

/// Scale and minimum of group `group` of a block (FormatInfo::groupElements weights each).
template <typename Ops, typename Block>
Affine<typename Ops::Float> decodeGroup(Format format, Ops &ops, Block &&block, unsigned group) {
  using namespace detail;
  const FormatInfo &info = formatInfo(format);
  auto withBias = [&](typename Ops::Float scale) -> Affine<typename Ops::Float> {
    return {scale, ops.mulF(scale, ops.constantF(static_cast<float>(info.bias)))};
  };
  if (info.groups() > 1) {
    auto number = ops.toFloat(decodeScaleCode(format, ops, block, group));
    if (uint32_t bias = scaleBias(format))
      number = ops.addF(number, ops.constantF(-static_cast<float>(bias)));
    auto scale = ops.mulF(decodeScaleFactor(format, ops, block), number);
    if (info.bias)
      return withBias(scale);
    return {scale, decodeMin(format, ops, block, group)};
  }
  if (info.bias)
    return withBias(scaleOf(format, ops, block));
  // Q4_1, Q5_1: the second factor is what code 0 stands for.
  auto factors = block.word(0);
  return {ops.halfToFloat(ops.andI(factors, ops.constant(0xFFFF))),
          ops.halfToFloat(ops.xorI(ops.shrI(factors, 16), ops.constant(0x8000)))};
}

} // namespace tawny
