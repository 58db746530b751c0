// What the fuzzer of plans starts from is sound, and its changes reach what they are meant to.
#include "tests/runtime/artifact/PlanMutation.h"
#include "runtime/executor/Executor.h"
#include "tests/runtime/artifact/Damage.h"
#include "tests/runtime/artifact/NullDevice.h"

namespace tawny::test {
namespace {

TEST(PlanMutation, AnUnchangedPlanRuns) {
  ToyFile file = toyModel(anyCode());
  AlignedBytes bytes = file.encode([](fb::ArtifactT &artifact) { mutatePlan(artifact, {}); });
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  ASSERT_TRUE(artifact) << artifact.error().message;
  auto model = Model::create(std::move(*artifact), std::make_unique<NullDevice>("cpu"), {});
  ASSERT_TRUE(model) << model.error().message;
  auto executor = Executor::create(**model);
  ASSERT_TRUE(executor) << executor.error().message;
  std::vector<int32_t> tokens(5, 1);
  SequenceInput input{*(*executor)->sequences().create(), tokens};
  auto result = (*executor)->step({&input, 1});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->rows, 1u);
}

/// Every place and kind of change once: refused with a field's name, or sound.
TEST(PlanMutation, EachChangeIsNamedOrHarmless) {
  size_t refused = 0, accepted = 0;
  for (uint16_t place = 0; place < 600; ++place)
    for (uint8_t kind = 0; kind < 12; ++kind) {
      uint8_t change[mutationBytes] = {kind};
      std::memcpy(change + 2, &place, sizeof(place));
      change[7] = 1; // 2^24
      ToyFile file = toyModel(anyCode());
      AlignedBytes bytes = file.encode([&](fb::ArtifactT &a) { mutatePlan(a, change); });
      std::string error = errorOf(Artifact::fromMemory(bytes.span(), "toy"));
      ++(error.empty() ? accepted : refused);
      EXPECT_TRUE(error.empty() || error.find("expected") != std::string::npos) << error;
    }
  EXPECT_GT(refused, accepted);
  EXPECT_GT(accepted, 100u);
}

} // namespace
} // namespace tawny::test
