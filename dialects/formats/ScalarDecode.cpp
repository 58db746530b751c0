#include "dialects/formats/ScalarDecode.h"

#include "dialects/formats/Decode.h"

#include <bit>
#include <cstring>

namespace tawny {
namespace {

/// Decode.h's operations on one row.
struct ScalarOps {
  using Int = uint32_t;
  using Float = float;
  Int constant(uint32_t value) { return value; }
  Int addI(Int a, Int b) { return a + b; }
  Int andI(Int a, Int b) { return a & b; }
  Int orI(Int a, Int b) { return a | b; }
  Int xorI(Int a, Int b) { return a ^ b; }
  Int shlI(Int a, unsigned bits) { return a << bits; }
  Int shrI(Int a, unsigned bits) { return a >> bits; }
  Int lookup(Int nibbles, const CodeTable &table) {
    Int result = 0;
    for (unsigned bit = 0; bit < 32; bit += 8)
      result |= Int{table[nibbles >> bit & 15]} << bit;
    return result;
  }
  Float bitsToFloat(Int bits) { return std::bit_cast<float>(bits); }
  Float halfToFloat(Int bits) { return tawny::halfToFloat(static_cast<uint16_t>(bits)); }
  Float toFloat(Int value) { return static_cast<float>(value); }
  Float constantF(float value) { return value; }
  Float addF(Float a, Float b) { return a + b; }
  Float mulF(Float a, Float b) { return a * b; }
};

/// One block as it lies in the source file.
struct SourceBlock {
  const uint8_t *bytes;
  const FormatInfo &info;
  uint32_t word(unsigned index) const {
    uint32_t value;
    std::memcpy(&value, bytes + info.wordsOffset + 4 * index, sizeof(value));
    return index == info.fifthBitsWord() ? spreadBits(value) : value;
  }
  uint32_t half() const {
    uint16_t value = 0;
    std::memcpy(&value, bytes + info.halfOffset, info.halfBytes());
    return value;
  }
};

} // namespace

float halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 1023;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
  if (exponent != 0)
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

uint16_t floatToHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000)
    return sign | 0x7E00;
  if (magnitude >= 0x477FF000) // rounds to 65536 or more
    return sign | 0x7C00;
  if (magnitude < 0x38800000) { // subnormal: adding 0.5 aligns the last bit to 2^-24
    float aligned = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<uint16_t>(std::bit_cast<uint32_t>(aligned) - 0x3F000000);
  }
  uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return sign | static_cast<uint16_t>((rounded - 0x38000000) >> 13);
}

void decodeRow(Format format, const uint8_t *row, uint64_t first, uint64_t count, float *out) {
  const FormatInfo &info = formatInfo(format);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t element = first + i;
    const uint8_t *bytes = row + element / info.blockElements * info.blockBytes;
    if (format == Format::F32) {
      std::memcpy(&out[i], bytes, sizeof(float));
      continue;
    }
    if (info.isHalfFloat()) {
      uint16_t bits;
      std::memcpy(&bits, bytes, sizeof(bits));
      out[i] =
          format == Format::F16 ? halfToFloat(bits) : std::bit_cast<float>(uint32_t{bits} << 16);
      continue;
    }
    ScalarOps ops;
    SourceBlock block{bytes, info};
    unsigned within = static_cast<unsigned>(element % info.blockElements);
    auto affine = decodeGroup(format, ops, block, within / info.groupElements);
    uint32_t bits = decodeQuad(format, ops, block, within / 4) >> 8 * (within % 4) & 0xFF;
    float code = ops.toFloat(bits);
    out[i] = hasHugeScales(format) ? scaleUnbiased(format, ops, affine.scale, code)
                                   : affine.scale * code - affine.min;
  }
}

} // namespace tawny
