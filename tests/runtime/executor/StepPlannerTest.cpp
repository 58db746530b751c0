#include "runtime/executor/StepPlanner.h"

#include <gtest/gtest.h>
#include <string>

namespace tawny {
namespace {

struct Bounds {
  uint32_t tokens, sequences, logitRows, blocks, blockRows;
};

/// All parts as text: `0:0+5 1:0+2 | 1:2+3` is input 0's first five tokens and input 1's first two,
/// then three more of input 1. Checks each part against the bounds on the way.
std::string plan(std::span<const SequenceInput> batch, const Bounds &bounds) {
  flatbuffers::FlatBufferBuilder builder;
  fb::StepLayoutT layout;
  layout.max_tokens = bounds.tokens;
  layout.max_sequences = bounds.sequences;
  layout.max_logit_rows = bounds.logitRows;
  layout.max_attention_blocks = bounds.blocks;
  layout.attention_block_rows = bounds.blockRows;
  builder.Finish(fb::CreateStepLayout(builder, &layout));
  const auto &stored = *flatbuffers::GetRoot<fb::StepLayout>(builder.GetBufferPointer());
  StepPlanner planner(bounds.sequences);
  planner.begin(batch, stored);
  std::string text;
  while (planner.next()) {
    text += text.empty() ? "" : "|";
    for (const Slice &slice : planner.slices())
      text += " " + std::to_string(slice.input) + ":" + std::to_string(slice.firstToken) + "+" +
              std::to_string(slice.tokens);
    text += " ";
    EXPECT_LE(planner.extents().tokens, bounds.tokens);
    EXPECT_LE(planner.extents().sequences, bounds.sequences);
    EXPECT_LE(planner.extents().logitRows, bounds.logitRows);
    EXPECT_LE(planner.extents().attentionBlocks, bounds.blocks);
  }
  return text;
}

const std::vector<int32_t> tokens(20);
SequenceInput input(size_t count, const uint8_t *wanted = nullptr) {
  return {{}, std::span(tokens).first(count), wanted};
}

TEST(StepPlanner, KeepsWhatFitsTogether) {
  SequenceInput batch[] = {input(5), input(1), input(2)};
  EXPECT_EQ(plan(batch, {8, 3, 3, 3, 8}), " 0:0+5 1:0+1 2:0+2 ");
}

TEST(StepPlanner, CutsAtTokens) {
  SequenceInput batch[] = {input(5), input(7)};
  EXPECT_EQ(plan(batch, {4, 4, 4, 8, 8}), " 0:0+4 | 0:4+1 1:0+3 | 1:3+4 ");
}

TEST(StepPlanner, CutsAtSequences) {
  SequenceInput batch[] = {input(1), input(1), input(1)};
  EXPECT_EQ(plan(batch, {8, 2, 8, 8, 8}), " 0:0+1 1:0+1 | 2:0+1 ");
}

TEST(StepPlanner, CutsAtLogitRows) {
  uint8_t wanted[] = {1, 0, 1, 1, 0};
  SequenceInput batch[] = {input(5, wanted), input(2)};
  EXPECT_EQ(plan(batch, {8, 2, 2, 8, 8}), " 0:0+3 | 0:3+2 1:0+2 ");
  EXPECT_EQ(plan(batch, {8, 2, 1, 8, 8}), " 0:0+2 | 0:2+1 | 0:3+2 1:0+1 | 1:1+1 ");
}

TEST(StepPlanner, CutsAtAttentionBlocks) {
  SequenceInput batch[] = {input(7), input(2)};
  EXPECT_EQ(plan(batch, {16, 4, 4, 2, 3}), " 0:0+6 | 0:6+1 1:0+2 ");
  EXPECT_EQ(plan(batch, {16, 4, 4, 1, 3}), " 0:0+3 | 0:3+3 | 0:6+1 | 1:0+2 ");
}

TEST(StepPlanner, AlwaysComesToAnEnd) {
  uint8_t wanted[] = {1, 1, 1};
  SequenceInput batch[] = {input(3, wanted), input(1)};
  EXPECT_EQ(plan(batch, {1, 1, 1, 1, 1}), " 0:0+1 | 0:1+1 | 0:2+1 | 1:0+1 ");
}

TEST(StepPlanner, TellsDecodesApart) {
  uint8_t off[] = {0};
  SequenceInput decode[] = {input(1), input(1)}, silent[] = {input(1), input(1, off)},
                longer[] = {input(1), input(2)};
  EXPECT_TRUE(isDecode(decode));
  EXPECT_FALSE(isDecode(silent));
  EXPECT_FALSE(isDecode(longer));
  EXPECT_EQ(countLogitRows(silent), 1u);
}

} // namespace
} // namespace tawny
