// Made-up machines: what their kernels say about memory, and what a model may have of it.
#include "runtime/device/gpu/UsableMemory.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tawny::gpu {
namespace {

constexpr uint64_t MiB = uint64_t(1) << 20, GiB = uint64_t(1) << 30;

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
  system("6.14.0-24-generic", 124 * GiB, 110 * GiB);
  card("card1", "0000:c3:00.0", 512 * MiB, 200 * MiB, 62 * GiB, 1 * GiB);
  ttm(62 * GiB);
  gttSize("-1");
  GpuMemory memory = decide(true, 512 * MiB, 400 * MiB);
  EXPECT_EQ(memory.pool, MemoryPool::Gtt);
  EXPECT_EQ(memory.totalBytes, 62 * GiB);
  EXPECT_EQ(memory.availableBytes, 61 * GiB);
  EXPECT_TRUE(memory.isHostMemory);
  uint64_t wanted = 124 * GiB - 124 * GiB / 8;
  EXPECT_TRUE(has(memory.advice, "ttm.pages_limit=" + std::to_string(wanted / 4096)))
      << memory.advice;
  EXPECT_TRUE(has(memory.advice, "would give it 108.5 GiB")) << memory.advice;
}

TEST_F(UsableMemory, StrixHaloSetUpForModels) {
  system("6.16.3", 124 * GiB, 118 * GiB);
  card("card0", "0000:c3:00.0", 512 * MiB, 100 * MiB, 120 * GiB, 2 * GiB);
  ttm(120 * GiB);
  GpuMemory memory = decide(true, 120 * GiB, 119 * GiB);
  EXPECT_EQ(memory.totalBytes, 120 * GiB);
  EXPECT_EQ(memory.availableBytes, 118 * GiB) << "no more than the card has free";
  EXPECT_EQ(memory.advice, "");
}

TEST_F(UsableMemory, BusySystem) {
  // The card may map 100 GiB, but programs have most of them.
  system("6.14.0", 124 * GiB, 9 * GiB);
  card("card0", "0000:c3:00.0", 512 * MiB, 0, 100 * GiB, 3 * GiB);
  ttm(100 * GiB);
  EXPECT_EQ(decide(true, 100 * GiB, 97 * GiB).availableBytes, 9 * GiB);
}

TEST_F(UsableMemory, ControlGroup) {
  system("6.14.0", 124 * GiB, 110 * GiB);
  card("card0", "0000:c3:00.0", 512 * MiB, 0, 100 * GiB, 0);
  put("proc/self/cgroup", "0::/box");
  put("sys/fs/cgroup/box/memory.max", 16 * GiB);
  put("sys/fs/cgroup/box/memory.current", 4 * GiB);
  EXPECT_EQ(decide(true, 100 * GiB, 97 * GiB).availableBytes, 12 * GiB);
}

TEST_F(UsableMemory, LargeCarveOut) {
  // The firmware gives the GPU 96 of 128 GiB: the system's memory does not matter.
  system("6.14.0", 31 * GiB, 3 * GiB);
  card("card0", "0000:c3:00.0", 96 * GiB, 2 * GiB, 15 * GiB, 0);
  ttm(15 * GiB);
  GpuMemory memory = decide(true, 96 * GiB, 95 * GiB);
  EXPECT_EQ(memory.pool, MemoryPool::Vram);
  EXPECT_EQ(memory.totalBytes, 96 * GiB);
  EXPECT_EQ(memory.availableBytes, 94 * GiB);
  EXPECT_EQ(memory.advice, "");
}

TEST_F(UsableMemory, OldKernel) {
  system("6.8.0-60-generic", 124 * GiB, 110 * GiB);
  card("card0", "0000:c3:00.0", 8 * GiB, 1 * GiB, 62 * GiB, 0);
  GpuMemory memory = decide(true, 8 * GiB, 8 * GiB);
  EXPECT_EQ(memory.pool, MemoryPool::Vram);
  EXPECT_EQ(memory.availableBytes, 7 * GiB);
  EXPECT_TRUE(has(memory.advice, "Linux 6.10 or later gives it the 62.0 GiB")) << memory.advice;
}

TEST_F(UsableMemory, OldKernelWithTheChangeCarriedBack) {
  // A distribution's 6.8 whose driver offers more than the carve-out.
  system("6.8.0-oem", 124 * GiB, 110 * GiB);
  card("card0", "0000:c3:00.0", 512 * MiB, 0, 62 * GiB, 2 * GiB);
  GpuMemory memory = decide(true, 62 * GiB, 61 * GiB);
  EXPECT_EQ(memory.pool, MemoryPool::Gtt);
  EXPECT_EQ(memory.availableBytes, 60 * GiB);
}

TEST_F(UsableMemory, TtmLimitBelowGtt) {
  system("6.12.0", 60 * GiB, 55 * GiB);
  card("card0", "0000:c3:00.0", 512 * MiB, 0, 48 * GiB, 0);
  ttm(30 * GiB);
  GpuMemory memory = decide(true, 48 * GiB, 48 * GiB);
  EXPECT_EQ(memory.totalBytes, 30 * GiB);
  EXPECT_TRUE(has(memory.advice, "the GPU may map 30.0 GiB of the system's 60.0 GiB"))
      << memory.advice;
}

