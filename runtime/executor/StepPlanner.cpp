#include "runtime/executor/StepPlanner.h"

#include "runtime/artifact/CheckedMath.h"

#include <algorithm>

namespace tawny {

uint64_t countLogitRows(std::span<const SequenceInput> batch) {
  uint64_t rows = 0;
  for (const SequenceInput &input : batch)
    for (size_t i = 0; i < input.tokens.size(); ++i)
      rows += input.wants(i);
  return rows;
}

bool isDecode(std::span<const SequenceInput> batch) {
  return std::ranges::all_of(
      batch, [](const SequenceInput &input) { return input.tokens.size() == 1 && input.wants(0); });
}

void StepPlanner::begin(std::span<const SequenceInput> newBatch, const fb::StepLayout &newLayout) {
  batch = newBatch;
  layout = &newLayout;
  input = token = 0;
}

/// How many tokens of `input`, from `token` on, the part under way has room for.
uint32_t StepPlanner::rowsThatFit(const SequenceInput &from) const {
  uint64_t rows =
      std::min<uint64_t>(from.tokens.size() - token, layout->max_tokens() - size.tokens);
  uint64_t blocks = layout->max_attention_blocks() - size.attentionBlocks;
  rows = std::min(rows, blocks * layout->attention_block_rows());
  uint32_t logitRows = size.logitRows;
  for (uint32_t i = 0; i < rows; ++i)
    if (from.wants(token + i) && ++logitRows > layout->max_logit_rows())
      return i;
  return static_cast<uint32_t>(rows);
}

/// Bounds are at least 1, so the first slice of a part has at least one token and parts come to an
/// end.
bool StepPlanner::next() {
  part.clear();
  size = {};
  while (input < batch.size() && size.sequences < layout->max_sequences()) {
    const SequenceInput &from = batch[input];
    uint32_t rows = rowsThatFit(from);
    if (rows == 0)
      break;
    part.push_back({input, token, rows});
    for (uint32_t i = 0; i < rows; ++i)
      size.logitRows += from.wants(token + i);
    size.tokens += rows;
    size.sequences += 1;
    size.attentionBlocks += static_cast<uint32_t>(ceilDivide(rows, layout->attention_block_rows()));
    token += rows;
    if (token < from.tokens.size())
      break;
    ++input;
    token = 0;
  }
  return !part.empty();
}

} // namespace tawny
