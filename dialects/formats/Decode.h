// How each quantised format is decoded, written once. The interpreter runs these functions on
// plain integers, the emitters on mlir::Values of any width: a lane is one row of the weight.
//
// `Ops` supplies two types and the operations on them:
//   Int    a 32-bit lane:  constant(uint32_t) andI orI xorI shlI shrI (logical; by a constant)
//   Float  an f32 lane:    halfToFloat(Int: bits 0..15) toFloat(Int: non-negative) addF mulF
//   constantF
// `Block` reads one block of one row:
//   Int word(unsigned)     a little-endian 32-bit word, counted as in FormatInfo::words
//   Int half()             the f16 at FormatInfo::halfOffset, in bits 0..15
//
// Formulas are those of the block structures the GGUF specification refers to.
#pragma once

#include "dialects/formats/Formats.h"

namespace tawny {

/// scale and min of a group: weight = scale * code - min.
template <typename Float> struct Affine {
  Float scale, min;
};

namespace detail {

/// The 6-bit scale (`isMin` false) or minimum of group `group` of a Q4_K block. Groups 0 to 3 lie
/// in the low six bits of the bytes of word 1 (scales) and 2 (minima); groups 4 to 7 have their
/// low four bits in the nibbles of word 3 and their high two in the top bits of words 1 and 2.
template <typename Ops, typename Block>
typename Ops::Int q4kSixBits(Ops &ops, Block &block, unsigned group, bool isMin) {
  auto own = block.word(isMin ? 2 : 1);
  unsigned byte = 8 * (group % 4);
  if (group < 4)
    return ops.andI(ops.shrI(own, byte), ops.constant(63));
  auto low = ops.andI(ops.shrI(block.word(3), byte + (isMin ? 4 : 0)), ops.constant(15));
  auto high = ops.andI(ops.shrI(own, byte + 6), ops.constant(3));
  return ops.orI(low, ops.shlI(high, 4));
}

/// Quad `quad` of a Q6_K block. Each half block of 128 weights has 64 bytes of low nibbles and 32
/// of high bit pairs: weight 32 s + l of the half takes nibble s / 2 of low byte l + 32 (s % 2)
/// and bits 2 s of high byte l. Lows are words 0 to 31, highs words 32 to 47.
template <typename Ops, typename Block>
typename Ops::Int q6kQuad(Ops &ops, Block &block, unsigned quad) {
  unsigned half = quad / 32, section = quad % 32 / 8, word = quad % 8;
  auto low = block.word(16 * half + 8 * (section % 2) + word);
  auto high = block.word(32 + 8 * half + word);
  low = ops.andI(ops.shrI(low, section / 2 * 4), ops.constant(0x0F0F0F0F));
  high = section < 2 ? ops.shlI(high, 4 - 2 * section) : ops.shrI(high, 2 * section - 4);
  return ops.orI(low, ops.andI(high, ops.constant(0x30303030)));
}

} // namespace detail

/// Codes of weights 4 quad … 4 quad + 3 of a block, one to a byte, lowest first, unsigned.
/// `quad` counts within the block. Not for plain floats.
template <typename Ops, typename Block>
typename Ops::Int decodeQuad(Format format, Ops &ops, Block &&block, unsigned quad) {
  switch (format) {
  case Format::Q4_0: // low nibbles are weights 0 to 15, high nibbles 16 to 31
    return ops.andI(ops.shrI(block.word(quad % 4), quad / 4 * 4), ops.constant(0x0F0F0F0F));
  case Format::Q8_0: // signed bytes; flipping the sign bit makes them codes with a bias of 128
    return ops.xorI(block.word(quad), ops.constant(0x80808080));
  case Format::Q4_K: { // 32 bytes hold group 2 j in their low nibbles and 2 j + 1 in the high ones
    unsigned group = quad / 8;
    auto word = block.word(4 + group / 2 * 8 + quad % 8);
    return ops.andI(ops.shrI(word, group % 2 * 4), ops.constant(0x0F0F0F0F));
  }
  case Format::Q6_K:
    return detail::q6kQuad(ops, block, quad);
  case Format::F32:
  case Format::F16:
    break;
  }
  __builtin_unreachable();
}

/// Scale and minimum of group `group` of a block (FormatInfo::groupElements weights each).
template <typename Ops, typename Block>
Affine<typename Ops::Float> decodeGroup(Format format, Ops &ops, Block &&block, unsigned group) {
  switch (format) {
  case Format::Q4_0: {
    auto scale = ops.halfToFloat(block.half());
    return {scale, ops.mulF(scale, ops.constantF(8.0f))};
  }
  case Format::Q8_0: {
    auto scale = ops.halfToFloat(block.half());
    return {scale, ops.mulF(scale, ops.constantF(128.0f))};
  }
  case Format::Q4_K: {
    auto factors = block.word(0);
    auto scale = ops.halfToFloat(ops.andI(factors, ops.constant(0xFFFF)));
    auto min = ops.halfToFloat(ops.shrI(factors, 16));
    return {ops.mulF(scale, ops.toFloat(detail::q4kSixBits(ops, block, group, false))),
            ops.mulF(min, ops.toFloat(detail::q4kSixBits(ops, block, group, true)))};
  }
  case Format::Q6_K: { // words 48 to 51 are sixteen signed 8-bit scales
    auto bytes = ops.shrI(block.word(48 + group / 4), 8 * (group % 4));
    auto biased = ops.xorI(ops.andI(bytes, ops.constant(0xFF)), ops.constant(0x80));
    auto scale = ops.mulF(ops.halfToFloat(block.half()),
                          ops.addF(ops.toFloat(biased), ops.constantF(-128.0f)));
    return {scale, ops.mulF(scale, ops.constantF(32.0f))};
  }
  case Format::F32:
  case Format::F16:
    break;
  }
  __builtin_unreachable();
}

} // namespace tawny
