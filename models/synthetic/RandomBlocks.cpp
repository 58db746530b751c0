#include "models/synthetic/RandomBlocks.h"

#include "dialects/formats/ScalarDecode.h"

#include "llvm/ADT/STLExtras.h"

namespace tawny::synthetic {
namespace {

/// Standard deviation of the weights.
constexpr double spread = 0.02;

/// An f16 of a block, at a byte.
struct FixedHalf {
  int32_t offset = -1;
  double value = 0;
};

/// A run of equal bytes of a block.
struct FixedBytes {
  uint32_t offset = 0, count = 0;
  uint8_t value = 0;
};

/// The scales of a quantised format; all other bits are codes. The sources of the offsets are the
/// block structures that the GGUF specification refers to. A scale is `spread` over the standard
/// deviation of uniform codes (4.6 of 0 to 15, 9.2 of 0 to 31, 18.5 of 0 to 63, 74 of a signed
/// byte) and over the integer scale of the group, a minimum centres them.
struct Scales {
  std::string_view format;
  FixedHalf halves[2];
  FixedBytes bytes[2];
};

constexpr Scales table[] = {
    {"q4_0", {{0, spread / 4.6}}, {}},
    {"q4_1", {{0, spread / 4.6}, {2, -7.5 * spread / 4.6}}, {}},
    {"q5_0", {{0, spread / 9.2}}, {}},
    {"q5_1", {{0, spread / 9.2}, {2, -15.5 * spread / 9.2}}, {}},
    {"q8_0", {{0, spread / 74}}, {}},
    // Scales and minima of 8, in the nibbles of 16 bytes.
    {"q2_k", {{80, spread / 1.12 / 8}, {82, 1.5 * spread / 1.12 / 8}}, {{0, 16, 0x88}}},
    // 6-bit scales of 48, which stand for 16: low nibbles of zero, high pairs of bits of three.
    {"q3_k", {{108, spread / 2.29 / 16}}, {{96, 8, 0}, {104, 4, 0xFF}}},
    // 6-bit scales and minima of 32: the low bits of groups 0 to 3, the high bits of the others.
    {"q4_k", {{0, spread / 4.6 / 32}, {2, 7.5 * spread / 4.6 / 32}}, {{4, 8, 0xA0}, {12, 4, 0}}},
    {"q5_k", {{0, spread / 9.2 / 32}, {2, 15.5 * spread / 9.2 / 32}}, {{4, 8, 0xA0}, {12, 4, 0}}},
    {"q6_k", {{208, spread / 18.5 / 32}}, {{192, 16, 32}}},
    // 69 is the root of the mean square of the sixteen values that codes stand for.
    {"iq4_nl", {{0, spread / 69}}, {}},
    {"iq4_xs", {{0, spread / 69 / 16}}, {{2, 2, 0xFF}, {4, 4, 0}}},
    // A scale of 2^-7; 2.9 is the root of the mean square of the values of E2M1.
    {"mxfp4", {}, {{0, 1, 120}}},
};

/// A plain float: sign and mantissa are random, the exponent is that of 2^-6.
struct PlainFloat {
  std::string_view format;
  uint32_t fixed, random;
};
constexpr PlainFloat floats[] = {
    {"f32", 0x3C800000, 0x807FFFFF}, {"f16", 0x2400, 0x83FF}, {"bf16", 0x3C80, 0x807F}};

void setBytes(RandomBlock &block, uint32_t offset, uint32_t count, uint8_t value) {
  std::fill_n(block.fixed.begin() + offset, count, value);
  std::fill_n(block.random.begin() + offset, count, 0);
}

/// Writes the low bytes of `value`.
void setNumber(std::vector<uint8_t> &bytes, uint32_t value) {
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(value >> 8 * i);
}

} // namespace

std::optional<RandomBlock> randomBlock(Format format) {
  const FormatInfo &info = formatInfo(format);
  RandomBlock block{std::vector<uint8_t>(info.blockBytes, 0),
                    std::vector<uint8_t>(info.blockBytes, 0xFF)};
  for (const PlainFloat &plain : floats)
    if (plain.format == info.name) {
      setNumber(block.fixed, plain.fixed);
      setNumber(block.random, plain.random);
      return block;
    }
  const auto *scales =
      llvm::find_if(table, [&](const Scales &entry) { return entry.format == info.name; });
  if (scales == std::end(table))
    return std::nullopt;
  for (const FixedHalf &half : scales->halves)
    if (half.offset >= 0) {
      uint16_t bits = floatToHalf(static_cast<float>(half.value));
      setBytes(block, half.offset, 1, bits & 0xFF);
      setBytes(block, half.offset + 1, 1, bits >> 8);
    }
  for (const FixedBytes &run : scales->bytes)
    setBytes(block, run.offset, run.count, run.value);
  for (size_t i = 0; i < block.fixed.size(); ++i)
    block.fixed[i] &= ~block.random[i];
  return block;
}

RandomBlock blockOfOnes() {
  constexpr uint32_t one = 0x3F800000;
  RandomBlock block{std::vector<uint8_t>(4), std::vector<uint8_t>(4, 0)};
  setNumber(block.fixed, one);
  return block;
}

} // namespace tawny::synthetic
