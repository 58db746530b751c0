// What random weights look like in each format.
#pragma once

#include "dialects/formats/Formats.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace tawny::synthetic {

/// One block of a format, FormatInfo::blockBytes bytes: bits that are set in `random` may take any
/// value, the others are those of `fixed`, where they are zero in `fixed`.
struct RandomBlock {
  std::vector<uint8_t> fixed;
  std::vector<uint8_t> random;
};

/// A block whose codes are random and whose scales are such that weights are centred on zero, or
/// nearly, with a standard deviation of 0.02, like those of a trained layer: activations stay
/// finite. Nothing for a format that this does not know.
std::optional<RandomBlock> randomBlock(Format format);

/// A block of ones, for the vectors of norms: F32.
RandomBlock blockOfOnes();

} // namespace tawny::synthetic
