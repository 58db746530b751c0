// What a batch computes does not depend on how it is cut, who shares it, or where its pages lie.
#include "tests/runtime/executor/ToyRun.h"

#include <algorithm>
#include <map>
#include <random>

namespace tawny::test {
namespace {

Tokens counting(int32_t first, size_t count) {
  Tokens tokens;
  for (size_t i = 0; i < count; ++i)
    tokens.push_back(static_cast<int32_t>((static_cast<size_t>(first) + 7 * i) % TOY_KV_POISON));
  return tokens;
}

TEST(Batching, GivesLogitsOfTheLastToken) {
  ToyRun toy;
  SequenceId a = toy.create();
  Tokens tokens = {3, 1, 4, 1, 5};
  auto rows = toy.step(a, tokens);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(tail(rows[0]), expectedAt(tokens, 4));
  EXPECT_EQ(mark(rows[0]), 5);
  EXPECT_EQ(toy.pool().length(a), 5u);
}

TEST(Batching, GivesLogitsOfTheTokensThatWantThem) {
  ToyRun toy;
  Tokens tokens = {3, 1, 4, 1, 5};
  Flags wanted = {1, 0, 1, 1, 0};
  auto rows = toy.step(toy.create(), tokens, wanted.data());
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(tail(rows[0]), expectedAt(tokens, 0));
  EXPECT_EQ(tail(rows[1]), expectedAt(tokens, 2));
  EXPECT_EQ(tail(rows[2]), expectedAt(tokens, 3));
  Flags none(5);
  EXPECT_TRUE(toy.step(toy.create(), tokens, none.data()).empty());
}

TEST(Batching, CutsALongPromptIntoChunks) {
  ToyRun toy;
  Tokens tokens = counting(2, TOY_MAX_CONTEXT);
  auto rows = toy.step(toy.create(), tokens);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(tail(rows[0]), expectedAt(tokens, TOY_MAX_CONTEXT - 1));
  EXPECT_EQ(mark(rows[0]), TOY_MAX_CONTEXT % TOY_STEP_TOKENS) << "the last of three parts";
}

TEST(Batching, GathersMoreLogitsThanAStepMakes) {
  ModelOptions options;
  options.maxLogitRows = 20;
  ToyRun toy(options);
  Tokens tokens = counting(1, 20);
  Flags wanted(20, 1);
  auto rows = toy.step(toy.create(), tokens, wanted.data());
  ASSERT_EQ(rows.size(), 20u);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(tail(rows[i]), expectedAt(tokens, i)) << i;
    EXPECT_EQ(mark(rows[i]), TOY_STEP_LOGIT_ROWS) << "parts end where their rows are full";
  }
}

// The second part has a slice of each input and ends with all of the last one; still it is not all.
TEST(Batching, GathersAcrossPartsThatLookWhole) {
  ToyRun toy;
  Tokens first = counting(1, TOY_STEP_TOKENS + 2), second = {8};
  Flags wanted(first.size());
  wanted[3] = 1;
  SequenceInput inputs[] = {{toy.create(), first, wanted.data()}, {toy.create(), second}};
  auto rows = toy.step(inputs);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(tail(rows[0]), expectedAt(first, 3));
  EXPECT_EQ(tail(rows[1]), expectedAt(second, 0));
}

TEST(Batching, DecodesWithTheSmallestProgramThatFits) {
  ModelOptions options;
  options.maxLogitRows = 8;
  ToyRun toy(options);
  std::vector<SequenceId> sequences;
  std::vector<Tokens> tokens;
  for (int32_t i = 0; i < 5; ++i) {
    sequences.push_back(toy.create());
    tokens.push_back(counting(i, 3 + static_cast<size_t>(i)));
    toy.step(sequences.back(), tokens.back());
  }
  for (size_t batch = 1; batch <= 5; ++batch) {
    std::vector<SequenceInput> inputs;
    for (size_t i = 0; i < batch; ++i) {
      tokens[i].push_back(static_cast<int32_t>(i + batch));
      inputs.push_back({sequences[i], std::span(tokens[i]).last(1)});
    }
    auto rows = toy.step(inputs);
    ASSERT_EQ(rows.size(), batch);
    for (size_t i = 0; i < batch; ++i)
      EXPECT_EQ(tail(rows[i]), expectedAt(tokens[i], tokens[i].size() - 1));
    // Five sequences are more than decode[4] takes, so `step` runs three, then two of them.
    EXPECT_EQ(mark(rows[0]), batch < 5 ? static_cast<float>(TOY_DECODE_MARK + batch) : 3.0f);
    EXPECT_EQ(mark(rows.back()), batch < 5 ? static_cast<float>(TOY_DECODE_MARK + batch) : 2.0f);
  }
}

TEST(Batching, SaysWhichProgramRanHowOften) {
  ToyRun toy;
  Tokens tokens = counting(2, 2 * TOY_STEP_TOKENS + 1);
  SequenceInput input{toy.create(), tokens};
  auto prefill = toy.executor->step({&input, 1});
  ASSERT_TRUE(prefill) << prefill.error().message;
  EXPECT_EQ(prefill->program->name()->string_view(), "step");
  EXPECT_EQ(prefill->parts, 3u);
  input.tokens = std::span(tokens).first(1);
  auto decode = toy.executor->step({&input, 1});
  ASSERT_TRUE(decode) << decode.error().message;
  EXPECT_EQ(decode->program->name()->string_view(), "decode[1]");
  EXPECT_EQ(decode->parts, 1u);
}

TEST(Batching, MixesPromptsWithDecoding) {
  ToyRun toy;
  SequenceId a = toy.create(), b = toy.create();
  Tokens first = counting(5, 6), second = counting(9, 7);
  toy.step(a, first);
  first.push_back(11);
  SequenceInput inputs[] = {{a, std::span(first).last(1)}, {b, second}};
  auto rows = toy.step(inputs);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(tail(rows[0]), expectedAt(first, 6));
  EXPECT_EQ(tail(rows[1]), expectedAt(second, 6));
  EXPECT_EQ(mark(rows[0]), 8) << "one part of eight tokens";
}

TEST(Batching, ADecodeWithoutLogitsRunsTheStepProgram) {
  ToyRun toy;
  SequenceId a = toy.create();
  Flags none(1);
  EXPECT_TRUE(toy.step(a, {4}, none.data()).empty());
  auto rows = toy.step(a, {9});
  EXPECT_EQ(tail(rows[0]), expectedAt({4, 9}, 1));
}

TEST(Batching, AForkSharesPagesUntilItWrites) {
  ToyRun toy;
  SequenceId a = toy.create();
  Tokens tokens = counting(3, 6);
  toy.step(a, tokens);
  SequenceId b = *toy.pool().fork(a), c = *toy.pool().fork(a);
  uint32_t free = toy.pool().freePages();
  std::vector<SequenceInput> inputs;
  std::vector<Tokens> grown(3, tokens);
  SequenceId ids[] = {a, b, c};
  for (size_t i = 0; i < 3; ++i) {
    grown[i].push_back(static_cast<int32_t>(20 + i));
    inputs.push_back({ids[i], std::span(grown[i]).last(1)});
  }
  auto rows = toy.step(inputs);
  ASSERT_EQ(rows.size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(tail(rows[i]), expectedAt(grown[i], 6)) << i;
  EXPECT_EQ(toy.pool().freePages(), free - 2) << "two moved, the last one stayed";
}

TEST(Batching, RollsBack) {
  ToyRun toy;
  SequenceId a = toy.create();
  Tokens tokens = counting(3, 9);
  toy.step(a, tokens);
  toy.pool().truncate(a, 5);
  tokens.resize(5);
  tokens.insert(tokens.end(), {30, 29});
  auto rows = toy.step(a, {30, 29});
  EXPECT_EQ(tail(rows[0]), expectedAt(tokens, 6));
}

TEST(Batching, ReportsAFullPoolAndGoesOn) {
  ToyRun toy;
  SequenceId a = toy.create(), b = toy.create();
  Tokens first = counting(1, 40), second = counting(2, 20);
  toy.step(a, first);
  toy.step(b, second);
  SequenceId c = toy.create();
  Tokens third = counting(3, 8);
  SequenceInput inputs[] = {{b, std::span(third).first(4)}, {c, third}};
  auto result = toy.executor->step(inputs);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->outcome, KvPool::Outcome::Exhausted);
  EXPECT_EQ(toy.pool().length(b), 20u);
  EXPECT_EQ(toy.pool().length(c), 0u);
  SequenceInput tooLong{a, std::span(third).first(1)};
  result = toy.executor->step({&tooLong, 1});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->outcome, KvPool::Outcome::ContextFull);
  toy.pool().free(a);
  auto rows = toy.step(inputs);
  second.insert(second.end(), third.begin(), third.begin() + 4);
  EXPECT_EQ(tail(rows[0]), expectedAt(second, 23));
  EXPECT_EQ(tail(rows[1]), expectedAt(third, 7));
}

