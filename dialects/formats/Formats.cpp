#include "dialects/formats/Formats.h"

namespace tawny {
namespace {

constexpr FormatInfo table[] = {
    // format        name      ggml elems bytes words offset half group bits bias sections codes
    {Format::F32, "f32", 0, 1, 4, 1, 0, -1, 1, 0, 0, 1, 0, 1},
    {Format::F16, "f16", 1, 1, 2, 1, 0, -1, 1, 0, 0, 1, 0, 1},
    {Format::BF16, "bf16", 30, 1, 2, 1, 0, -1, 1, 0, 0, 1, 0, 1},
    {Format::Q4_0, "q4_0", 2, 32, 18, 4, 2, 0, 32, 4, 8, 1, 0, 4},
    {Format::Q4_1, "q4_1", 3, 32, 20, 5, 0, -1, 32, 4, 0, 1, 1, 5},
    {Format::Q5_0, "q5_0", 6, 32, 22, 5, 2, 0, 32, 5, 16, 1, 1, 5},
    {Format::Q5_1, "q5_1", 7, 32, 24, 6, 0, -1, 32, 5, 0, 1, 2, 6},
    {Format::Q8_0, "q8_0", 8, 32, 34, 8, 2, 0, 32, 8, 128, 1, 0, 8},
    {Format::Q2_K, "q2_k", 10, 256, 84, 21, 0, -1, 16, 2, 0, 2, 4, 20},
    {Format::Q3_K, "q3_k", 11, 256, 110, 27, 0, 108, 16, 3, 4, 2, 0, 24},
    {Format::Q4_K, "q4_k", 12, 256, 144, 36, 0, -1, 32, 4, 0, 4, 4, 36},
    {Format::Q5_K, "q5_k", 13, 256, 176, 44, 0, -1, 32, 5, 0, 4, 4, 44},
    {Format::Q6_K, "q6_k", 14, 256, 210, 52, 0, 208, 16, 6, 32, 2, 0, 48},
    {Format::IQ4_NL, "iq4_nl", 20, 32, 18, 4, 2, 0, 32, 8, 127, 1, 0, 4},
    {Format::IQ4_XS, "iq4_xs", 23, 256, 136, 34, 0, -1, 32, 8, 127, 4, 2, 34},
    {Format::MXFP4, "mxfp4", 39, 32, 17, 4, 1, 0, 32, 5, 12, 1, 0, 4},
};

} // namespace

const FormatInfo &formatInfo(Format format) { return table[static_cast<unsigned>(format)]; }

uint32_t FormatInfo::sectionStride(uint32_t word) const {
  switch (format) {
  case Format::Q2_K: // between the scales and the block's factors
    return word < 4 || word >= 20 ? 0 : 8;
  case Format::Q3_K: // words 0 to 7 have a bit for each of the block's eight runs of 32 weights
    return word < 8 || word >= 24 ? 0 : 8;
  case Format::Q4_K:
    return word < 4 ? 0 : 8;
  case Format::Q5_K: // words 4 to 11 have a bit for each group
    return word < 12 ? 0 : 8;
  case Format::Q6_K: // low nibbles are words 0 to 31, high bit pairs 32 to 47
    return word < 32 ? 16 : word < 48 ? 8 : 0;
  case Format::IQ4_XS:
    return word < 2 ? 0 : 8;
  default:
    return 0;
  }
}

uint32_t FormatInfo::sectionShift(uint32_t word) const {
  if (format == Format::Q3_K)
    return word < 8 ? 4 : 0;
  if (format == Format::Q5_K)
    return word >= 4 && word < 12 ? 2 : 0;
  return 0;
}

std::optional<uint32_t> FormatInfo::fifthBitsWord() const {
  if (format == Format::Q5_0)
    return 0;
  if (format == Format::Q5_1)
    return 1;
  return std::nullopt;
}

uint32_t spreadBits(uint32_t bits) {
  uint32_t spread = 0;
  for (unsigned quad = 0; quad < 8; ++quad) {
    // The product has bit i at i + 7 k for k = 0 to 3, so also at 8 i.
    uint32_t nibble = bits >> 4 * quad & 0x0F;
    spread |= (nibble * 0x00204081 & 0x01010101) << quad;
  }
  return spread;
}

std::optional<Format> formatByName(std::string_view name) {
  for (const FormatInfo &info : table)
    if (info.name == name)
      return info.format;
  return std::nullopt;
}

std::optional<Format> formatByGgmlType(uint32_t type) {
  for (const FormatInfo &info : table)
    if (info.ggmlType == type)
      return info.format;
  return std::nullopt;
}

} // namespace tawny
