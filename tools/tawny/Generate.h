// From a prompt to its continuation, token by token.
#pragma once

#include "runtime/include/tawny.h"
#include "runtime/support/Error.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tawny::tool {

struct GenerationRequest {
  std::vector<int32_t> prompt;
  uint64_t maxTokens = 0;
  tawny_sampler_params sampling = {};
  bool quiet = false;
  /// Gets the text as soon as its characters are complete.
  std::function<void(std::string_view)> onText;
};

enum class StopReason : uint8_t { Length, EndOfSequence, ContextFull, PoolFull, Interrupted };

struct Generation {
  std::vector<int32_t> tokens; ///< without the prompt and without EOS
  std::string text;            ///< of `tokens`: well-formed UTF-8
  StopReason stop = StopReason::Length;
  size_t prefilled = 0; ///< tokens of the prompt that were computed before the user interrupted
  std::chrono::steady_clock::time_point prefillStart;
  double prefillMs = 0; ///< until the logits of the prompt were there
  size_t decodeSteps = 0;
  double decodeMs = 0;
};

/// Continues the prompt until EOS, `maxTokens`, the end of the context or Ctrl-C. Warns on standard
/// error, once, when the model repeats one token and nothing else.
ErrorOr<Generation> generate(tawny_model *model, const GenerationRequest &request);

} // namespace tawny::tool
