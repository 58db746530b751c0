// How a llama model's rotary frequencies are changed for contexts longer than it was first trained
// on.
#pragma once

#include "models/gguf/Hyperparameters.h"

namespace tawny::gguf {

/// Reads the keys under `llama.rope.scaling.`, the older `llama.rope.scale_linear`, and the tensor
/// `rope_freqs.weight` (Llama 3: F32, one divisor for each pair), and sets `ropeDivisors` and
/// `ropeMagnitude`. Needs `ropeDim`, `ropeTheta` and `contextLength`. Fails for kinds of scaling
/// other than none, linear and yarn, and for numbers that are out of range.
llvm::Error readRopeScaling(const File &file, LlamaParameters &parameters);

/// YaRN (Peng et al., arXiv:2309.00071, section 3.4) in numbers: pairs that turn more than
/// `fastTurns` times within the original context keep their frequency, those that turn less than
/// `slowTurns` times are slowed by `factor`, and those between are mixed.
struct Yarn {
  double factor;
  double originalContext;
  double fastTurns = 32, slowTurns = 1;
  double extrapolation = 1; ///< Share of the kept frequency where it is kept: 0 is linear scaling.
};

/// The divisor of each of ropeDim / 2 frequencies. As in the authors' program, which models are
/// trained with, the mix is linear in the pair's number between the pairs (rounded outwards) that
/// turn `fastTurns` and `slowTurns` times; the paper's text has it linear in the turns.
std::vector<double> yarnDivisors(uint32_t ropeDim, double ropeTheta, const Yarn &yarn);

/// By how much queries and keys grow each (the paper's sqrt(1 / t)): 0.1 ln(factor) + 1.
double yarnMagnitude(double factor);

} // namespace tawny::gguf
