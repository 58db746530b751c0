// What kernels do wrong, and exactly what is said about it.
#include "tests/hipsim/Library.h"

#include <cstdio>

namespace tawny::hipsim {
namespace {

class ViolationTest : public HipsimTest {
protected:
  /// Runs a kernel that violates something; returns what is said. Instructions stand as CODE, since
  /// which register a compiler chooses is its own affair, and `base`, if not null, as BASE.
  template <typename... Arguments>
  std::string said(hipError_t expected, hipFunction_t function, unsigned workgroups,
                   const void *base, Arguments... arguments) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(launch(function, workgroups, arguments...), expected);
    std::string text = testing::internal::GetCapturedStderr();
    size_t at = 0;
    const std::string mark = "  instruction: 0x";
    while ((at = text.find(mark, at)) != std::string::npos) {
      size_t begin = text.find(": ", at + mark.size()) + 2;
      size_t end = text.find_first_of(" \n", begin);
      mnemonics.push_back(text.substr(begin, end - begin));
      text.replace(at, text.find('\n', at) - at, "  instruction: CODE");
      at += 1;
    }
    char address[32];
    std::snprintf(address, sizeof(address), "%p", base);
    for (at = 0; base && (at = text.find(address, at)) != std::string::npos;)
      text.replace(at, std::string(address).size(), "BASE");
    return text;
  }

  std::vector<std::string> mnemonics;
};

std::string hex(const void *address) {
  char text[32];
  std::snprintf(text, sizeof(text), "%p", address);
  return text;
}

TEST_F(ViolationTest, StoreBehindAnAllocation) {
  auto *to = allocate<uint32_t>(100);
  EXPECT_EQ(said(hipErrorIllegalAddress, kernel("store"), 2, to, to, 1u, int64_t{0}),
            "hipsim: kernel 'store': store of 4 bytes outside every live allocation\n"
            "  address " +
                hex(to + 100) +
                ", lane 4 and 27 more of wave 1, workgroup (1, 0, 0)\n"
                "  instruction: CODE\n"
                "  nearest: allocation of 400 bytes at BASE, which ends 0 bytes before\n");
  EXPECT_EQ(mnemonics, std::vector<std::string>{"global_store_b32"});
}

TEST_F(ViolationTest, LoadBeforeAnAllocation) {
  uint32_t *from = upload(std::vector<uint32_t>(64)), *to = allocate<uint32_t>(64);
  EXPECT_EQ(said(hipErrorIllegalAddress, kernel("load"), 1, from, from, to, int64_t{-2}),
            "hipsim: kernel 'load': load of 4 bytes outside every live allocation\n"
            "  address " +
                hex(from - 2) +
                ", lane 0 and 1 more of wave 0, workgroup (0, 0, 0)\n"
                "  instruction: CODE\n"
                "  nearest: allocation of 256 bytes at BASE, which begins 8 bytes behind\n");
}

TEST_F(ViolationTest, AfterFree) {
  uint32_t *from = upload(std::vector<uint32_t>(64)), *to = allocate<uint32_t>(64);
  ASSERT_EQ(HIP(hipFree)(from), hipSuccess);
  EXPECT_EQ(
      said(hipErrorIllegalAddress, kernel("load"), 1, from, from, to, int64_t{1}),
      "hipsim: kernel 'load': load of 4 bytes outside every live allocation\n"
      "  address " +
          hex(from + 1) +
          ", lane 0 and 31 more of wave 0, workgroup (0, 0, 0)\n"
          "  instruction: CODE\n"
          "  nearest: freed allocation of 256 bytes at BASE, which has the address 4 bytes from "
          "its beginning\n");
}

TEST_F(ViolationTest, BytesThatWereNeverWritten) {
  auto *from = allocate<char>(256);
  auto *to = allocate<uint32_t>(64);
  std::vector<char> known(130, 1);
  ASSERT_EQ(HIP(hipMemcpy)(from, known.data(), known.size(), hipMemcpyHostToDevice), hipSuccess);
  EXPECT_EQ(
      said(hipErrorIllegalAddress, kernel("load"), 1, from, from, to, int64_t{0}),
      "hipsim: kernel 'load': load of 4 bytes whose byte 2 was never written\n"
      "  address " +
          hex(from + 128) +
          ", lane 0 and 31 more of wave 1, workgroup (0, 0, 0)\n"
          "  instruction: CODE\n"
          "  nearest: allocation of 256 bytes at BASE, which has the address 128 bytes from its "
          "beginning\n");
}

TEST_F(ViolationTest, WhatKernelsWriteIsWritten) {
  auto *first = allocate<uint32_t>(1088), *second = allocate<uint32_t>(1088);
  hipFunction_t store = kernel("store"), load = kernel("load");
  EXPECT_EQ(launch(store, 17, first, 3u, int64_t{0}), hipSuccess);
  EXPECT_EQ(launch(load, 17, first, second, int64_t{0}), hipSuccess);
  // A copy within the device brings along what is known, byte by byte.
  auto *third = allocate<uint32_t>(64);
  auto *unwritten = allocate<uint32_t>(64);
  ASSERT_EQ(HIP(hipMemcpy)(unwritten, first, 32 * 4, hipMemcpyDeviceToDevice), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpy)(third, unwritten, 64 * 4, hipMemcpyDeviceToDevice), hipSuccess);
  EXPECT_EQ(
      said(hipErrorIllegalAddress, load, 1, third, third, second, int64_t{0}),
      "hipsim: kernel 'load': load of 4 bytes whose byte 0 was never written\n"
      "  address " +
          hex(third + 32) +
          ", lane 0 and 31 more of wave 1, workgroup (0, 0, 0)\n"
          "  instruction: CODE\n"
          "  nearest: allocation of 256 bytes at BASE, which has the address 128 bytes from its "
          "beginning\n");
}