TEST(Batching, RefusesWrongCalls) {
  ToyRun toy;
  SequenceId a = toy.create();
  EXPECT_EQ(toy.errorOf(a, {1, 32}), "step: input 0, token 1: expected an id below 32, found 32");
  EXPECT_EQ(toy.errorOf(a, {-1}), "step: input 0, token 0: expected an id below 32, found -1");
  EXPECT_EQ(toy.errorOf(a, {}), "step: input 0: expected at least one token, found none");
  Tokens one = {1};
  SequenceInput twice[] = {{a, one}, {a, one}};
  EXPECT_EQ(toy.errorOf(twice),
            "step: input 1: expected each sequence at most once, found one again");
  SequenceId stale = a;
  toy.pool().free(a);
  EXPECT_EQ(toy.errorOf(stale, {1}),
            "step: input 0: expected a sequence, found one that was freed or never was");
  Tokens many = counting(0, 5);
  Flags all(5, 1);
  SequenceInput rows{toy.create(), many, all.data()};
  EXPECT_EQ(toy.errorOf({&rows, 1}),
            "step: expected at most 4 rows of logits, found that 5 are wanted: ask for fewer, or "
            "open the model for more");
  EXPECT_EQ(toy.pool().length(rows.sequence), 0u);
  auto nothing = toy.executor->step({});
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->rows, 0u);
}

