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

/// 256 rows of MXFP4, each of one block, whose exponent is the row's number. The last is NaN, the
/// others' weights are finite in f32: where scales are largest, codes stand for 0 and 0.5.
RandomWeight everyExponent(std::mt19937_64 &random);

/// Standard normal values; with `outlier`, one column is 1000 times the rest.
std::vector<float> randomActivations(uint64_t rows, uint64_t columns, bool outlier,
                                     std::mt19937_64 &random);

/// x times the weight's transpose: [tokens][weight.rows], for x of [tokens][weight.columns].
std::vector<double> product(const RandomWeight &weight, const std::vector<float> &x,
                            uint64_t tokens);

/// The condition of each element of product(): how large the terms are whose sum it is. Of plain
/// floats these are w x; of others twice the largest weight of the group times x, because a weight
/// is what is left of a code's part after the group's minimum, and may be 0 where both are not.
std::vector<double> productTerms(const RandomWeight &weight, const std::vector<float> &x,
                                 uint64_t tokens);

/// Sum of squared differences over the sum of squares of `expected`.
double nmse(const float *found, const std::vector<double> &expected);

/// The largest difference, as a part of the terms that made what is expected.
double largestError(const float *found, const std::vector<double> &expected,
                    const std::vector<double> &terms);

/// What a sum of a linear of x86 may be off, as a part of its terms: a rounding of f32 for each
/// that is added (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2), which are
/// two for each 16 columns or more of a8, and for each of a few other operations.
inline double errorBound(uint64_t columns, bool quantised) {
  return static_cast<double>((quantised ? columns / 8 : columns) + 8) * 0x1p-24;
}
/// NMSE of linears of x86, where there are so many rows that some sums are as large as their terms.
inline constexpr double nmseBound = 1e-11;
inline constexpr uint64_t nmseRows = 16;

} // namespace tawny::test
