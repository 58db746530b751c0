// The toy model on every GPU there is, real or simulated, through its own driver.
#include "tests/runtime/executor/ToyRun.h"
#include "tests/runtime/gpu/FakeDevice.h"

#include <filesystem>
#include <optional>

namespace tawny::test {
namespace {

struct Hardware {
  const char *name;
  const char *device;
  bool isSimulated;
};

void PrintTo(const Hardware &hardware, std::ostream *out) { *out << hardware.name; }

class GpuHardware : public testing::TestWithParam<Hardware> {
protected:
  void SetUp() override {
    if (GetParam().isSimulated) {
      if (!std::filesystem::exists(simulatorLibrary()))
        GTEST_SKIP() << "this build has no simulator";
      library.emplace("TAWNY_HIP_LIBRARY", simulatorLibrary());
    }
    auto opened = openDevice(GetParam().device, 1);
    if (!opened)
      GTEST_SKIP() << opened.error().message;
    std::string chip = (*opened)->kind() == "cuda" ? "ptx" : (*opened)->features().front();
    code = toyGpuCode(chip);
    if (code.empty())
      GTEST_SKIP() << "this build has no kernels for " << chip;
    feature = chip == "ptx" ? "sm_80" : chip;
  }

  ToyRun open(ModelOptions options) {
    options.device = GetParam().device;
    ToyFile file = toyModel(code, GetParam().device);
    file.header.targets[0]->features = {feature};
    return ToyRun(options, 1, std::move(file));
  }

  std::optional<ScopedVariable> library;
  std::vector<std::byte> code;
  std::string feature;
};

TEST_P(GpuHardware, RunsTheToyModel) {
  for (LaunchMode mode : {LaunchMode::Eager, LaunchMode::Graph, LaunchMode::Auto}) {
    ModelOptions options;
    options.launch = mode;
    ToyRun run = open(options);
    std::vector<SequenceId> sequences;
    std::vector<Tokens> texts;
    for (int32_t i = 0; i < 4; ++i) {
      sequences.push_back(run.create());
      texts.emplace_back(Tokens{i, i + 7, 3});
      EXPECT_EQ(tail(run.step(sequences.back(), texts.back())[0]), expectedLogits(texts.back()));
    }
    for (unsigned batch : {1u, 4u, 3u, 1u, 4u, 2u, 3u}) {
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
  }
}

TEST_P(GpuHardware, ChecksEachDispatch) {
  ModelOptions options;
  options.check = true;
  ToyRun run = open(options);
  SequenceId a = run.create();
  run.step(a, {1, 2});
  EXPECT_EQ(run.errorOf(a, {TOY_POISON}),
            "check: dispatch 1, 'attend', of program 'decode[1]' wrote inf at row 0, column 3 of "
            "its binding 4; its kernel is 'attend'");
}

INSTANTIATE_TEST_SUITE_P(Devices, GpuHardware,
                         testing::Values(Hardware{"hip", "hip", false},
                                         Hardware{"cuda", "cuda", false},
                                         Hardware{"hip_simulated", "hip", true}),
                         [](const testing::TestParamInfo<Hardware> &info) {
                           return std::string(info.param.name);
                         });

} // namespace
} // namespace tawny::test
