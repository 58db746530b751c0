// What the simulated device says of itself, and errors without kernels.
#include "tests/hipsim/Library.h"

#include <cstring>

namespace tawny::hipsim {
namespace {

class DeviceTest : public HipsimTest {};

TEST_F(DeviceTest, DescribesTheChipInBothStructures) {
  restart({{"ARCH", "gfx90a"}, {"MEMORY", "3G"}});
  hipDeviceProp_t five;
  ASSERT_EQ(HIP(hipGetDeviceProperties)(&five, 0), hipSuccess);
  EXPECT_STREQ(five.gcnArchName, "gfx90a:sramecc+:xnack-");
  EXPECT_STREQ(five.name, "AMD Instinct MI210");
  EXPECT_EQ(five.warpSize, 64);
  EXPECT_EQ(five.multiProcessorCount, 104);
  EXPECT_EQ(five.totalGlobalMem, size_t{3} << 30);
  EXPECT_EQ(five.major, 9);
  EXPECT_EQ(five.minor, 0);

  // Offsets of ROCm 6's structure, which no header here has.
  char six[1472 + 8];
  std::memset(six, 0x55, sizeof(six));
  auto read =
      reinterpret_cast<hipError_t (*)(void *, int)>(libraryFunction("hipGetDevicePropertiesR0600"));
  ASSERT_EQ(read(six, 0), hipSuccess);
  EXPECT_STREQ(six, "AMD Instinct MI210");
  EXPECT_STREQ(six + 1160, "gfx90a:sramecc+:xnack-");
  uint64_t memory;
  std::memcpy(&memory, six + 288, sizeof(memory));
  EXPECT_EQ(memory, uint64_t{3} << 30);
  int number;
  std::memcpy(&number, six + 308, sizeof(number));
  EXPECT_EQ(number, 64);
  std::memcpy(&number, six + 388, sizeof(number));
  EXPECT_EQ(number, 104);
  EXPECT_EQ(six[1472], 0x55); // nothing behind it
}

TEST_F(DeviceTest, AnswersAttributes) {
  int value = 0;
  ASSERT_EQ(HIP(hipDeviceGetAttribute)(&value, hipDeviceAttributeIntegrated, 0), hipSuccess);
  EXPECT_EQ(value, 1);
  ASSERT_EQ(HIP(hipDeviceGetAttribute)(&value, hipDeviceAttributeWarpSize, 0), hipSuccess);
  EXPECT_EQ(value, 32);
  ASSERT_EQ(HIP(hipDeviceGetAttribute)(&value, hipDeviceAttributeMultiprocessorCount, 0),
            hipSuccess);
  EXPECT_EQ(value, 20); // pairs of its 40 compute units
  EXPECT_EQ(HIP(hipDeviceGetAttribute)(&value, hipDeviceAttributeLuid, 0), hipErrorInvalidValue);
  EXPECT_EQ(HIP(hipDeviceGetAttribute)(&value, hipDeviceAttributeWarpSize, 1),
            hipErrorInvalidDevice);
  char text[64];
  ASSERT_EQ(HIP(hipDeviceGetName)(text, sizeof(text), 0), hipSuccess);
  EXPECT_STREQ(text, "AMD Radeon 8060S");
  ASSERT_EQ(HIP(hipDeviceGetPCIBusId)(text, sizeof(text), 0), hipSuccess);
  EXPECT_STREQ(text, "ffff:ff:1f.0");
  int version = 0;
  ASSERT_EQ(HIP(hipDriverGetVersion)(&version), hipSuccess);
  EXPECT_EQ(version, HIP_VERSION);
}

TEST_F(DeviceTest, CanBeAbsent) {
  restart({{"DEVICES", "0"}});
  int count = 7;
  EXPECT_EQ(HIP(hipGetDeviceCount)(&count), hipErrorNoDevice);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(HIP(hipInit)(0), hipErrorNoDevice);
  void *address = nullptr;
  EXPECT_EQ(HIP(hipMalloc)(&address, 16), hipErrorNoDevice);
  EXPECT_STREQ(HIP(hipGetErrorName)(hipErrorNoDevice), "hipErrorNoDevice");
  EXPECT_STREQ(HIP(hipGetErrorString)(hipErrorNoDevice), "no ROCm-capable device is detected");
}

TEST_F(DeviceTest, IsAbsentWhereTheChipIsUnknown) {
  restart({{"ARCH", "gfx803"}});
  testing::internal::CaptureStderr();
  EXPECT_EQ(HIP(hipInit)(0), hipErrorNoDevice);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hipsim: HIPSIM_ARCH=gfx803 is no chip that is simulated; there is no device\n");
}

TEST_F(DeviceTest, WarnsOfSettingsThatItDoesNotUnderstand) {
  testing::internal::CaptureStderr();
  restart({{"MEMORY", "lots"}, {"THREADS", "2k"}, {"FAIL", "hipMalloc:x"}, {"COUNT", "yes"}});
  EXPECT_EQ(HIP(hipInit)(0), hipSuccess);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hipsim: HIPSIM_MEMORY=lots is ignored: expected bytes, such as 96G\n"
            "hipsim: HIPSIM_THREADS=2k is ignored: expected a number\n"
            "hipsim: HIPSIM_COUNT=yes is ignored: expected 0 or 1\n"
            "hipsim: HIPSIM_FAIL=hipMalloc:x is ignored: expected FUNCTION:CALL:ERROR[,…], such "
            "as hipMalloc:3:2\n");
}

TEST_F(DeviceTest, RefusesHandlesThatAreNone) {
  int dummy = 0;
  auto stream = reinterpret_cast<hipStream_t>(&dummy);
  EXPECT_EQ(HIP(hipStreamSynchronize)(stream), hipErrorInvalidHandle);
  EXPECT_EQ(HIP(hipStreamDestroy)(stream), hipErrorInvalidHandle);
  EXPECT_EQ(HIP(hipEventDestroy)(reinterpret_cast<hipEvent_t>(&dummy)), hipErrorInvalidHandle);
  EXPECT_EQ(HIP(hipModuleUnload)(reinterpret_cast<hipModule_t>(&dummy)), hipErrorInvalidHandle);
  EXPECT_EQ(HIP(hipModuleLaunchKernel)(reinterpret_cast<hipFunction_t>(&dummy), 1, 1, 1, 1, 1, 1, 0,
                                       nullptr, nullptr, nullptr),
            hipErrorInvalidDeviceFunction);
  EXPECT_EQ(HIP(hipGetLastError)(), hipErrorInvalidDeviceFunction);
  EXPECT_EQ(HIP(hipGetLastError)(), hipSuccess);
}

} // namespace
} // namespace tawny::hipsim
