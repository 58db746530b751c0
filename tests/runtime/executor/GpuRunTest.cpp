// The toy model on a GPU whose driver is fake: launches, graphs, failures. The driver's queue runs
// only when somebody waits, so what is read or reused too early shows.
#include "tests/runtime/executor/ToyRun.h"
#include "tests/runtime/gpu/FakeDevice.h"

#include <bit>
#include <filesystem>
#include <optional>

namespace tawny::test {
namespace {

class GpuRun : public testing::TestWithParam<const char *> {
protected:
  GpuRun() : flavour(GetParam()), driver(flavour) {}
  ~GpuRun() override {
    toy.reset();
    EXPECT_STREQ(driver->misuse(), "");
    EXPECT_EQ(driver->live(), 0u) << "all that was made is given back";
  }

  const char *named(const char *hip, const char *cuda) const {
    return flavour == "hip" ? hip : cuda;
  }
  ToyRun &open(ModelOptions options = {}) {
    options.device = flavour;
    toy.emplace(options, 1, toyModel(asGpuCode(toyCode()), flavour));
    return *toy;
  }
  ToyRun &open(LaunchMode mode) {
    ModelOptions options;
    options.launch = mode;
    return open(options);
  }
  /// Decodes a few tokens of one sequence and compares each row.
  void recite(ToyRun &run, unsigned tokens) {
    SequenceId a = run.create();
    Tokens all = {5, 9, 2};
    EXPECT_EQ(tail(run.step(a, all)[0]), expectedLogits(all));
    for (unsigned i = 0; i < tokens; ++i) {
      all.push_back(static_cast<int32_t>(i % 20));
      auto rows = run.step(a, {all.back()});
      ASSERT_EQ(rows.size(), 1u);
      EXPECT_EQ(tail(rows[0]), expectedLogits(all)) << i;
      EXPECT_EQ(mark(rows[0]), TOY_DECODE_MARK + 1) << "a decode program ran";
    }
    run.pool().free(a);
  }
  uint64_t launches() { return driver->calls(named("hipModuleLaunchKernel", "cuLaunchKernel")); }
  uint64_t replays() { return driver->calls(named("hipGraphLaunch", "cuGraphLaunch")); }

