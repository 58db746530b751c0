// The bounds of an artifact's programs.
#pragma once

#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>

namespace tawny {

/// Tokens of a sequence, sequences of a step, tokens in the KV pool.
struct Bounds {
  uint32_t maxContext;
  uint32_t maxBatch;
  uint64_t kvTokens;
};

/// Fills in defaults and checks ranges. `modelContext` is the length the model was trained for.
/// Errors name the option.
llvm::Expected<Bounds> chooseBounds(uint32_t modelContext, std::optional<uint64_t> maxContext,
                                    std::optional<uint64_t> maxBatch,
                                    std::optional<uint64_t> kvTokens);

} // namespace tawny