/// Random ragged batches with forks, roll-backs and frees, against what each sequence's own tokens
/// say its logits are.
class RandomRun {
public:
  RandomRun(unsigned threads, unsigned seed) : toy(options(), threads), random(seed) {}
  void step();

private:
  static ModelOptions options() {
    ModelOptions options;
    options.maxLogitRows = 64;
    options.maxSequences = 6;
    return options;
  }
  struct Entry {
    SequenceId id;
    Tokens tokens;
  };
  void change();

  ToyRun toy;
  std::mt19937 random;
  std::vector<Entry> live;
};

void RandomRun::change() {
  uint32_t choice = random() % 6;
  if (live.empty() || choice < 2) {
    if (auto made = toy.pool().create())
      live.push_back({*made, {}});
    return;
  }
  size_t index = random() % live.size();
  if (choice < 3) {
    if (auto made = toy.pool().fork(live[index].id))
      live.push_back({*made, Tokens(live[index].tokens)});
  } else if (choice < 5) {
    auto length = static_cast<uint32_t>(random() % (live[index].tokens.size() + 1));
    toy.pool().truncate(live[index].id, length);
    live[index].tokens.resize(length);
  } else {
    toy.pool().free(live[index].id);
    live.erase(live.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

void RandomRun::step() {
  change();
  std::ranges::shuffle(live, random);
  size_t batch = live.empty() ? 0 : 1 + random() % live.size();
  bool decode = random() % 2;
  std::vector<Tokens> tokens(batch);
  std::vector<Flags> wanted(batch);
  std::vector<SequenceInput> inputs;
  for (size_t i = 0; i < batch; ++i) {
    size_t count = decode ? 1 : 1 + random() % 12;
    for (size_t n = 0; n < count; ++n) {
      tokens[i].push_back(static_cast<int32_t>(random() % TOY_KV_POISON));
      wanted[i].push_back(decode || random() % 3 == 0);
    }
    inputs.push_back({live[i].id, tokens[i], wanted[i].data()});
  }
  auto result = toy.executor->step(inputs);
  ASSERT_TRUE(result) << result.error().message;
  if (result->outcome != KvPool::Outcome::Done)
    return;
  uint32_t row = 0;
  for (size_t i = 0; i < batch; ++i)
    for (size_t n = 0; n < tokens[i].size(); ++n) {
      live[i].tokens.push_back(tokens[i][n]);
      if (!wanted[i][n])
        continue;
      const float *logits = result->logits + uint64_t(row++) * TOY_VOCABULARY;
      std::vector<float> found(logits + 1, logits + TOY_VOCABULARY);
      ASSERT_EQ(found, expectedLogits(live[i].tokens)) << "sequence " << i << ", token " << n;
    }
  ASSERT_EQ(row, result->rows);
}

TEST(Batching, AgreesWithEachSequenceAloneOverRandomBatches) {
  constexpr unsigned seed = 99, steps = 3000;
  RecordProperty("seed", seed);
  for (unsigned threads : {1u, 3u}) {
    RandomRun run(threads, seed);
    for (unsigned i = 0; i < steps; ++i) {
      run.step();
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", step " << i;
    }
  }
}

} // namespace
} // namespace tawny::test
