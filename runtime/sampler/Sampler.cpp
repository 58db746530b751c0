#include "runtime/sampler/Sampler.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace tawny {

ErrorOr<void> SamplerOptions::check() const {
  // Comparisons are written so that NaN fails them.
  if (!(temperature >= 0 && temperature <= 1000))
    return makeError("--temp must be a number from 0 (greedy) to 1000, not %g", temperature);
  if (topK < 0)
    return makeError("--top-k must be 0 (all tokens) or more, not %lld",
                     static_cast<long long>(topK));
  if (!(topP > 0 && topP <= 1))
    return makeError("--top-p must be above 0 and at most 1 (all tokens), not %g", topP);
  if (!(minP >= 0 && minP <= 1))
    return makeError("--min-p must be a number from 0 (all tokens) to 1, not %g", minP);
  if (!(repeatPenalty > 0 && repeatPenalty <= 100))
    return makeError("--repeat-penalty must be above 0 and at most 100 (1 is none), not %g",
                     repeatPenalty);
  constexpr int64_t maxWindow = int64_t(1) << 24;
  if (repeatWindow < 0 || repeatWindow > maxWindow)
    return makeError("the window of --repeat-penalty must be 0 to %lld tokens, not %lld",
                     static_cast<long long>(maxWindow), static_cast<long long>(repeatWindow));
  return {};
}

ErrorOr<Sampler> Sampler::create(const SamplerOptions &options, size_t vocabularySize) {
  if (auto valid = options.check(); !valid)
    return valid.takeError();
  if (vocabularySize == 0 || vocabularySize > size_t(INT32_MAX))
    return makeError("a vocabulary of %zu tokens cannot be sampled from", vocabularySize);
  return Sampler(options, vocabularySize);
}

Sampler::Sampler(const SamplerOptions &options, size_t vocabularySize)
    : options(options), random(options.seed), candidates(vocabularySize) {
  if (options.repeatPenalty == 1)
    return;
  window.resize(static_cast<size_t>(options.repeatWindow));
  occurrences.resize(vocabularySize);
}

void Sampler::reset() {
  random = RandomGenerator(options.seed);
  windowSize = windowNext = 0;
  std::fill(occurrences.begin(), occurrences.end(), 0);
}

void Sampler::remember(int32_t token) {
  if (window.empty())
    return;
  if (windowSize == window.size())
    --occurrences[static_cast<size_t>(window[windowNext])];
  else
    ++windowSize;
  window[windowNext] = token;
  ++occurrences[static_cast<size_t>(token)];
  windowNext = (windowNext + 1) % window.size();
}

ErrorOr<void> Sampler::accept(int32_t token) {
  if (token < 0 || static_cast<size_t>(token) >= candidates.size())
    return makeError("token id %d is not in the vocabulary, whose ids are 0 to %zu", token,
                     candidates.size() - 1);
  remember(token);
  return {};
}

ErrorOr<void> Sampler::load(std::span<const float> logits) {
  if (logits.size() != candidates.size())
    return makeError("%zu logits were given for a vocabulary of %zu tokens", logits.size(),
                     candidates.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i]))
      return makeError("the logit of token %zu is %s; run with --check to find where the model "
                       "stops being finite",
                       i,
                       std::isnan(logits[i]) ? "NaN"
                       : logits[i] > 0       ? "inf"
                                             : "-inf");
    double value = logits[i];
    if (!occurrences.empty() && occurrences[i] > 0)
      value = value > 0 ? value / options.repeatPenalty : value * options.repeatPenalty;
    candidates[i] = {value, static_cast<int32_t>(i)};
  }
  kept = candidates.size();
  isSorted = false;
  return {};
}

int32_t Sampler::chooseGreedily() const {
  const Candidate *best = &candidates[0];
  for (const Candidate &candidate : candidates)
    if (candidate.isBetterThan(*best))
      best = &candidate;
  return best->id;
}

static constexpr auto betterFirst = [](const auto &a, const auto &b) { return a.isBetterThan(b); };

void Sampler::keepTopK() {
  auto k = static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(options.topK), kept));
  if (k == 0 || k == kept)
    return;
  auto begin = candidates.begin(), end = begin + static_cast<ptrdiff_t>(k);
  // Which candidates come first is determined by their total order; the sort determines where.
  std::nth_element(begin, end - 1, begin + static_cast<ptrdiff_t>(kept), betterFirst);
  std::sort(begin, end, betterFirst);
  kept = k;
  isSorted = true;
}

void Sampler::applySoftmax() {
  double best = candidates[0].value;
  for (size_t i = 1; i < kept && !isSorted; ++i)
    best = std::max(best, candidates[i].value);
  for (size_t i = 0; i < kept; ++i)
    candidates[i].value = portableExp((candidates[i].value - best) / options.temperature);
}

void Sampler::keepTopP() {
  if (options.topP == 1)
    return;
  double total = 0;
  for (size_t i = 0; i < kept; ++i)
    total += candidates[i].value;
  double wanted = options.topP * total;
  // Few candidates are usually enough, so they are taken from a heap one by one, and not sorted
  // all. A heap whose order is "worse" has the best on top; pop_heap moves it to the end.
  auto worse = [](const Candidate &a, const Candidate &b) { return b.isBetterThan(a); };
  auto begin = candidates.begin(), end = begin + static_cast<ptrdiff_t>(kept);
  if (!isSorted)
    std::make_heap(begin, end, worse);
  double sum = 0;
  size_t taken = 0;
  while (taken < kept && (taken == 0 || sum < wanted)) {
    if (!isSorted)
      std::pop_heap(begin, end - static_cast<ptrdiff_t>(taken), worse);
    sum += candidates[isSorted ? taken : kept - 1 - taken].value;
    ++taken;
  }
  if (!isSorted) {
    // The best stand last, in ascending order.
    std::reverse(begin, end);
    isSorted = true;
  }
  kept = taken;
}

void Sampler::keepMinP() {
  // The best candidate's value is exactly 1, and it always stays.
  size_t count = 0;
  for (size_t i = 0; i < kept; ++i)
    if (candidates[i].value >= options.minP)
      candidates[count++] = candidates[i];
  kept = count;
}

int32_t Sampler::choose() {
  double total = 0;
  for (size_t i = 0; i < kept; ++i)
    total += candidates[i].value;
  double target = random.nextUniform() * total;
  double sum = 0;
  // Rounding may let the target reach the total; then the last one that has a probability is it.
  int32_t chosen = candidates[0].id;
  for (size_t i = 0; i < kept; ++i) {
    if (candidates[i].value == 0)
      continue;
    chosen = candidates[i].id;
    sum += candidates[i].value;
    if (target < sum)
      break;
  }
  return chosen;
}

ErrorOr<int32_t> Sampler::sample(std::span<const float> logits) {
  if (auto loaded = load(logits); !loaded)
    return loaded.takeError();
  int32_t token;
  if (options.temperature == 0) {
    token = chooseGreedily();
  } else {
    keepTopK();
    applySoftmax();
    keepTopP();
    keepMinP();
    token = choose();
  }
  remember(token);
  return token;
}

} // namespace tawny
