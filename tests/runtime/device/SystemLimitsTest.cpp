#include "runtime/device/SystemLimits.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tawny {
namespace {

/// Folders that stand for /proc and /sys.
class SystemLimitsTest : public testing::Test {
protected:
  void SetUp() override {
    root = std::filesystem::temp_directory_path() / ("tawny-limits-" + std::to_string(getpid()));
    std::filesystem::remove_all(root);
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  void put(const std::string &path, const std::string &text) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  SystemLimits limits() const {
    return SystemLimits((root / "proc").string(), (root / "sys").string());
  }

  std::filesystem::path root;
};

TEST_F(SystemLimitsTest, CountsHyperthreadsOfACoreOnce) {
  for (int cpu = 0; cpu < 4; ++cpu)
    put("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/core_cpus_list",
        cpu % 2 ? "1,3\n" : "0,2\n");
  put("sys/devices/system/cpu/cpu4/topology/thread_siblings_list", "4-5\n");
  put("sys/devices/system/cpu/cpu5/topology/thread_siblings_list", "4-5\n");
  EXPECT_EQ(limits().physicalCores({0, 1, 2, 3}), 2u);
  EXPECT_EQ(limits().physicalCores({1, 3}), 1u);
  EXPECT_EQ(limits().physicalCores({0, 4, 5}), 2u);
  EXPECT_EQ(limits().physicalCores({7, 8}), 2u) << "without topology each CPU is a core";
}

TEST_F(SystemLimitsTest, FindsTheQuotaOfAnyGroupAround) {
  put("proc/self/cgroup", "0::/outer/inner\n");
  EXPECT_FALSE(limits().cpuQuota());
  put("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_FALSE(limits().cpuQuota());
  put("sys/fs/cgroup/outer/cpu.max", "250000 100000\n");
  EXPECT_EQ(limits().cpuQuota(), 2.5);
  put("sys/fs/cgroup/outer/inner/cpu.max", "150000 100000\n");
  EXPECT_EQ(limits().cpuQuota(), 1.5);
}

TEST_F(SystemLimitsTest, ReadsVersionOneGroups) {
  put("proc/self/cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n");
  put("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
  EXPECT_FALSE(limits().cpuQuota());
  put("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "400000\n");
  EXPECT_EQ(limits().cpuQuota(), 4.0);
  put("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1000\n");
  put("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "300\n");
  EXPECT_EQ(limits().availableMemory(), 700u);
}

TEST_F(SystemLimitsTest, TakesTheLeastMemory) {
  EXPECT_FALSE(limits().availableMemory());
  put("proc/meminfo", "MemTotal:       24000 kB\nMemAvailable:   2000 kB\n");
  EXPECT_EQ(limits().totalMemory(), 24000u << 10);
  EXPECT_EQ(limits().availableMemory(), 2000u << 10);
  put("proc/self/cgroup", "0::/box\n");
  put("sys/fs/cgroup/box/memory.max", "5000\n");
  put("sys/fs/cgroup/box/memory.current", "6000\n");
  EXPECT_EQ(limits().availableMemory(), 0u);
  put("sys/fs/cgroup/box/memory.max", "max\n");
  EXPECT_EQ(limits().availableMemory(), 2000u << 10);
}

TEST(SystemLimits, OfThisMachineAreUsable) {
  EXPECT_GE(SystemLimits().usableCores(), 1u);
  EXPECT_GT(SystemLimits().availableMemory().value_or(0), 0u);
}

} // namespace
} // namespace tawny
