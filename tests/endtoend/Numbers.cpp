#include "tests/endtoend/Numbers.h"

#include "runtime/support/InputFile.h"
#include "runtime/support/Safetensors.h"
#include "tests/endtoend/Artifacts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <map>

namespace tawny::endtoend {

void Logits::append(const Logits &more) {
  columns = more.columns;
  values.insert(values.end(), more.values.begin(), more.values.end());
}

double nmse(std::span<const float> actual, std::span<const float> expected) {
  double errors = 0, squares = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    double difference = static_cast<double>(actual[i]) - static_cast<double>(expected[i]);
    errors += difference * difference;
    squares += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
  }
  double result = errors / squares;
  return std::isnan(result) ? std::numeric_limits<double>::infinity() : result;
}

double worstRow(const Logits &actual, const Logits &expected) {
  EXPECT_EQ(actual.rows(), expected.rows());
  double worst = 0;
  for (size_t i = 0; i < std::min(actual.rows(), expected.rows()); ++i)
    worst = std::max(worst, nmse(actual.row(i), expected.row(i)));
  return worst;
}

bool sameBits(std::span<const float> left, std::span<const float> right) {
  return left.size() == right.size() &&
         std::memcmp(left.data(), right.data(), left.size_bytes()) == 0;
}

bool sameBits(const Logits &left, const Logits &right) {
  return sameBits(std::span(left.values), std::span(right.values));
}

int32_t argmax(std::span<const float> logits) {
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

double negativeLogLikelihood(std::span<const float> logits, int32_t token) {
  double largest = static_cast<double>(*std::ranges::max_element(logits)), sum = 0;
  for (float value : logits)
    sum += std::exp(static_cast<double>(value) - largest);
  return std::log(sum) + largest - static_cast<double>(logits[static_cast<size_t>(token)]);
}

static Reference readReference(const std::string &path) {
  constexpr size_t mostBytes = 1 << 26;
  Reference reference;
  ErrorOr<std::string> bytes = readInput(path, mostBytes);
  if (!bytes) {
    ADD_FAILURE() << bytes.error().message;
    return reference;
  }
  ErrorOr<SafetensorsContent> content = readSafetensors(*bytes, path);
  if (!content) {
    ADD_FAILURE() << content.error().message;
    return reference;
  }
  auto logits = [&](const char *name) {
    const SafetensorsView &view = content->tensors.at(name);
    return Logits{view.shape.back(), view.floats()};
  };
  auto integers = [&](const char *name) { return content->tensors.at(name).integers(); };
  reference.prompt = integers("prompt_tokens");
  reference.logits = logits(content->tensors.contains("logits") ? "logits" : "logits_last4");
  reference.greedy = integers("greedy_tokens");
  reference.margins = content->tensors.at("greedy_margin").floats();
  reference.secondPrompt = integers("prompt2_tokens");
  reference.secondLogits = logits("prompt2_logits_last8");
  reference.book = integers("nll_tokens");
  reference.likelihoods = content->tensors.at("nll").floats();
  return reference;
}

const Reference &referenceOf(const std::string &format) {
  static std::map<std::string, Reference> read;
  auto [entry, isNew] = read.try_emplace(format);
  if (isNew)
    entry->second = readReference(referencePath(format));
  return entry->second;
}

Bounds boundsOf(std::string_view activations, std::string_view format) {
  constexpr size_t settled = 64;
  if (activations == "f32")
    return {.nmse = 1e-6,
            .likelihood = 1e-3,
            .earlyLikelihood = 1e-3,
            .likelihoodFrom = settled,
            .margin = 0.1f};
  const bool isUnsure = format == "Q2_K";
  if (activations == "f16")
    return {.nmse = 1e-5,
            .likelihood = isUnsure ? 0.08 : 0.01,
            .earlyLikelihood = std::numeric_limits<double>::infinity(),
            .likelihoodFrom = settled,
            .margin = 1.0f};
  return {.nmse = 1e-3,
          .likelihood = isUnsure ? 0.8 : 0.05,
          .earlyLikelihood = std::numeric_limits<double>::infinity(),
          .likelihoodFrom = settled,
          .margin = 1.0f};
}

double expectLikelihood(const Reference &reference, size_t position, std::span<const float> logits,
                        const Bounds &bounds) {
  double difference = std::fabs(negativeLogLikelihood(logits, reference.book[position + 1]) -
                                static_cast<double>(reference.likelihoods[position]));
  EXPECT_LE(difference,
            position < bounds.likelihoodFrom ? bounds.earlyLikelihood : bounds.likelihood)
      << "at position " << position << " of the book";
  return difference;
}

double agreementBound(std::string_view activations) {
  return activations == "f32" ? 1e-9 : boundsOf(activations, "").nmse;
}

} // namespace tawny::endtoend
