// Made-up machines: what their kernels say about memory, and what a model may have of it.
#include "runtime/device/gpu/UsableMemory.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tawny::gpu {
namespace {

constexpr uint64_t mebi = uint64_t(1) << 20, gibi = uint64_t(1) << 30;

/// A machine in a folder: files that stand for /proc and /sys.
class UsableMemory : public testing::Test {
protected:
  void SetUp() override {
    root = std::filesystem::temp_directory_path() / ("tawny-memory-" + std::to_string(getpid()));
    std::filesystem::remove_all(root);
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  void put(const std::string &path, const std::string &text) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text << "\n";
  }
  void put(const std::string &path, uint64_t value) { put(path, std::to_string(value)); }

  void system(const std::string &kernel, uint64_t total, uint64_t available) {
    put("proc/sys/kernel/osrelease", kernel);
    put("proc/meminfo", "MemTotal: " + std::to_string(total >> 10) +
                            " kB\nMemAvailable: " + std::to_string(available >> 10) + " kB");
  }
  /// A card as /sys shows it: a link into the tree of devices.
  void card(const std::string &name, const std::string &pci, uint64_t vram, uint64_t vramUsed,
            uint64_t gtt, uint64_t gttUsed) {
    std::string folder = "sys/devices/pci0000:00/" + pci + "/";
    put(folder + "mem_info_vram_total", vram);
    put(folder + "mem_info_vram_used", vramUsed);
    put(folder + "mem_info_gtt_total", gtt);
    put(folder + "mem_info_gtt_used", gttUsed);
    std::filesystem::create_directories(root / "sys/class/drm" / name);
    std::filesystem::create_directory_symlink(root / folder,
                                              root / "sys/class/drm" / name / "device");
  }
  void ttm(uint64_t bytes) { put("sys/module/ttm/parameters/pages_limit", bytes / 4096); }
  void gttSize(const std::string &mebibytes) {
    put("sys/module/amdgpu/parameters/gttsize", mebibytes);
  }

  MemoryFiles files() const {
    return MemoryFiles((root / "proc").string(), (root / "sys").string());
  }
  GpuMemory decide(bool integrated, uint64_t driverTotal, uint64_t driverAvailable,
                   bool isAmd = true) const {
    DeviceFacts facts;
    facts.pciBusId = "0000:c3:00.0";
    facts.integrated = integrated;
    return decideMemory(files(), facts, isAmd, {driverTotal, driverAvailable});
  }
  static bool has(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
  }

