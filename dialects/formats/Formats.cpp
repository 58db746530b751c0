#include "dialects/formats/Formats.h"

namespace tawny {
namespace {

constexpr FormatInfo table[] = {
    // format      name    ggml elements bytes words offset half group bits sections
    {Format::F32, "f32", 0, 1, 4, 1, 0, -1, 1, 0, 1},
    {Format::F16, "f16", 1, 1, 2, 1, 0, -1, 1, 0, 1},
    {Format::Q4_0, "q4_0", 2, 32, 18, 4, 2, 0, 32, 4, 1},
    {Format::Q8_0, "q8_0", 8, 32, 34, 8, 2, 0, 32, 8, 1},
    {Format::Q4_K, "q4_k", 12, 256, 144, 36, 0, -1, 32, 4, 4},
    {Format::Q6_K, "q6_k", 14, 256, 210, 52, 0, 208, 16, 6, 2},
};

} // namespace

const FormatInfo &formatInfo(Format format) { return table[static_cast<unsigned>(format)]; }

uint32_t FormatInfo::sectionStride(uint32_t word) const {
  switch (format) {
  case Format::Q4_K:
    return word < 4 ? 0 : 8;
  case Format::Q6_K: // low nibbles are words 0 to 31, high bit pairs 32 to 47
    return word < 32 ? 16 : word < 48 ? 8 : 0;
  default:
    return 0;
  }
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
