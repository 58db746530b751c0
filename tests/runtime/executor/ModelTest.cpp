#include "runtime/executor/Model.h"

#include "runtime/executor/Probes.h"
#include "tests/runtime/executor/ToyRun.h"

#include <filesystem>
#include <map>

namespace tawny::test {
namespace {

TEST(Model, OpensAFile) {
  ToyFile file = toyModel(toyCode());
  std::string path = writeTemporary("model", file.encode().span());
  ModelOptions options;
  options.threads = 2;
  uint64_t reported = 0;
  options.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, 128u);
    reported = done;
    return true;
  };
  auto model = Model::open(path, options);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(reported, 128u);
  EXPECT_EQ((*model)->target().name()->string_view(), "toy-cpu");
  EXPECT_EQ((*model)->maxBatch(), 4u);
  EXPECT_EQ((*model)->bounds().kv.maxSequences, 16u);
  EXPECT_EQ((*model)->bounds().maxLogitRows, 4u);
  options.progress = [](uint64_t, uint64_t) { return false; };
  auto stopped = Model::open(path, options);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message,
            "'" + path + "': stopped after reading 128 of 128 bytes of weights");
  std::filesystem::remove(path);
}

TEST(Model, SumsItsMemory) {
  ToyRun toy;
  std::map<std::string, uint64_t> lines;
  for (const MemoryLine &line : toy.model->memoryPlan()) {
    lines[line.name] = line.bytes;
    EXPECT_EQ(line.mapped, line.name == "weights");
  }
  EXPECT_EQ(lines["weights"], 128u);
  EXPECT_EQ(lines["resident"], 64u);
  EXPECT_EQ(lines["kv"], uint64_t(TOY_LAYERS) * TOY_LAYER_BYTES);
  EXPECT_EQ(lines["arena"], 1536u);
  EXPECT_EQ(lines["logits"], 4u * TOY_VOCABULARY * sizeof(float));
  EXPECT_EQ(lines["step"], toy.model->target().programs()->Get(1)->step()->bytes());
  EXPECT_GT(lines["host"], 0u);
}

TEST(Model, RefusesWhatDoesNotFit) {
  std::vector<MemoryLine> plan = {{"weights", 1000, true}, {"kv", 70, false}, {"arena", 31, false}};
  EXPECT_TRUE(checkMemory(plan, {1000, 101}));
  plan.push_back({"logits", 500, false, true});
  EXPECT_TRUE(checkMemory(plan, {1000, 101, false})) << "a device with memory of its own";
  EXPECT_FALSE(checkMemory(plan, {1000, 101}));
  plan.pop_back();
  auto refused = checkMemory(plan, {1000, 100});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the model needs 101 bytes (kv 70 + arena 31) and 100 of 1000 are available: free "
            "memory, or compile with a smaller --kv-tokens, --max-context or --max-batch");
}

TEST(Model, NamesAMissingKernel) {
  ToyFile file = toyModel(toyCode());
  AlignedBytes bytes =
      file.encode([](fb::ArtifactT &a) { a.targets[0]->kernels[2]->symbol = "toy_missing"; });
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  ASSERT_TRUE(artifact) << artifact.error().message;
  auto device = openDevice("cpu", 1);
  auto model = Model::create(std::move(*artifact), std::move(*device), {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, "'toy': the code object has no kernel 'toy_missing'");
}

TEST(Model, RefusesAVocabulary) {
  ToyFile file = toyVocabulary();
  AlignedBytes bytes = file.encode();
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  ASSERT_TRUE(artifact) << artifact.error().message;
  auto device = openDevice("cpu", 1);
  auto model = Model::create(std::move(*artifact), std::move(*device), {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, "'toy': the artifact holds a vocabulary but no code: compile "
                                   "the model without --vocab-only");
}

TEST(Model, TwoLiveSideBySide) {
  ToyRun one, other;
  SequenceId a = one.create(), b = other.create();
  Tokens first = {1, 2, 3}, second = {4, 5};
  one.step(a, first);
  EXPECT_EQ(tail(other.step(b, second)[0]), expectedAt(second, 1));
  first.push_back(6);
  EXPECT_EQ(tail(one.step(a, {6})[0]), expectedAt(first, 3));
}

TEST(Probes, Measure) {
  ToyRun toy;
  auto read = measureReadBandwidth(*toy.model);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_GT(*read, 0);
  auto peak = measurePeakOperations(*toy.model);
  ASSERT_TRUE(peak) << peak.error().message;
  EXPECT_GT(*peak, 0);
}

TEST(Probes, MayBeAbsent) {
  ToyRun toy({}, 1, [](fb::ArtifactT &a) { a.targets[0]->probes.reset(); });
  auto read = measureReadBandwidth(*toy.model);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "target 'toy-cpu' of the artifact has no kernels that measure "
                                  "the machine: compile it again");
}

} // namespace
} // namespace tawny::test
