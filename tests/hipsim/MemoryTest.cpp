// Allocations, copies and fills.
#include "tests/hipsim/Library.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <sys/resource.h>
#include <unistd.h>

namespace tawny::hipsim {
namespace {

class MemoryTest : public HipsimTest {};

TEST_F(MemoryTest, CountsAgainstTheLimit) {
  restart({{"MEMORY", "1M"}});
  size_t available = 0, total = 0;
  void *first = nullptr, *second = nullptr;
  ASSERT_EQ(HIP(hipMalloc)(&first, 700'000), hipSuccess);
  EXPECT_EQ(HIP(hipMalloc)(&second, 400'000), hipErrorOutOfMemory);
  EXPECT_EQ(second, nullptr);
  ASSERT_EQ(HIP(hipMemGetInfo)(&available, &total), hipSuccess);
  EXPECT_EQ(total, 1u << 20);
  EXPECT_EQ(available, (1u << 20) - 700'000);
  ASSERT_EQ(HIP(hipFree)(first), hipSuccess);
  EXPECT_EQ(HIP(hipMalloc)(&second, 400'000), hipSuccess);
  EXPECT_EQ(HIP(hipFree)(second), hipSuccess);
}

TEST_F(MemoryTest, FreesOnlyWhatWasAllocated) {
  auto *address = allocate<char>(100);
  testing::internal::CaptureStderr();
  EXPECT_EQ(HIP(hipFree)(address + 1), hipErrorInvalidValue);
  EXPECT_EQ(HIP(hipHostFree)(address), hipErrorInvalidValue);
  EXPECT_EQ(HIP(hipFree)(address), hipSuccess);
  EXPECT_EQ(HIP(hipFree)(address), hipErrorInvalidValue);
  EXPECT_EQ(HIP(hipFree)(nullptr), hipSuccess);
  char expected[256];
  std::snprintf(expected, sizeof(expected),
                "hipsim: hipFree: nothing of that kind begins at %p\n"
                "hipsim: hipHostFree: nothing of that kind begins at %p\n"
                "hipsim: hipFree: nothing of that kind begins at %p\n",
                static_cast<void *>(address + 1), static_cast<void *>(address),
                static_cast<void *>(address));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), expected);
}

TEST_F(MemoryTest, CopiesInEveryDirection) {
  std::vector<int> values(5000);
  std::iota(values.begin(), values.end(), 0);
  int *first = upload(values), *second = allocate<int>(values.size());
  size_t bytes = values.size() * sizeof(int);
  ASSERT_EQ(HIP(hipMemcpy)(second, first, bytes, hipMemcpyDeviceToDevice), hipSuccess);
  EXPECT_EQ(download(second, values.size()), values);

  void *pinned = nullptr;
  ASSERT_EQ(HIP(hipHostMalloc)(&pinned, bytes, 0), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyAsync)(pinned, second, bytes, hipMemcpyDefault, nullptr), hipSuccess);
  ASSERT_EQ(HIP(hipStreamSynchronize)(nullptr), hipSuccess);
  EXPECT_EQ(std::memcmp(pinned, values.data(), bytes), 0);
  EXPECT_EQ(HIP(hipHostFree)(pinned), hipSuccess);
}

TEST_F(MemoryTest, RefusesCopiesThatLeaveAnAllocation) {
  std::vector<char> host(200);
  auto *device = allocate<char>(100);
  testing::internal::CaptureStderr();
  EXPECT_EQ(HIP(hipMemcpy)(device, host.data(), 101, hipMemcpyHostToDevice), hipErrorInvalidValue);
  EXPECT_EQ(HIP(hipMemcpy)(host.data(), device + 50, 51, hipMemcpyDeviceToHost),
            hipErrorInvalidValue);
  EXPECT_EQ(HIP(hipMemcpy)(host.data(), host.data() + 100, 10, hipMemcpyHostToDevice),
            hipErrorInvalidValue);
  EXPECT_EQ(HIP(hipMemset)(device + 100, 0, 1), hipErrorInvalidValue);
  char expected[512];
  std::snprintf(expected, sizeof(expected),
                "hipsim: hipMemcpy: 101 bytes from %p to %p are not memory of that kind, or leave "
                "their allocation\n"
                "hipsim: hipMemcpy: 51 bytes from %p to %p are not memory of that kind, or leave "
                "their allocation\n"
                "hipsim: hipMemcpy: 10 bytes from %p to %p are not memory of that kind, or leave "
                "their allocation\n"
                "hipsim: hipMemset: 1 bytes at %p are not inside an allocation\n",
                static_cast<void *>(host.data()), static_cast<void *>(device),
                static_cast<void *>(device + 50), static_cast<void *>(host.data()),
                static_cast<void *>(host.data() + 100), static_cast<void *>(host.data()),
                static_cast<void *>(device + 100));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), expected);
}

/// A program that does not wait sees what was there before, as it may on hardware.
TEST_F(MemoryTest, AsynchronousCopiesRunWhenWaitedFor) {
  int *device = upload(std::vector<int>{41});
  void *memory = nullptr;
  ASSERT_EQ(HIP(hipHostMalloc)(&memory, sizeof(int), 0), hipSuccess);
  auto *pinned = static_cast<int *>(memory);
  *pinned = 1;
  hipStream_t stream = nullptr;
  ASSERT_EQ(HIP(hipStreamCreateWithFlags)(&stream, hipStreamNonBlocking), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyDtoHAsync)(pinned, device, sizeof(int), stream), hipSuccess);
  EXPECT_EQ(*pinned, 1);
  ASSERT_EQ(HIP(hipStreamSynchronize)(stream), hipSuccess);
  EXPECT_EQ(*pinned, 41);
  EXPECT_EQ(HIP(hipStreamDestroy)(stream), hipSuccess);
  EXPECT_EQ(HIP(hipHostFree)(pinned), hipSuccess);
}

TEST_F(MemoryTest, TheNullStreamWaitsForBlockingStreamsOnly) {
  int *device = upload(std::vector<int>{5});
  void *memory = nullptr;
  ASSERT_EQ(HIP(hipHostMalloc)(&memory, 2 * sizeof(int), 0), hipSuccess);
  auto *pinned = static_cast<int *>(memory);
  pinned[0] = pinned[1] = 0;
  hipStream_t blocking = nullptr, apart = nullptr;
  ASSERT_EQ(HIP(hipStreamCreate)(&blocking), hipSuccess);
  ASSERT_EQ(HIP(hipStreamCreateWithFlags)(&apart, hipStreamNonBlocking), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyDtoHAsync)(pinned, device, sizeof(int), blocking), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyDtoHAsync)(pinned + 1, device, sizeof(int), apart), hipSuccess);
  ASSERT_EQ(HIP(hipStreamSynchronize)(nullptr), hipSuccess);
  EXPECT_EQ(pinned[0], 5);
  EXPECT_EQ(pinned[1], 0);
  ASSERT_EQ(HIP(hipDeviceSynchronize)(), hipSuccess);
  EXPECT_EQ(pinned[1], 5);
}

/// More than the addresses that are reserved, one after the other.
TEST_F(MemoryTest, AddressesAreUsedAgainWhenTheyRunOut) {
  auto *kept = upload(std::vector<int>{7});
  for (int i = 0; i < 200; ++i) {
    void *address = nullptr;
    ASSERT_EQ(HIP(hipMalloc)(&address, size_t{60} << 30), hipSuccess) << i;
    ASSERT_EQ(HIP(hipFree)(address), hipSuccess);
  }
  EXPECT_EQ(download(kept, 1), std::vector<int>{7});
}

TEST_F(MemoryTest, EventsOrderStreams) {
  auto *device = allocate<int>(1);
  hipStream_t writer = nullptr, reader = nullptr;
  hipEvent_t event = nullptr;
  ASSERT_EQ(HIP(hipStreamCreateWithFlags)(&writer, hipStreamNonBlocking), hipSuccess);
  ASSERT_EQ(HIP(hipStreamCreateWithFlags)(&reader, hipStreamNonBlocking), hipSuccess);
  ASSERT_EQ(HIP(hipEventCreate)(&event), hipSuccess);
  void *memory = nullptr;
  ASSERT_EQ(HIP(hipHostMalloc)(&memory, 2 * sizeof(int), 0), hipSuccess);
  auto *pinned = static_cast<int *>(memory);
  pinned[0] = 9;
  ASSERT_EQ(HIP(hipMemcpyHtoDAsync)(device, pinned, sizeof(int), writer), hipSuccess);
  ASSERT_EQ(HIP(hipEventRecord)(event, writer), hipSuccess);
  ASSERT_EQ(HIP(hipStreamWaitEvent)(reader, event, 0), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyDtoHAsync)(pinned + 1, device, sizeof(int), reader), hipSuccess);
  ASSERT_EQ(HIP(hipStreamSynchronize)(reader), hipSuccess);
  EXPECT_EQ(pinned[1], 9);
  float milliseconds = -1;
  EXPECT_EQ(HIP(hipEventElapsedTime)(&milliseconds, event, event), hipSuccess);
  EXPECT_EQ(milliseconds, 0);
}