TEST_F(ViolationTest, Misalignment) {
  uint32_t *from = upload(std::vector<uint32_t>(65)), *to = allocate<uint32_t>(64);
  EXPECT_EQ(
      said(hipErrorIllegalAddress, kernel("misaligned"), 1, from, from, to),
      "hipsim: kernel 'misaligned': load of 4 bytes at an address that is no multiple of 4\n"
      "  address " +
          hex(reinterpret_cast<char *>(from) + 1) +
          ", lane 0 and 31 more of wave 0, workgroup (0, 0, 0)\n"
          "  instruction: CODE\n"
          "  nearest: allocation of 260 bytes at BASE, which has the address 1 bytes from its "
          "beginning\n");
}

TEST_F(ViolationTest, StoreToConstants) {
  hipModule_t module = nullptr;
  hipFunction_t spoil = nullptr;
  ASSERT_EQ(HIP(hipModuleLoadData)(&module, codeObject("gfx1151").data()), hipSuccess);
  ASSERT_EQ(HIP(hipModuleGetFunction)(&spoil, module, "spoil"), hipSuccess);
  void *code = nullptr;
  ASSERT_EQ(HIP(hipModuleGetGlobal)(&code, nullptr, module, "spoil"), hipSuccess);
  std::string text = said(hipErrorIllegalAddress, spoil, 1, code, code);
  EXPECT_EQ(text.substr(0, text.find("\n  instruction")),
            "hipsim: kernel 'spoil': store of 4 bytes to memory that kernels only read\n"
            "  address BASE, lane 0 and 31 more of wave 0, workgroup (0, 0, 0)");
}

TEST_F(ViolationTest, RaceInSharedMemory) {
  auto *to = allocate<uint32_t>(64);
  EXPECT_EQ(said(hipErrorIllegalAddress, kernel("race"), 1, to, to),
            "hipsim: kernel 'race': LDS race: 4 bytes at LDS address 128 are touched by two waves "
            "without a barrier between, one writing (256 bytes are allocated)\n"
            "  address 0x80, lane 0 of wave 1, workgroup (0, 0, 0)\n"
            "  instruction: CODE\n");
  EXPECT_EQ(mnemonics, std::vector<std::string>{"ds_store_b32"});
}

TEST_F(ViolationTest, RaceBetweenWorkgroups) {
  for (const char *check : {"0", "1"}) {
    restart({{"CHECK_RACES", check}, {"THREADS", "1"}});
    uint32_t *values = upload(std::vector<uint32_t>(64 * 4));
    hipFunction_t shift = kernel("shift"), store = kernel("store");
    // One workgroup alone, and workgroups that keep apart, are right, launch after launch.
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(launch(shift, 1, values), hipSuccess);
      ASSERT_EQ(launch(store, 4, values, 1u, int64_t{0}), hipSuccess);
    }
    uint32_t *sum = upload(std::vector<uint32_t>{0});
    ASSERT_EQ(launch(kernel("tally"), 4, sum, 1u), hipSuccess);
    if (*check == '0') {
      EXPECT_EQ(launch(shift, 3, values), hipSuccess);
      continue;
    }
    EXPECT_EQ(
        said(hipErrorIllegalAddress, shift, 3, values, values),
        "hipsim: kernel 'shift': store of 4 bytes on bytes that another workgroup touches in "
        "this launch, one of them writing\n"
        "  address " +
            hex(values + 64) +
            ", lane 0 and 31 more of wave 0, workgroup (1, 0, 0)\n"
            "  instruction: CODE\n"
            "  nearest: allocation of 1024 bytes at BASE, which has the address 256 bytes from its "
            "beginning\n");
  }
}

TEST_F(ViolationTest, SharedMemoryThatWasNeverWritten) {
  auto *to = allocate<uint32_t>(64);
  EXPECT_EQ(said(hipErrorIllegalAddress, kernel("unwritten"), 1, to, to),
            "hipsim: kernel 'unwritten': LDS read before it was written: 4 bytes at LDS address 20 "
            "are read and were never written (256 bytes are allocated)\n"
            "  address 0x14, lane 5 of wave 0, workgroup (0, 0, 0)\n"
            "  instruction: CODE\n");
}

