// What launches are counted for, on kernels whose traffic is known.
#include "tests/hipsim/Library.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace tawny::hipsim {
namespace {

class CountersTest : public HipsimTest {
protected:
  static std::map<std::string, HipsimKernelCounters> kernels() {
    auto get =
        reinterpret_cast<HipsimGetKernelCounters>(libraryFunction(HIPSIM_GET_KERNEL_COUNTERS));
    std::vector<HipsimKernelCounters> all(get(HIPSIM_COUNTERS_VERSION, nullptr, 0));
    EXPECT_EQ(get(HIPSIM_COUNTERS_VERSION, all.data(), all.size()), all.size());
    std::map<std::string, HipsimKernelCounters> byName;
    for (const HipsimKernelCounters &entry : all)
      byName[entry.name] = entry;
    return byName;
  }
  /// One kernel's traffic with the allocation that starts at `base`.
  static HipsimStreamCounters stream(const std::string &kernel, const void *base) {
    auto get =
        reinterpret_cast<HipsimGetStreamCounters>(libraryFunction(HIPSIM_GET_STREAM_COUNTERS));
    std::vector<HipsimStreamCounters> all(get(HIPSIM_COUNTERS_VERSION, nullptr, 0));
    get(HIPSIM_COUNTERS_VERSION, all.data(), all.size());
    for (const HipsimStreamCounters &entry : all)
      if (entry.kernel == kernel && entry.allocation == reinterpret_cast<uint64_t>(base))
        return entry;
    ADD_FAILURE() << kernel;
    return {};
  }
  /// The instructions of a class, by its name.
  static uint64_t ofClass(const HipsimKernelCounters &counters, const std::string &name) {
    auto nameOf = reinterpret_cast<HipsimClassName>(libraryFunction(HIPSIM_CLASS_NAME));
    for (uint32_t i = 0; const char *found = nameOf(HIPSIM_COUNTERS_VERSION, i); ++i)
      if (name == found)
        return counters.instructionsByClass[i];
    ADD_FAILURE() << name;
    return 0;
  }
};

struct Uint4 {
  uint32_t values[4];
};

TEST_F(CountersTest, ContiguousLoadsUseEveryByte) {
  Uint4 *from = upload(std::vector<Uint4>(640));
  auto *to = allocate<Uint4>(640);
  hipFunction_t wide = kernel("wide");
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(launch(wide, 10, from, to, 1u), hipSuccess);
  HipsimKernelCounters counters = kernels().at("wide");
  EXPECT_EQ(counters.launches, 2u);
  EXPECT_EQ(counters.workgroups, 20u);
  EXPECT_EQ(counters.waves, 40u);
  EXPECT_EQ(ofClass(counters, "VMEM load"), 40u);
  EXPECT_EQ(ofClass(counters, "VMEM store"), 40u);
  EXPECT_EQ(counters.memoryInstructions, 80u);
  // 32 lanes of 16 bytes are 4 lines, for a load and for a store.
  EXPECT_EQ(counters.instructionLines, 320u);
  EXPECT_EQ(counters.bytesWritten, 2u * 10240);
  EXPECT_EQ(counters.linesWritten, 2u * 80);
  EXPECT_EQ(counters.usedBytesWritten, 2u * 10240);
  EXPECT_EQ(counters.scratchBytes, 0u);
  EXPECT_GT(counters.vectorRegisters, 0u);
  HipsimStreamCounters weights = stream("wide", from);
  EXPECT_EQ(weights.allocationBytes, 10240u);
  EXPECT_EQ(weights.bytesRead[5], 2u * 10240);
  EXPECT_EQ(weights.linesRead, 2u * 80);
  EXPECT_EQ(weights.sectorsRead, 2u * 160);
  EXPECT_EQ(weights.usedBytesRead, 2u * 10240);
  EXPECT_EQ(weights.linesWritten, 0u);
  EXPECT_EQ(stream("wide", to).bytesWritten[5], 2u * 10240);
}

TEST_F(CountersTest, StridedLoadsWasteTheirLines) {
  Uint4 *from = upload(std::vector<Uint4>(64 * 8));
  auto *to = allocate<Uint4>(64);
  ASSERT_EQ(launch(kernel("wide"), 1, from, to, 8u), hipSuccess); // 128 bytes apart
  HipsimStreamCounters weights = stream("wide", from);
  EXPECT_EQ(weights.bytesRead[5], 1024u);
  EXPECT_EQ(weights.linesRead, 64u);
  EXPECT_EQ(weights.sectorsRead, 64u);
  EXPECT_EQ(weights.usedBytesRead, 1024u); // of 8192
  EXPECT_EQ(kernels().at("wide").instructionLines, 64u + 8u);
}

TEST_F(CountersTest, LinesOfALaunchAreDistinct) {
  uint32_t *from = upload(std::vector<uint32_t>(64 * 50));
  auto *to = allocate<uint32_t>(64 * 50);
  // Each of 50 workgroups adds what is there already to the same word.
  uint32_t *sum = upload(std::vector<uint32_t>{0});
  ASSERT_EQ(launch(kernel("tally"), 50, sum, 1u), hipSuccess);
  HipsimStreamCounters word = stream("tally", sum);
  EXPECT_EQ(word.linesRead, 1u);
  EXPECT_EQ(word.usedBytesRead, 4u);
  EXPECT_EQ(word.bytesRead[2], 50u * 2 * 4); // one lane of each wave
  EXPECT_EQ(word.linesWritten, 1u);
  ASSERT_EQ(launch(kernel("load"), 50, from, to, int64_t{0}), hipSuccess);
  EXPECT_EQ(stream("load", from).linesRead, 100u);
  EXPECT_EQ(stream("load", from).bytesRead[2], 12800u);
}

TEST_F(CountersTest, CanBeTurnedOffAndReset) {
  restart({{"COUNT", "0"}});
  auto *to = allocate<uint32_t>(64);
  ASSERT_EQ(launch(kernel("store"), 1, to, 1u, int64_t{0}), hipSuccess);
  EXPECT_EQ(kernels().at("store").bytesWritten, 0u);
  EXPECT_EQ(kernels().at("store").waves, 2u);
  auto reset = reinterpret_cast<HipsimResetCounters>(libraryFunction(HIPSIM_RESET_COUNTERS));
  EXPECT_EQ(reset(HIPSIM_COUNTERS_VERSION), 1u);
  EXPECT_TRUE(kernels().empty());
  EXPECT_EQ(reset(HIPSIM_COUNTERS_VERSION + 1), 0u);
}

using CountersDeathTest = CountersTest;

TEST_F(CountersDeathTest, AreWrittenAtExit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  std::string path = testing::TempDir() + "hipsim-counters.json";
  EXPECT_EXIT(
      {
        restart({{"COUNTERS", path.c_str()}});
        auto *to = allocate<uint32_t>(64);
        (void)launch(kernel("store"), 1, to, 1u, int64_t{0});
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
  std::ifstream file(path);
  nlohmann::json counters = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(counters.is_object());
  EXPECT_EQ(counters["version"], 1);
  ASSERT_EQ(counters["kernels"].size(), 1u);
  const nlohmann::json &store = counters["kernels"][0];
  EXPECT_EQ(store["name"], "store");
  EXPECT_EQ(store["waves"], 2);
  EXPECT_EQ(store["instructions_by_class"]["VMEM store"], 2);
  EXPECT_EQ(store["lines_written"], 2);
  ASSERT_EQ(store["streams"].size(), 2u); // the arguments, and what it writes to
  EXPECT_EQ(store["streams"][1]["bytes_written_by_width"],
            nlohmann::json::array({0, 0, 256, 0, 0, 0}));
}

} // namespace
} // namespace tawny::hipsim