  std::string flavour;
  FakeDriver driver;
  std::optional<ToyRun> toy;
};

TEST_P(GpuRun, ComputesEagerly) {
  recite(open(LaunchMode::Eager), 6);
  EXPECT_EQ(replays(), 0u);
}

TEST_P(GpuRun, ReplaysGraphs) {
  ToyRun &run = open(LaunchMode::Graph);
  recite(run, 2);
  uint64_t before = launches();
  recite(run, 6);
  EXPECT_EQ(launches(), before + 3) << "only the prompt is launched kernel by kernel";
  EXPECT_EQ(replays(), 8u);
}

TEST_P(GpuRun, MeasuresBothWaysOnce) {
  ToyRun &run = open(LaunchMode::Auto);
  EXPECT_FALSE(run.executor->chosenMode(1));
  recite(run, 1);
  ASSERT_TRUE(run.executor->chosenMode(1));
  uint64_t measured = replays();
  EXPECT_GE(measured, 4u);
  recite(run, 5);
  bool isGraph = run.executor->chosenMode(1) == LaunchMode::Graph;
  EXPECT_EQ(replays(), measured + (isGraph ? 5 : 0));
  EXPECT_FALSE(run.executor->chosenMode(2)) << "each decode program is measured by itself";
}

TEST_P(GpuRun, KeepsTheFasterWay) {
  constexpr unsigned microseconds = 20000;
  const char *launch = named("hipModuleLaunchKernel", "cuLaunchKernel");
  const char *replay = named("hipGraphLaunch", "cuGraphLaunch");
  for (bool isGraphFaster : {true, false}) {
    driver->reset();
    ToyRun &run = open(LaunchMode::Auto);
    driver->delay(isGraphFaster ? launch : replay, microseconds);
    recite(run, 2);
    EXPECT_EQ(run.executor->chosenMode(1), isGraphFaster ? LaunchMode::Graph : LaunchMode::Eager);
    driver->delay(isGraphFaster ? launch : replay, 0);
    uint64_t before = replays();
    recite(run, 3);
    EXPECT_EQ(replays() - before, isGraphFaster ? 3u : 0u);
  }
}

TEST_P(GpuRun, RunsWithoutAGraphThatCannotBeMade) {
  ToyRun &run = open(LaunchMode::Auto);
  driver->delay(named("hipModuleLaunchKernel", "cuLaunchKernel"), 20000);
  SequenceId a = run.create(), b = run.create(), c = run.create();
  Tokens text = {1, 2};
  for (SequenceId sequence : {a, b, c})
    run.step(sequence, text);
  auto decode = [&](std::vector<SequenceId> batch) {
    Tokens token = {7};
    std::vector<SequenceInput> inputs;
    for (SequenceId sequence : batch)
      inputs.push_back({sequence, token});
    return run.step(inputs);
  };
  // Three sequences make the program for four choose graphs; for four none can be made.
  decode({a, b, c});
  ASSERT_EQ(run.executor->chosenMode(4), LaunchMode::Graph);
  SequenceId d = run.create();
  run.step(d, {1, 2, 7});
  driver->failAt(named("hipGraphInstantiateWithFlags", "cuGraphInstantiateWithFlags"), 1, 2);
  uint64_t before = replays();
  auto rows = decode({a, b, c, d});
  ASSERT_EQ(rows.size(), 4u);
  for (const auto &row : rows)
    EXPECT_EQ(tail(row), expectedLogits(Tokens{1, 2, 7, 7}));
  EXPECT_EQ(replays(), before);
  decode({a, b, c, d});
  EXPECT_EQ(replays(), before + 1) << "and the next attempt works";
}

TEST_P(GpuRun, KeepsGraphsOfDifferentBatchesApart) {
  ToyRun &run = open(LaunchMode::Graph);
  std::vector<SequenceId> sequences;
  std::vector<Tokens> texts;
  for (int32_t i = 0; i < 4; ++i) {
    sequences.push_back(run.create());
    texts.push_back({i, i + 7});
    run.step(sequences.back(), texts.back());
  }
  for (unsigned batch : {4u, 3u, 4u, 1u, 3u, 2u, 4u}) {
    std::vector<SequenceInput> inputs;
    for (unsigned i = 0; i < batch; ++i) {
      texts[i].push_back(static_cast<int32_t>(batch + i));
      inputs.push_back({sequences[i], std::span(texts[i]).last(1)});
    }
    auto rows = run.step(inputs);
    ASSERT_EQ(rows.size(), batch);
    for (unsigned i = 0; i < batch; ++i)
      EXPECT_EQ(tail(rows[i]), expectedLogits(texts[i])) << batch << " " << i;
  }
  EXPECT_EQ(driver->calls(named("hipStreamBeginCapture", "cuStreamBeginCapture_v2")), 4u);
}

TEST_P(GpuRun, IsEagerWhereNothingCanBeRecorded) {
  const char *begin = named("hipStreamBeginCapture", "cuStreamBeginCapture_v2");
  driver->failAt(begin, 1, 801);
  ToyRun &run = open(LaunchMode::Auto);
  recite(run, 3);
  EXPECT_EQ(run.executor->chosenMode(1), LaunchMode::Eager);
  EXPECT_EQ(replays(), 0u);
  driver->failAt(begin, 1, 801);
  run.executor->setLaunchMode(LaunchMode::Graph);
  SequenceId a = run.create();
  run.step(a, {1, 2});
  EXPECT_NE(run.errorOf(a, {3}).find("cannot make a graph of 3 launches"), std::string::npos);
  EXPECT_EQ(run.pool().length(a), 2u);
  recite(run, 2);
}

TEST_P(GpuRun, EndsACaptureThatFails) {
  ToyRun &run = open(LaunchMode::Graph);
  SequenceId a = run.create();
  run.step(a, {1, 2});
  driver->failAt(named("hipModuleLaunchKernel", "cuLaunchKernel"), 2, 1);
  EXPECT_NE(run.errorOf(a, {3}).find("cannot make a graph"), std::string::npos);
  recite(run, 2);
}

TEST_P(GpuRun, RunsPromptsInSeveralParts) {
  ModelOptions options;
  options.maxLogitRows = 38;
  ToyRun &run = open(options);
  SequenceId a = run.create();
  Tokens tokens;
  for (int32_t i = 0; i < 38; ++i)
    tokens.push_back(i % 23);
  Flags wanted(38, 1);
  auto rows = run.step(a, tokens, wanted.data());
  ASSERT_EQ(rows.size(), 38u);
  for (size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(tail(rows[i]), expectedAt(tokens, i)) << i;
}

/// The toy has no candidates, so the first logits of each row stand in for them.
TEST_P(GpuRun, DefersLogitsWhereThereAreCandidates) {
  auto addCandidates = [](fb::ArtifactT &artifact) {
    for (auto &program : artifact.targets[0]->programs)
      if (program->kind != fb::ProgramKind::Init) {
        program->candidates = 2;
        program->candidates_offset = program->logits_offset;
      }
  };
  ModelOptions options;
  options.device = flavour;
  toy.emplace(options, 1, toyModel(asGpuCode(toyCode()), flavour), addCandidates);
  SequenceId a = toy->create();
  Tokens text = {5, 9, 2};
  EXPECT_EQ(tail(toy->step(a, text)[0]), expectedLogits(text)) << "not deferred unless asked to";
  toy->executor->deferLogits();
  text.push_back(4);
  SequenceInput input{a, std::span(text).last(1)};
  auto result = toy->executor->step({&input, 1});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->logits, nullptr);
  ASSERT_NE(result->candidates, nullptr);
  EXPECT_EQ(result->rows, 1u);
  EXPECT_EQ(result->candidatesPerRow, 2u);
  std::vector<float> expected = expectedLogits(text);
  EXPECT_EQ(result->candidates[1].logit, expected[1]);
  EXPECT_EQ(std::bit_cast<float>(result->candidates[1].token), expected[2]);
  auto fetched = toy->executor->fetchLogits(*result);
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(tail({result->logits, result->logits + TOY_VOCABULARY}), expected);
}

/// Parts of a prompt overwrite each other's logits, so these are all read.
TEST_P(GpuRun, ReadsLogitsOfSeveralParts) {
  ModelOptions options;
  options.maxLogitRows = 38;
  ToyRun &run = open(options);
  run.executor->deferLogits();
  SequenceId a = run.create();
  Tokens tokens(38, 3);
  Flags wanted(38, 1);
  SequenceInput input{a, tokens, wanted.data()};
  auto result = run.executor->step({&input, 1});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->rows, 38u);
  EXPECT_NE(result->logits, nullptr);
  EXPECT_EQ(result->candidates, nullptr);
}

TEST_P(GpuRun, CopiesSharedPages) {
  ToyRun &run = open();
  SequenceId a = run.create();
  Tokens text = {3, 4, 5, 6, 7, 8};
  run.step(a, text);
  SequenceId b = *run.pool().fork(a);
  Tokens left = text, right = text;
  left.push_back(1);
  right.push_back(2);
  SequenceInput both[] = {{a, std::span(left).last(1)}, {b, std::span(right).last(1)}};
  auto rows = run.step(both);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(tail(rows[0]), expectedLogits(left));
  EXPECT_EQ(tail(rows[1]), expectedLogits(right));
}

TEST_P(GpuRun, ChecksEachDispatch) {
  ModelOptions options;
  options.check = true;
  ToyRun &run = open(options);
  SequenceId a = run.create();
  run.step(a, {1, 2});
  EXPECT_EQ(run.errorOf(a, {TOY_POISON}),
            "check: dispatch 1, 'attend', of program 'decode[1]' wrote inf at row 0, column 3 of "
            "its binding 4; its kernel is 'attend'");
  EXPECT_EQ(run.errorOf(a, {TOY_KV_POISON}),
            "check: dispatch 0, 'append', of program 'decode[1]' wrote nan to page 0 of the values "
            "of layer 1; its kernel is 'append'");
  EXPECT_EQ(tail(run.step(a, {3}).front()), expectedAt({1, 2, 3}, 2));
}

TEST_P(GpuRun, ForgetsTheGraphUsedLongestAgo) {
  Model &model = *open(LaunchMode::Graph).model;
  const fb::Program &decode = *model.target().programs()->Get(4);
  ASSERT_EQ(decode.kind(), fb::ProgramKind::Decode);
  auto arena = model.device().allocate(decode.arena_bytes());
  auto kv = model.device().allocate(model.target().kv()->bytes());
  auto step = model.device().allocate(decode.step()->bytes());
  ASSERT_TRUE(arena && kv && step);
  Spaces spaces = model.sharedSpaces();
  spaces.arena = arena->address();
  spaces.kv = kv->address();
  spaces.step = step->address();
  Program program(model.target(), decode, model.kernels(), spaces);
  // Zeros are a step table that any extents may be tried on.
  auto captures = [&](uint32_t number) {
    uint64_t before = driver->calls(named("hipStreamBeginCapture", "cuStreamBeginCapture_v2"));
    Extents extents{number % 4 + 1, 1, number / 4 % 4 + 1, number / 16 + 1};
    auto ran = program.run(model.device(), extents, LaunchMode::Graph);
    EXPECT_TRUE(ran) << ran.error().message;
    return driver->calls(named("hipStreamBeginCapture", "cuStreamBeginCapture_v2")) - before;
  };
  for (uint64_t expected : {1, 0})
    for (uint32_t i = 0; i < 16; ++i)
      EXPECT_EQ(captures(i), expected) << i;
  EXPECT_EQ(captures(0), 0u);
  EXPECT_EQ(captures(16), 1u) << "takes the place of 1, not of 0";
  EXPECT_EQ(captures(0), 0u);
  EXPECT_EQ(captures(16), 0u);
  EXPECT_EQ(captures(1), 1u);
  ASSERT_TRUE(model.device().wait());
}

TEST_P(GpuRun, UsesTheMappingInPlaceWhereAsked) {
  ToyFile toyFile = toyModel(asGpuCode(toyCode()), flavour);
  std::string path = writeTemporary("registered", toyFile.encode().span());
  ModelOptions options;
  options.device = flavour;
  const char *copy = named("hipMemcpyHtoDAsync", "cuMemcpyHtoDAsync_v2");
  for (bool isRegistered : {false, true}) {
    ScopedVariable variable("TAWNY_REGISTER_WEIGHTS", isRegistered ? "1" : "0");
    uint64_t before = driver->calls(copy);
    auto model = Model::open(path, options);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(driver->calls(copy) - before, isRegistered ? 0u : 1u);
    auto executor = Executor::create(**model);
    ASSERT_TRUE(executor);
    Tokens tokens = {4, 5, 6};
    SequenceInput input{*(*executor)->sequences().create(), tokens};
    auto result = (*executor)->step({&input, 1});
    ASSERT_TRUE(result) << result.error().message;
    std::vector<float> expected = expectedLogits(tokens);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), result->logits + 1));
  }
  ScopedVariable variable("TAWNY_REGISTER_WEIGHTS", "1");
  driver->failAt(named("hipHostRegister", "cuMemHostRegister_v2"), 1, 1);
  auto refused = Model::open(path, options);
  std::filesystem::remove(path);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("unset TAWNY_REGISTER_WEIGHTS to have the weights copied"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Flavours, GpuRun, testing::Values("hip", "cuda"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

} // namespace
} // namespace tawny::test