TEST_F(ViolationTest, KernelWithoutAnEnd) {
  restart({{"INSTRUCTION_LIMIT", "100000"}});
  uint32_t *flag = upload(std::vector<uint32_t>{0});
  std::string text = said(hipErrorLaunchFailure, kernel("endless"), 1, flag, flag);
  EXPECT_TRUE(text.starts_with("hipsim: kernel endless, workgroup 0,0,0, wave 0: 0x")) << text;
  EXPECT_TRUE(text.ends_with(" instructions and does not end\n")) << text;
}

TEST_F(ViolationTest, TheDeviceDoesNotRecover) {
  auto *to = allocate<uint32_t>(64);
  said(hipErrorIllegalAddress, kernel("store"), 1, to, to, 1u, int64_t{1});
  void *address = nullptr;
  EXPECT_EQ(HIP(hipMalloc)(&address, 16), hipErrorIllegalAddress);
  EXPECT_EQ(HIP(hipDeviceSynchronize)(), hipErrorIllegalAddress);
  EXPECT_EQ(HIP(hipFree)(to), hipSuccess);
}

TEST_F(ViolationTest, ReportsGoOnAndEnd) {
  restart({{"ON_VIOLATION", "report"}, {"REPORTS", "2"}});
  auto *to = allocate<uint32_t>(96);
  hipFunction_t store = kernel("store");
  std::string text = said(hipSuccess, store, 3, to, to, 9u, int64_t{0});
  std::string place = "  instruction: CODE\n"
                      "  nearest: allocation of 384 bytes at BASE, which ends ";
  EXPECT_EQ(text,
            "hipsim: kernel 'store': store of 4 bytes outside every live allocation\n"
            "  address " +
                hex(to + 96) + ", lane 0 and 31 more of wave 1, workgroup (1, 0, 0)\n" + place +
                "0 bytes before\n"
                "hipsim: kernel 'store': store of 4 bytes outside every live allocation\n"
                "  address " +
                hex(to + 128) + ", lane 0 and 31 more of wave 0, workgroup (2, 0, 0)\n" + place +
                "128 bytes before\n"
                "hipsim: that was the last of HIPSIM_REPORTS reports\n");
  EXPECT_EQ(said(hipSuccess, store, 3, to, to, 9u, int64_t{0}), "");
  EXPECT_EQ(download(to, 96), std::vector<uint32_t>(96, 9)); // what was inside is there
}

/// The first workgroup that fails is reported, whichever thread comes first.
TEST_F(ViolationTest, ThreadsDoNotChangeTheReport) {
  for (const char *threads : {"1", "4"}) {
    restart({{"THREADS", threads}});
    auto *to = allocate<uint32_t>(64 * 100);
    std::string text = said(hipErrorIllegalAddress, kernel("store"), 200, to, to, 1u, int64_t{0});
    EXPECT_EQ(text.substr(0, text.find("\n  instruction")),
              "hipsim: kernel 'store': store of 4 bytes outside every live allocation\n"
              "  address " +
                  hex(to + 6400) + ", lane 0 and 31 more of wave 0, workgroup (100, 0, 0)");
  }
}

TEST_F(ViolationTest, UninitialisedReadsMayBeAllowed) {
  restart({{"CHECK_UNINITIALISED", "0"}});
  auto *from = allocate<uint32_t>(64), *to = allocate<uint32_t>(64);
  EXPECT_EQ(launch(kernel("load"), 1, from, to, int64_t{0}), hipSuccess);
}

TEST_F(ViolationTest, ClearedMemoryMayCountAsNeverWritten) {
  for (const char *initialises : {"1", "0"}) {
    restart({{"FILLS_INITIALISE", initialises}});
    auto *from = allocate<uint32_t>(64), *to = allocate<uint32_t>(64);
    ASSERT_EQ(HIP(hipMemset)(from, 0, 256), hipSuccess);
    testing::internal::CaptureStderr();
    EXPECT_EQ(launch(kernel("load"), 1, from, to, int64_t{0}),
              *initialises == '1' ? hipSuccess : hipErrorIllegalAddress);
    testing::internal::GetCapturedStderr();
  }
}

using ViolationDeathTest = ViolationTest;

TEST_F(ViolationDeathTest, AbortsIfAsked) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  restart({{"ON_VIOLATION", "abort"}});
  EXPECT_DEATH(
      {
        auto *to = allocate<uint32_t>(64);
        (void)launch(kernel("store"), 1, to, 1u, int64_t{1});
      },
      "hipsim: kernel 'store': store of 4 bytes outside every live allocation");
}

} // namespace
} // namespace tawny::hipsim
