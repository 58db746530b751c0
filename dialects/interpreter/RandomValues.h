// Weights and activations for tests, made from a seed: the same name and seed give the same
// values, whatever else the module holds, so that a module can be compared with what a pass made
// of it.
#pragma once

#include "dialects/interpreter/Interpreter.h"
#include "dialects/interpreter/Values.h"

#include "llvm/ADT/StringMap.h"

#include <memory>

namespace tawny::interpreter {

/// Source blocks of a weight of that shape: valid in its format, about normalised so that a linear
/// keeps the scale of its input. Vectors lie in [0.5, 1.5], as norms' weights do.
std::vector<uint8_t> randomWeightBytes(uint64_t seed, llvm::StringRef name, Format format,
                                       int64_t rows, int64_t columns);

/// Values in [-2, 2).
Rows randomRows(uint64_t seed, llvm::StringRef name, int64_t rows, int64_t columns);

/// Weights by randomWeightBytes, made when they are asked for and kept.
WeightSource randomWeights(uint64_t seed);

} // namespace tawny::interpreter
