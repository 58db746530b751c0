// Random weights and activations for tests of kernels, and what the kernels are compared with.
#pragma once

#include "dialects/formats/Formats.h"
#include "dialects/formats/Layouts.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace tawny::test {

/// Every weight format.
inline constexpr Format allFormats[] = {
    Format::F32,  Format::F16,    Format::BF16,   Format::Q4_0, Format::Q4_1, Format::Q5_0,
    Format::Q5_1, Format::Q8_0,   Format::Q2_K,   Format::Q3_K, Format::Q4_K, Format::Q5_K,
    Format::Q6_K, Format::IQ4_NL, Format::IQ4_XS, Format::MXFP4};

/// A weight with random contents, as in a source file and decoded.
struct RandomWeight {
  Format format;
  uint64_t rows, columns;
  std::vector<std::byte> source;
  std::vector<float> decoded; ///< [rows][columns]

  uint64_t packedBytes(const LayoutInfo &layout) const;
  /// Writes packedBytes(layout) bytes.
  void pack(const LayoutInfo &layout, std::byte *packed) const;
  std::string type() const; ///< tensor<264x256x!llm.q4_k>
};
RandomWeight randomWeight(Format format, uint64_t rows, uint64_t columns, std::mt19937_64 &random);

/// Standard normal values; with `outlier`, one column is 1000 times the rest.
std::vector<float> randomActivations(uint64_t rows, uint64_t columns, bool outlier,
                                     std::mt19937_64 &random);

/// x times the weight's transpose: [tokens][weight.rows], for x of [tokens][weight.columns].
std::vector<double> product(const RandomWeight &weight, const std::vector<float> &x,
                            uint64_t tokens);

/// Sum of squared differences over the sum of squares of `expected`.
double nmse(const float *found, const std::vector<double> &expected);

/// What the NMSE of a linear of `rows` rows may be on an x86 target. Where there are few, all their
/// sums can be small beside the terms: a weight of zero that meets the outlier, say, whose code's
/// product is subtracted with the group's minimum.
inline double linearBound(uint64_t rows) { return rows < 16 ? 1e-8 : 1e-11; }

} // namespace tawny::test
