// Changes the toy model's plan, field by field, and runs steps of what the checks let through on a
// device that computes nothing: whatever the executor reads or writes must lie in the sizes that
// the plan states.
#include "runtime/executor/Executor.h"
#include "tests/runtime/artifact/NullDevice.h"
#include "tests/runtime/artifact/PlanMutation.h"
#include "tests/runtime/toy/ToyArtifact.h"

#include <vector>

using namespace tawny;

/// A prompt, a fork that decodes beside it, and a roll-back.
static void runSteps(Model &model) {
  ErrorOr<std::unique_ptr<Executor>> executor = Executor::create(model);
  if (!executor)
    return;
  KvPool &pool = (*executor)->sequences();
  std::optional<SequenceId> first = pool.create();
  const std::vector<int32_t> tokens(11, 0);
  auto step = [&](std::span<const SequenceInput> batch) {
    if (ErrorOr<StepResult> result = (*executor)->step(batch); result && result->logits)
      for (uint64_t i = 0; i < uint64_t(result->rows) * model.vocabulary(); ++i) {
        volatile float sink = result->logits[i];
        (void)sink;
      }
  };
  SequenceInput prompt{*first, tokens};
  step({&prompt, 1});
  std::optional<SequenceId> second = pool.fork(*first);
  if (!second)
    return;
  SequenceInput both[] = {{*first, std::span(tokens).first(1)},
                          {*second, std::span(tokens).first(1)}};
  step(both);
  pool.truncate(*first, pool.length(*first) / 2);
  step(both);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  constexpr size_t mostMutations = 8;
  const std::vector<std::byte> code(8, std::byte(0xc3));
  test::ToyFile file = test::toyModel(code);
  test::AlignedBytes bytes = file.encode([&](fb::ArtifactT &artifact) {
    test::mutatePlan(artifact, {data, std::min(size, mostMutations * test::mutationBytes)});
  });
  ErrorOr<std::unique_ptr<Artifact>> artifact = Artifact::fromMemory(bytes.span(), "fuzz");
  if (!artifact || !(*artifact)->header().targets())
    return 0;
  // The other launches and the scan of outputs are the same code with and without checks.
  for (bool check : {false, true}) {
    ModelOptions options;
    options.check = check;
    options.maxSequences = 4;
    ErrorOr<std::unique_ptr<Artifact>> own = Artifact::fromMemory(bytes.span(), "fuzz");
    ErrorOr<std::unique_ptr<Model>> model =
        Model::create(std::move(*own), std::make_unique<test::NullDevice>("cpu"), options);
    if (model)
      runSteps(**model);
  }
  return 0;
}