TEST_F(MemoryTest, FillsWithBytesAndWords) {
  auto *words = allocate<uint32_t>(5000);
  ASSERT_EQ(HIP(hipMemset)(words, 0xab, 5000 * 4), hipSuccess);
  EXPECT_EQ(download(words, 5000), std::vector<uint32_t>(5000, 0xabababab));
  ASSERT_EQ(HIP(hipMemsetD32Async)(words + 1, 0x01020304, 4998, nullptr), hipSuccess);
  std::vector<uint32_t> expected(5000, 0x01020304);
  expected.front() = expected.back() = 0xabababab;
  EXPECT_EQ(download(words, 5000), expected);
}

TEST_F(MemoryTest, RegistersMemoryOnce) {
  std::vector<std::byte> memory(100'000);
  EXPECT_EQ(HIP(hipHostRegister)(memory.data(), memory.size(), hipHostRegisterMapped), hipSuccess);
  EXPECT_EQ(HIP(hipHostRegister)(memory.data() + 50, 10, 0), hipErrorHostMemoryAlreadyRegistered);
  void *device = nullptr;
  EXPECT_EQ(HIP(hipHostGetDevicePointer)(&device, memory.data(), 0), hipSuccess);
  EXPECT_EQ(device, memory.data());
  EXPECT_EQ(HIP(hipHostUnregister)(memory.data()), hipSuccess);
  testing::internal::CaptureStderr();
  EXPECT_EQ(HIP(hipHostUnregister)(memory.data()), hipErrorHostMemoryNotRegistered);
  testing::internal::GetCapturedStderr();
}

using MemoryDeathTest = MemoryTest;

/// Beside a discrete card a device's address means nothing to the host.
TEST_F(MemoryDeathTest, HostCannotFollowDeviceAddresses) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  volatile int *device = upload(std::vector<int>{1});
  EXPECT_DEATH((void)*device, "");
}

