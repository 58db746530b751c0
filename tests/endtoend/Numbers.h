// Logits, what the reference says about them, and how far apart two of them are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tawny::endtoend {

using Tokens = std::vector<int32_t>;

/// f32 [rows, columns], row-major.
struct Logits {
  size_t columns = 0;
  std::vector<float> values;

  size_t rows() const { return columns ? values.size() / columns : 0; }
  std::span<const float> row(size_t index) const {
    return std::span(values).subspan(index * columns, columns);
  }
  Logits from(size_t first) const {
    return {columns, {values.begin() + static_cast<ptrdiff_t>(first * columns), values.end()}};
  }
  void append(const Logits &more);
};

/// Normalised mean squared error; infinite where a value is not a number.
double nmse(std::span<const float> actual, std::span<const float> expected);
/// The largest of the rows' own; the numbers of rows must agree.
double worstRow(const Logits &actual, const Logits &expected);
/// Whether two rows, or all of two sets of rows, have the same bits.
bool sameBits(std::span<const float> left, std::span<const float> right);
bool sameBits(const Logits &left, const Logits &right);

int32_t argmax(std::span<const float> logits);
/// -log p(token) under softmax(logits).
double negativeLogLikelihood(std::span<const float> logits, int32_t token);

/// The outputs that an independent f32 implementation computed for one format of alice-llama;
/// models/samples/README.md describes the file.
struct Reference {
  Tokens prompt;
  Logits logits; ///< at the last positions of the prompt, or at all
  Tokens greedy;
  std::vector<float> margins;
  Tokens secondPrompt;
  Logits secondLogits; ///< at its last positions
  Tokens book;
  std::vector<float> likelihoods; ///< nll of book[i + 1]
};

/// The reference of a format, read once. Empty, with a failure recorded, where it cannot be read.
const Reference &referenceOf(const std::string &format);

/// How far from the reference a model of a format may be that computes its linears in
/// `activations`. With weights of two bits the model is unsure of many tokens throughout the book,
/// and rounded activations move what it is unsure of by several times as much.
struct Bounds {
  double nmse;
  double likelihood;      ///< of the book's nll from position likelihoodFrom on
  double earlyLikelihood; ///< before that position
  size_t likelihoodFrom;
  float margin; ///< greedy tokens agree up to the first reference margin below
};
Bounds boundsOf(std::string_view activations, std::string_view format);

/// That -log p(book[position + 1]) keeps to its bound; returns the difference.
double expectLikelihood(const Reference &reference, size_t position, std::span<const float> logits,
                        const Bounds &bounds);

/// NMSE between two ways through one model, which differ in the order of sums only. In i8 a sum
/// that lands on the other side of a rounding border moves a code by one, which is as much as the
/// bound against the reference allows for.
double agreementBound(std::string_view activations);

} // namespace tawny::endtoend
