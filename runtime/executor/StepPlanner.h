// Cuts a batch into parts that fit a program. Knows no memory and no device.
#pragma once

#include "runtime/artifact_generated.h"
#include "runtime/executor/Program.h"
#include "runtime/kv/KvPool.h"

#include <cstdint>
#include <span>
#include <vector>

namespace tawny {

/// The new tokens of one sequence.
struct SequenceInput {
  SequenceId sequence;
  std::span<const int32_t> tokens;
  /// One flag per token, nonzero where its logits are wanted; null: those of the last token only.
  const uint8_t *wanted = nullptr;

  bool wants(size_t token) const {
    return wanted ? wanted[token] != 0 : token + 1 == tokens.size();
  }
};

/// Consecutive tokens of one input that run in the same part.
struct Slice {
  uint32_t input;
  uint32_t firstToken;
  uint32_t tokens;
};

/// Rows of logits that a batch wants.
uint64_t countLogitRows(std::span<const SequenceInput> batch);

/// True where each sequence brings exactly one token and wants its logits.
bool isDecode(std::span<const SequenceInput> batch);

/// Walks through a batch, in order, part by part. Each part stays within the bounds of one step
/// table; a sequence that does not fit continues in the next part. Allocates when constructed only.
class StepPlanner {
public:
  /// `maxSlices` is the largest max_sequences of the layouts that begin() will see.
  explicit StepPlanner(uint32_t maxSlices) { part.reserve(maxSlices); }

  /// `batch` and `layout` must stay until the last next().
  void begin(std::span<const SequenceInput> batch, const fb::StepLayout &layout);

  /// Makes the next part; false when all tokens have been in one.
  bool next();

  std::span<const Slice> slices() const { return part; }
  /// True where the part is all of the batch.
  bool isWholeBatch() const {
    return part.front().input == 0 && part.front().firstToken == 0 && input == batch.size();
  }
  const Extents &extents() const { return size; }

private:
  uint32_t rowsThatFit(const SequenceInput &input) const;

  std::span<const SequenceInput> batch;
  const fb::StepLayout *layout = nullptr;
  uint32_t input = 0; ///< where the next part starts
  uint32_t token = 0;
  std::vector<Slice> part;
  Extents size;
};

} // namespace tawny