/// Where a process may have few addresses, the simulator makes do with less.
TEST_F(MemoryDeathTest, WorksWithFewAddresses) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer needs more addresses than this test leaves";
#endif
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        rlimit limit{};
        limit.rlim_cur = limit.rlim_max = rlim_t{256} << 30;
        setrlimit(RLIMIT_AS, &limit);
        restart({});
        int *device = upload(std::vector<int>{1, 2, 3});
        std::exit(download(device, 3) == std::vector<int>{1, 2, 3} ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

/// Memory of this process that is resident, in bytes.
size_t residentBytes() {
  std::FILE *file = std::fopen("/proc/self/statm", "r");
  size_t total = 0, resident = 0;
  if (!file || std::fscanf(file, "%zu %zu", &total, &resident) != 2)
    return 0;
  std::fclose(file);
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

/// A model of 70 GB that is mostly zeros, loaded through a pinned buffer as a runtime would.
TEST_F(MemoryTest, SparseSeventyGigabytesTakeLittleMemory) {
  constexpr size_t total = size_t{70} << 30, chunk = size_t{64} << 20;
  auto *model = allocate<char>(total);
  ASSERT_NE(model, nullptr);
  void *pinned = nullptr;
  ASSERT_EQ(HIP(hipHostMalloc)(&pinned, chunk, 0), hipSuccess);
  std::memset(pinned, 0, chunk);
  size_t before = residentBytes(), highest = 0;
  // Every 16th chunk is copied as zeros, the others are filled, which is the same to the device.
  for (size_t offset = 0; offset < total; offset += chunk) {
    if (offset / chunk % 16 == 0) {
      std::memset(pinned, 0, 4096);
      std::memcpy(pinned, &offset, sizeof(offset));
      ASSERT_EQ(HIP(hipMemcpyHtoDAsync)(model + offset, pinned, chunk, nullptr), hipSuccess);
    } else {
      ASSERT_EQ(HIP(hipMemsetD8Async)(model + offset, 0, chunk, nullptr), hipSuccess);
    }
    ASSERT_EQ(HIP(hipStreamSynchronize)(nullptr), hipSuccess);
    highest = std::max(highest, residentBytes());
  }
  EXPECT_LT(highest - std::min(before, highest), size_t{256} << 20);
  size_t last = 0, at = total / chunk / 16 * 16 * chunk - 16 * chunk;
  ASSERT_EQ(HIP(hipMemcpy)(&last, model + at, sizeof(last), hipMemcpyDeviceToHost), hipSuccess);
  EXPECT_EQ(last, at);
  EXPECT_EQ(HIP(hipFree)(model), hipSuccess);
}

} // namespace
} // namespace tawny::hipsim