  std::filesystem::path root;
};

TEST_F(UsableMemory, StrixHaloWithItsDefaults) {
  // 512 MiB of carve-out, half of 128 GiB mappable, HIP tells of the carve-out only.
  system("6.14.0-24-generic", 124 * gibi, 110 * gibi);
  card("card1", "0000:c3:00.0", 512 * mebi, 200 * mebi, 62 * gibi, 1 * gibi);
  ttm(62 * gibi);
  gttSize("-1");
  GpuMemory memory = decide(true, 512 * mebi, 400 * mebi);
  EXPECT_EQ(memory.pool, MemoryPool::Gtt);
  EXPECT_EQ(memory.totalBytes, 62 * gibi);
  EXPECT_EQ(memory.availableBytes, 61 * gibi);
  EXPECT_TRUE(memory.isHostMemory);
  uint64_t wanted = 124 * gibi - 124 * gibi / 8;
  EXPECT_TRUE(has(memory.advice, "ttm.pages_limit=" + std::to_string(wanted / 4096)))
      << memory.advice;
  EXPECT_TRUE(has(memory.advice, "would give it 108.5 GiB")) << memory.advice;
}

TEST_F(UsableMemory, StrixHaloSetUpForModels) {
  system("6.16.3", 124 * gibi, 118 * gibi);
  card("card0", "0000:c3:00.0", 512 * mebi, 100 * mebi, 120 * gibi, 2 * gibi);
  ttm(120 * gibi);
  GpuMemory memory = decide(true, 120 * gibi, 119 * gibi);
  EXPECT_EQ(memory.totalBytes, 120 * gibi);
  EXPECT_EQ(memory.availableBytes, 118 * gibi) << "no more than the card has free";
  EXPECT_EQ(memory.advice, "");
}

TEST_F(UsableMemory, BusySystem) {
  // The card may map 100 GiB, but programs have most of them.
  system("6.14.0", 124 * gibi, 9 * gibi);
  card("card0", "0000:c3:00.0", 512 * mebi, 0, 100 * gibi, 3 * gibi);
  ttm(100 * gibi);
  EXPECT_EQ(decide(true, 100 * gibi, 97 * gibi).availableBytes, 9 * gibi);
}

TEST_F(UsableMemory, ControlGroup) {
  system("6.14.0", 124 * gibi, 110 * gibi);
  card("card0", "0000:c3:00.0", 512 * mebi, 0, 100 * gibi, 0);
  put("proc/self/cgroup", "0::/box");
  put("sys/fs/cgroup/box/memory.max", 16 * gibi);
  put("sys/fs/cgroup/box/memory.current", 4 * gibi);
  EXPECT_EQ(decide(true, 100 * gibi, 97 * gibi).availableBytes, 12 * gibi);
}

TEST_F(UsableMemory, LargeCarveOut) {
  // The firmware gives the GPU 96 of 128 GiB: the system's memory does not matter.
  system("6.14.0", 31 * gibi, 3 * gibi);
  card("card0", "0000:c3:00.0", 96 * gibi, 2 * gibi, 15 * gibi, 0);
  ttm(15 * gibi);
  GpuMemory memory = decide(true, 96 * gibi, 95 * gibi);
  EXPECT_EQ(memory.pool, MemoryPool::Vram);
  EXPECT_EQ(memory.totalBytes, 96 * gibi);
  EXPECT_EQ(memory.availableBytes, 94 * gibi);
  EXPECT_EQ(memory.advice, "");
}

TEST_F(UsableMemory, OldKernel) {
  system("6.8.0-60-generic", 124 * gibi, 110 * gibi);
  card("card0", "0000:c3:00.0", 8 * gibi, 1 * gibi, 62 * gibi, 0);
  GpuMemory memory = decide(true, 8 * gibi, 8 * gibi);
  EXPECT_EQ(memory.pool, MemoryPool::Vram);
  EXPECT_EQ(memory.availableBytes, 7 * gibi);
  EXPECT_TRUE(has(memory.advice, "Linux 6.10 or later gives it the 62.0 GiB")) << memory.advice;
}

TEST_F(UsableMemory, OldKernelWithTheChangeCarriedBack) {
  // A distribution's 6.8 whose driver offers more than the carve-out.
  system("6.8.0-oem", 124 * gibi, 110 * gibi);
  card("card0", "0000:c3:00.0", 512 * mebi, 0, 62 * gibi, 2 * gibi);
  GpuMemory memory = decide(true, 62 * gibi, 61 * gibi);
  EXPECT_EQ(memory.pool, MemoryPool::Gtt);
  EXPECT_EQ(memory.availableBytes, 60 * gibi);
}

TEST_F(UsableMemory, TtmLimitBelowGtt) {
  system("6.12.0", 60 * gibi, 55 * gibi);
  card("card0", "0000:c3:00.0", 512 * mebi, 0, 48 * gibi, 0);
  ttm(30 * gibi);
  GpuMemory memory = decide(true, 48 * gibi, 48 * gibi);
  EXPECT_EQ(memory.totalBytes, 30 * gibi);
  EXPECT_TRUE(has(memory.advice, "the GPU may map 30.0 GiB of the system's 60.0 GiB"))
      << memory.advice;
}

TEST_F(UsableMemory, GttSizeIsTheLimit) {
  system("6.12.0", 60 * gibi, 55 * gibi);
  card("card0", "0000:c3:00.0", 512 * mebi, 0, 16 * gibi, 0);
  ttm(56 * gibi);
  gttSize("16384");
  GpuMemory memory = decide(true, 16 * gibi, 16 * gibi);
  EXPECT_EQ(memory.totalBytes, 16 * gibi);
  EXPECT_TRUE(has(memory.advice, "amdgpu.gttsize=16384 holds the GPU to 16.0 GiB"))
      << memory.advice;
  EXPECT_TRUE(has(memory.advice, "amdgpu.gttsize=53760 would give it 52.5 GiB")) << memory.advice;
}

TEST_F(UsableMemory, DiscreteCard) {
  // 24 GiB of its own; what it could map does not count, and HIP does not see other processes.
  system("6.14.0", 62 * gibi, 1 * gibi);
  card("card0", "0000:c3:00.0", 24 * gibi, 10 * gibi, 31 * gibi, 0);
  GpuMemory memory = decide(false, 24 * gibi, 23 * gibi);
  EXPECT_EQ(memory.pool, MemoryPool::Vram);
  EXPECT_EQ(memory.totalBytes, 24 * gibi);
  EXPECT_EQ(memory.availableBytes, 14 * gibi);
  EXPECT_FALSE(memory.isHostMemory);
  EXPECT_EQ(memory.advice, "");
}

TEST_F(UsableMemory, ApuBesideADiscreteCard) {
  system("6.14.0", 62 * gibi, 50 * gibi);
  card("card0", "0000:03:00.0", 16 * gibi, 0, 31 * gibi, 0);
  card("card1", "0000:c3:00.0", 2 * gibi, 0, 31 * gibi, 1 * gibi);
  std::vector<AmdCard> cards = files().amdCards();
  ASSERT_EQ(cards.size(), 2u);
  EXPECT_EQ(cards[0].pciBusId, "0000:03:00.0");
  EXPECT_EQ(cards[1].pciBusId, "0000:c3:00.0");
  EXPECT_EQ(decide(true, 2 * gibi, 2 * gibi).availableBytes, 30 * gibi) << "the one on the bus";
}

TEST_F(UsableMemory, ContainerWithoutTheKernelsFiles) {
  system("6.14.0", 62 * gibi, 20 * gibi);
  GpuMemory apu = decide(true, 31 * gibi, 30 * gibi);
  EXPECT_EQ(apu.pool, MemoryPool::Driver);
  EXPECT_EQ(apu.totalBytes, 31 * gibi);
  EXPECT_EQ(apu.availableBytes, 20 * gibi);
  EXPECT_EQ(decide(false, 31 * gibi, 30 * gibi).availableBytes, 30 * gibi);
}

TEST_F(UsableMemory, LinkThatLeadsNowhere) {
  // A container whose /sys/class/drm holds plain folders: the bus address stands in uevent.
  system("6.14.0", 62 * gibi, 50 * gibi);
  std::string folder = "sys/class/drm/card0/device/";
  put(folder + "mem_info_vram_total", 24 * gibi);
  put(folder + "mem_info_vram_used", 4 * gibi);
  put(folder + "uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:c3:00.0\nMODALIAS=pci");
  put("sys/class/drm/card0-DP-1/device/mem_info_vram_total", 1);
  put("sys/class/drm/card7/device/vendor", "0x10de");
  EXPECT_EQ(files().amdCards().size(), 1u) << "no connectors, no other vendors";
  EXPECT_EQ(decide(false, 24 * gibi, 24 * gibi).availableBytes, 20 * gibi);
}

TEST_F(UsableMemory, NumbersThatAreNone) {
  system("nonsense", 62 * gibi, 50 * gibi);
  card("card0", "0000:c3:00.0", 0, 0, 0, 0);
  put("sys/module/ttm/parameters/pages_limit", "-1");
  put("sys/devices/pci0000:00/0000:c3:00.0/mem_info_gtt_total", "?");
  EXPECT_EQ(files().kernelVersion(), 0u);
  EXPECT_FALSE(files().ttmBytes());
  EXPECT_EQ(decide(false, 8 * gibi, 7 * gibi).availableBytes, 7 * gibi)
      << "the driver's word is left";
}

TEST_F(UsableMemory, UsedPassesTotal) {
  system("6.14.0", 62 * gibi, 50 * gibi);
  card("card0", "0000:c3:00.0", 512 * mebi, 0, 30 * gibi, 31 * gibi);
  EXPECT_EQ(decide(true, 30 * gibi, 1).availableBytes, 0u);
}

TEST_F(UsableMemory, CudaAsksTheDriver) {
  system("6.14.0", 62 * gibi, 10 * gibi);
  card("card0", "0000:c3:00.0", 24 * gibi, 10 * gibi, 31 * gibi, 0);
  EXPECT_EQ(decide(false, 141 * gibi, 140 * gibi, false).availableBytes, 140 * gibi);
  // Jetson: the GPU's memory is the system's.
  EXPECT_EQ(decide(true, 62 * gibi, 40 * gibi, false).availableBytes, 10 * gibi);
}

TEST_F(UsableMemory, NothingAtAll) {
  GpuMemory memory = decide(true, 4 * gibi, 5 * gibi);
  EXPECT_EQ(memory.totalBytes, 4 * gibi);
  EXPECT_EQ(memory.availableBytes, 4 * gibi) << "never more than there is";
}

} // namespace
} // namespace tawny::gpu
