// Failures on demand, for tests of programs that must survive them.
#include "tests/hipsim/Library.h"

namespace tawny::hipsim {
namespace {

class FailureTest : public HipsimTest {};

TEST_F(FailureTest, OneCallOfAFunctionFails) {
  restart({{"FAIL", "hipMalloc:2:2,hipStreamSynchronize:1:719"}});
  void *address = nullptr;
  EXPECT_EQ(HIP(hipMalloc)(&address, 16), hipSuccess);
  EXPECT_EQ(HIP(hipMalloc)(&address, 16), hipErrorOutOfMemory);
  EXPECT_EQ(HIP(hipMalloc)(&address, 16), hipSuccess);
  EXPECT_EQ(HIP(hipStreamSynchronize)(nullptr), hipErrorLaunchFailure);
  EXPECT_EQ(HIP(hipStreamSynchronize)(nullptr), hipSuccess);
}

TEST_F(FailureTest, TheDeviceDisappears) {
  restart({{"LOST_AFTER", "2"}});
  auto *to = allocate<uint32_t>(64);
  hipFunction_t store = kernel("store");
  EXPECT_EQ(launch(store, 1, to, 1u, int64_t{0}), hipSuccess);
  EXPECT_EQ(launch(store, 1, to, 2u, int64_t{0}), hipSuccess);
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch(store, 1, to, 3u, int64_t{0}), hipErrorNoDevice);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hipsim: the device is lost after 2 launches (HIPSIM_LOST_AFTER)\n");
  void *address = nullptr;
  EXPECT_EQ(HIP(hipMalloc)(&address, 16), hipErrorNoDevice);
  EXPECT_EQ(HIP(hipStreamSynchronize)(nullptr), hipErrorNoDevice);
  EXPECT_EQ(HIP(hipFree)(to), hipSuccess); // cleaning up works
}

} // namespace
} // namespace tawny::hipsim
