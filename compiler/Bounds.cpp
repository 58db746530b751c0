#include "compiler/Bounds.h"

#include "llvm/ADT/StringRef.h"

#include <algorithm>

namespace tawny {
namespace {

constexpr uint64_t defaultContext = 4096;
constexpr uint64_t defaultBatch = 32;
/// A step takes at most 512 new tokens, so more sequences could not take part in one.
constexpr uint64_t largestBatch = 512;
/// Slots of the KV pool are 32-bit, and pages round the pool up a little.
constexpr uint64_t largestPool = (uint64_t(1) << 31) - 4096;

llvm::Error checkRange(const char *option, uint64_t value, uint64_t most, const char *why) {
  if (value >= 1 && value <= most)
    return llvm::Error::success();
  return llvm::createStringError("%s: expected 1 to %llu%s, found %llu", option,
                                 static_cast<unsigned long long>(most), why,
                                 static_cast<unsigned long long>(value));
}

} // namespace

llvm::Expected<Bounds> chooseBounds(uint32_t modelContext, std::optional<uint64_t> maxContext,
                                    std::optional<uint64_t> maxBatch,
                                    std::optional<uint64_t> kvTokens) {
  uint64_t context = maxContext.value_or(std::min<uint64_t>(modelContext, defaultContext));
  if (llvm::Error error =
          checkRange("--max-context", context, modelContext, " (what the model was trained for)"))
    return error;
  uint64_t batch = maxBatch.value_or(defaultBatch);
  if (llvm::Error error = checkRange("--max-batch", batch, largestBatch, ""))
    return error;
  uint64_t pool = kvTokens.value_or(context);
  if (llvm::Error error = checkRange("--kv-tokens", pool, largestPool, ""))
    return error;
  return Bounds{static_cast<uint32_t>(context), static_cast<uint32_t>(batch), pool};
}

} // namespace tawny