TEST_F(UsableMemory, GttSizeIsTheLimit) {
  system("6.12.0", 60 * GiB, 55 * GiB);
  card("card0", "0000:c3:00.0", 512 * MiB, 0, 16 * GiB, 0);
  ttm(56 * GiB);
  gttSize("16384");
  GpuMemory memory = decide(true, 16 * GiB, 16 * GiB);
  EXPECT_EQ(memory.totalBytes, 16 * GiB);
  EXPECT_TRUE(has(memory.advice, "amdgpu.gttsize=16384 holds the GPU to 16.0 GiB"))
      << memory.advice;
  EXPECT_TRUE(has(memory.advice, "amdgpu.gttsize=53760 would give it 52.5 GiB")) << memory.advice;
}

TEST_F(UsableMemory, DiscreteCard) {
  // 24 GiB of its own; what it could map does not count, and HIP does not see other processes.
  system("6.14.0", 62 * GiB, 1 * GiB);
  card("card0", "0000:c3:00.0", 24 * GiB, 10 * GiB, 31 * GiB, 0);
  GpuMemory memory = decide(false, 24 * GiB, 23 * GiB);
  EXPECT_EQ(memory.pool, MemoryPool::Vram);
  EXPECT_EQ(memory.totalBytes, 24 * GiB);
  EXPECT_EQ(memory.availableBytes, 14 * GiB);
  EXPECT_FALSE(memory.isHostMemory);
  EXPECT_EQ(memory.advice, "");
}

TEST_F(UsableMemory, ApuBesideADiscreteCard) {
  system("6.14.0", 62 * GiB, 50 * GiB);
  card("card0", "0000:03:00.0", 16 * GiB, 0, 31 * GiB, 0);
  card("card1", "0000:c3:00.0", 2 * GiB, 0, 31 * GiB, 1 * GiB);
  std::vector<AmdCard> cards = files().amdCards();
  ASSERT_EQ(cards.size(), 2u);
  EXPECT_EQ(cards[0].pciBusId, "0000:03:00.0");
  EXPECT_EQ(cards[1].pciBusId, "0000:c3:00.0");
  EXPECT_EQ(decide(true, 2 * GiB, 2 * GiB).availableBytes, 30 * GiB) << "the one on the bus";
}

TEST_F(UsableMemory, ContainerWithoutTheKernelsFiles) {
  system("6.14.0", 62 * GiB, 20 * GiB);
  GpuMemory apu = decide(true, 31 * GiB, 30 * GiB);
  EXPECT_EQ(apu.pool, MemoryPool::Driver);
  EXPECT_EQ(apu.totalBytes, 31 * GiB);
  EXPECT_EQ(apu.availableBytes, 20 * GiB);
  EXPECT_EQ(decide(false, 31 * GiB, 30 * GiB).availableBytes, 30 * GiB);
}

TEST_F(UsableMemory, LinkThatLeadsNowhere) {
  // A container whose /sys/class/drm holds plain folders: the bus address stands in uevent.
  system("6.14.0", 62 * GiB, 50 * GiB);
  std::string folder = "sys/class/drm/card0/device/";
  put(folder + "mem_info_vram_total", 24 * GiB);
  put(folder + "mem_info_vram_used", 4 * GiB);
  put(folder + "uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:c3:00.0\nMODALIAS=pci");
  put("sys/class/drm/card0-DP-1/device/mem_info_vram_total", 1);
  put("sys/class/drm/card7/device/vendor", "0x10de");
  EXPECT_EQ(files().amdCards().size(), 1u) << "no connectors, no other vendors";
  EXPECT_EQ(decide(false, 24 * GiB, 24 * GiB).availableBytes, 20 * GiB);
}

TEST_F(UsableMemory, NumbersThatAreNone) {
  system("nonsense", 62 * GiB, 50 * GiB);
  card("card0", "0000:c3:00.0", 0, 0, 0, 0);
  put("sys/module/ttm/parameters/pages_limit", "-1");
  put("sys/devices/pci0000:00/0000:c3:00.0/mem_info_gtt_total", "?");
  EXPECT_EQ(files().kernelVersion(), 0u);
  EXPECT_FALSE(files().ttmBytes());
  EXPECT_EQ(decide(false, 8 * GiB, 7 * GiB).availableBytes, 7 * GiB) << "the driver's word is left";
}

TEST_F(UsableMemory, UsedPassesTotal) {
  system("6.14.0", 62 * GiB, 50 * GiB);
  card("card0", "0000:c3:00.0", 512 * MiB, 0, 30 * GiB, 31 * GiB);
  EXPECT_EQ(decide(true, 30 * GiB, 1).availableBytes, 0u);
}

TEST_F(UsableMemory, CudaAsksTheDriver) {
  system("6.14.0", 62 * GiB, 10 * GiB);
  card("card0", "0000:c3:00.0", 24 * GiB, 10 * GiB, 31 * GiB, 0);
  EXPECT_EQ(decide(false, 141 * GiB, 140 * GiB, false).availableBytes, 140 * GiB);
  // Jetson: the GPU's memory is the system's.
  EXPECT_EQ(decide(true, 62 * GiB, 40 * GiB, false).availableBytes, 10 * GiB);
}

TEST_F(UsableMemory, NothingAtAll) {
  GpuMemory memory = decide(true, 4 * GiB, 5 * GiB);
  EXPECT_EQ(memory.totalBytes, 4 * GiB);
  EXPECT_EQ(memory.availableBytes, 4 * GiB) << "never more than there is";
}

} // namespace
} // namespace tawny::gpu
