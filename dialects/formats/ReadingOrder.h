// In which order decoding a block needs its words, found by decoding one. No MLIR here.
#pragma once

#include "dialects/formats/Formats.h"

#include <span>
#include <vector>

namespace tawny {

/// The words of a block of a quantised format as decoding comes to them: first those of scales and
/// minima, then words of codes that all sections share, then the sections' own, section by section.
/// A permutation of 0 … format.words - 1.
std::span<const uint32_t> readingOrder(const FormatInfo &format);

/// The place of a word in that order.
uint32_t readingPlace(const FormatInfo &format, uint32_t word);

/// The quads of a block, section by section, so that those which share a word of codes (that is not
/// all sections') stand together: visited in this order, each word is loaded once, in reading
/// order.
std::span<const unsigned> quadOrder(const FormatInfo &format);

} // namespace tawny
