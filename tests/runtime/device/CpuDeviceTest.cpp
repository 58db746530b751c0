#include "runtime/device/CpuDevice.h"

#include "tests/runtime/toy/ToyArtifact.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <utility>

namespace tawny {
namespace {

std::unique_ptr<Device> openCpu(unsigned threads = 2) {
  auto device = openDevice("cpu", threads);
  EXPECT_TRUE(device) << device.error().message;
  return std::move(*device);
}

TEST(CpuDevice, ReportsTheFeaturesThatTheCompilerSees) {
  std::unique_ptr<Device> cpu = openCpu();
  auto has = [&](std::string_view name) {
    return std::ranges::find(cpu->features(), name) != cpu->features().end();
  };
#if defined(__x86_64__)
  EXPECT_TRUE(has("sse2"));
  __builtin_cpu_init();
  EXPECT_EQ(has("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(has("fma"), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(has("bmi2"), __builtin_cpu_supports("bmi2") != 0);
  EXPECT_EQ(has("avx512f"), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(has("avx512bw"), __builtin_cpu_supports("avx512bw") != 0);
  EXPECT_EQ(has("avx512vl"), __builtin_cpu_supports("avx512vl") != 0);
  EXPECT_EQ(has("avx512vnni"), __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ(has("avx512vbmi"), __builtin_cpu_supports("avx512vbmi") != 0);
#endif
  EXPECT_FALSE(has("wmma"));
  EXPECT_FALSE(cpu->description().empty());
}

TEST(CpuDevice, UsesWeightsWhereTheyAreMapped) {
  test::ToyFile file = test::toyModel(test::toyCode());
  std::string path = test::writeTemporary("weights", file.encode().span());
  auto artifact = Artifact::open(path);
  ASSERT_TRUE(artifact) << artifact.error().message;
  std::unique_ptr<Device> cpu = openCpu();
  uint64_t reported = 0;
  auto placed = cpu->placeWeights(**artifact, 0, true, [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, 128u);
    reported = done;
    return true;
  });
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(reported, 128u);
  EXPECT_EQ(placed->address(), (*artifact)->segment(0).data());
  auto stopped = cpu->placeWeights(**artifact, 0, true, [](uint64_t, uint64_t) { return false; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().message, "stopped after reading 128 of 128 bytes of weights");
  std::filesystem::remove(path);
}

TEST(Devices, AreNamed) {
  auto wrong = openDevice("tpu:0", 0);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "device 'tpu:0': expected cpu, hip[:N] or cuda[:N]");
  auto many = openDevice("cpu", 5000);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message, "threads: expected 1 to 4096, found 5000");
}

std::string selection(const test::HeaderChange &change) {
  test::ToyFile file = test::toyModel(test::toyCode());
  if (change)
    change(file.header);
  test::AlignedBytes bytes = file.encode();
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  EXPECT_TRUE(artifact) << artifact.error().message;
  std::unique_ptr<Device> cpu = openCpu(1);
  auto target = selectTarget((*artifact)->header(), *cpu);
  return target ? std::to_string(*target) : target.error().message;
}

TEST(Targets, TheFirstUsableIsChosen) {
  EXPECT_EQ(selection({}), "0");
  EXPECT_EQ(selection([](fb::ArtifactT &a) {
              a.targets.insert(a.targets.begin(), std::make_unique<fb::TargetT>(*a.targets[0]));
              a.targets[0]->name = "future";
              a.targets[0]->features = {"sse2", "avx4096"};
            }),
            "1");
}

TEST(Targets, TheErrorListsWhatIsMissing) {
  std::string error = selection([](fb::ArtifactT &a) {
    a.targets[0]->features = {"sse2", "avx4096", "telepathy"};
    a.targets.push_back(std::make_unique<fb::TargetT>(*a.targets[0]));
    a.targets[1]->name = "gfx1151";
    a.targets[1]->device = "hip";
  });
  EXPECT_NE(error.find("toy-cpu needs avx4096, telepathy; gfx1151 is for the device hip"),
            std::string::npos)
      << error;
}

} // namespace
} // namespace tawny
