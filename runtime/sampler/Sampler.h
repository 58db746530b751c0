// From logits to the next token.
#pragma once

#include "runtime/sampler/Random.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <span>
#include <vector>

namespace tawny {

/// How the next token is chosen; the flags are those of `tawny run`. The defaults are greedy.
struct SamplerOptions {
  double temperature = 0; ///< --temp: 0 (greedy) to 1000
  int64_t topK = 0;       ///< --top-k: keep the K best; 0 keeps all
  double topP = 1;        ///< --top-p: keep the fewest best that have this probability; (0, 1]
  double minP = 0;        ///< --min-p: keep those with this share of the best's probability; [0, 1]
  double repeatPenalty = 1;  ///< --repeat-penalty: (0, 100]; 1 is none
  int64_t repeatWindow = 64; ///< how many recent tokens are penalised; 0 is none
  uint64_t seed = 0;         ///< --seed

  /// That each value is in its range; the error names the flag.
  ErrorOr<void> check() const;
};

/// Chooses tokens for one sequence. The same options, logits and history give the same tokens on
/// every machine: all arithmetic is in IEEE double precision, in a fixed order, with an exponential
/// of its own instead of the C library's. Nothing is allocated after creation, except for errors.
///
/// The steps, in this order:
/// 1. Repetition penalty, on the raw logits, so that all that follows sees it: a token of the
/// recent
///    window has its logit divided by the penalty if it is positive and multiplied if not
///    (Keskar et al., arXiv:1909.05858, section 4.1), once however often it occurs.
/// 2. With temperature 0: the largest logit, the lowest id among equals. No random number is drawn.
/// 3. Top-k. It depends only on the order of logits, which temperature does not change, and leaves
///    less to do for the rest.
/// 4. Temperature, then softmax, before top-p and min-p: they bound what is really sampled from.
/// 5. Top-p on the softmax of what is left: the shortest prefix, best first, whose probability
///    reaches P. At least one token stays (Holtzman et al., arXiv:1904.09751).
/// 6. Min-p: those stay whose probability is at least P times the best's (Nguyen et al.,
///    arXiv:2407.01082).
/// 7. One uniform number chooses among them, in proportion.
/// Where order matters, better means a larger logit, then a lower id.
class Sampler {
public:
  /// `vocabularySize` is the number of logits in each call.
  static ErrorOr<Sampler> create(const SamplerOptions &options, size_t vocabularySize);

  /// Chooses a token from its logits, and remembers it. Logits that are not finite are an error.
  ErrorOr<int32_t> sample(std::span<const float> logits);

  /// Whether sample() takes the largest logit, the lowest id among equals, whatever came before.
  bool isGreedy() const {
    return options.temperature == 0 && (options.repeatPenalty == 1 || options.repeatWindow == 0);
  }

  /// Remembers a token that was not sampled, such as one of the prompt, for the repetition penalty.
  ErrorOr<void> accept(int32_t token);

  /// Forgets all tokens and starts the random numbers anew.
  void reset();

private:
  Sampler(const SamplerOptions &options, size_t vocabularySize);

  /// A token that may be chosen.
  struct Candidate {
    double value; ///< its logit; from step 4 on its probability relative to the best's
    int32_t id;

    bool isBetterThan(const Candidate &other) const {
      return value > other.value || (value == other.value && id < other.id);
    }
  };

  ErrorOr<void> load(std::span<const float> logits);
  void remember(int32_t token);
  int32_t chooseGreedily() const;
  void keepTopK();
  void applySoftmax();
  void keepTopP();
  void keepMinP();
  int32_t choose();

  SamplerOptions options;
  RandomGenerator random;
  std::vector<Candidate>
      candidates; ///< one for each token of the vocabulary, of which `kept` count
  size_t kept = 0;
  bool isSorted = false;             ///< whether the kept candidates stand best first
  std::vector<int32_t> window;       ///< a ring of the last tokens
  size_t windowSize = 0;             ///< how much of it is filled
  size_t windowNext = 0;             ///< where the next token goes
  std::vector<uint32_t> occurrences; ///< of each token in the window
};

/// exp(x) for x <= 0, within 1e-15 relatively where the result is a normal number; below about
/// -745 it is 0. Only additions, multiplications and a power of two: the same everywhere.
double portableExp(double x);

} // namespace tawny
