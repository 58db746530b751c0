// Kernels that do what they should, on every family of chips.
#include "tests/hipsim/Library.h"

#include <numeric>

namespace tawny::hipsim {
namespace {

/// A test of one chip, with code objects of one version.
struct Target {
  const char *chip;
  int version;
};

void PrintTo(const Target &target, std::ostream *out) { *out << target.chip; }

class ChipTest : public HipsimTest, public testing::WithParamInterface<Target> {
protected:
  void SetUp() override { restart({{"ARCH", GetParam().chip}}); }
  static hipFunction_t find(const char *name) {
    return kernel(name, GetParam().chip, GetParam().version);
  }
};

TEST_P(ChipTest, Adds) {
  std::vector<float> a(64 * 37), b(a.size()), expected(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(i);
    b[i] = 0.25f * static_cast<float>(i % 100);
    expected[i] = a[i] + b[i];
  }
  float *sum = allocate<float>(a.size());
  ASSERT_EQ(launch(find("add"), 37, upload(a), upload(b), sum), hipSuccess);
  EXPECT_EQ(download(sum, a.size()), expected);
}

TEST_P(ChipTest, ExchangesThroughSharedMemory) {
  auto *to = allocate<uint32_t>(128);
  ASSERT_EQ(launch(find("exchange"), 2, to), hipSuccess);
  std::vector<uint32_t> expected(128);
  for (uint32_t i = 0; i < 128; ++i)
    expected[i] = i / 64 * 64 + 63 - i % 64;
  EXPECT_EQ(download(to, 128), expected);
}

TEST_P(ChipTest, ReadsConstantsAndRelocatedPointers) {
  auto *to = allocate<uint32_t>(64);
  ASSERT_EQ(launch(find("constants"), 1, to), hipSuccess);
  std::vector<uint32_t> values = download(to, 64);
  for (uint32_t i = 0; i < 64; ++i)
    EXPECT_EQ(values[i], (i % 8) * (i % 8));

  // A variable of the module, which the kernel reaches through a pointer in another one.
  hipModule_t module = nullptr;
  hipFunction_t count = nullptr;
  std::vector<std::byte> object = codeObject(GetParam().chip, GetParam().version);
  ASSERT_EQ(HIP(hipModuleLoadData)(&module, object.data()), hipSuccess);
  ASSERT_EQ(HIP(hipModuleGetFunction)(&count, module, "count"), hipSuccess);
  ASSERT_EQ(launch(count, 1, to), hipSuccess);
  EXPECT_EQ(download(to, 1), std::vector<uint32_t>{5});
  void *variable = nullptr;
  size_t bytes = 0;
  ASSERT_EQ(HIP(hipModuleGetGlobal)(&variable, &bytes, module, "counter"), hipSuccess);
  EXPECT_EQ(bytes, 4u);
  EXPECT_EQ(download(static_cast<uint32_t *>(variable), 1), std::vector<uint32_t>{6});
  EXPECT_EQ(HIP(hipModuleGetGlobal)(&variable, &bytes, module, "missing"), hipErrorNotFound);
}

TEST_P(ChipTest, CountsWithAtomics) {
  uint32_t *sum = upload(std::vector<uint32_t>{7});
  ASSERT_EQ(launch(find("tally"), 100, sum, uint32_t{3}), hipSuccess);
  EXPECT_EQ(download(sum, 1), std::vector<uint32_t>{7 + 100 * 64 * 3});
}

INSTANTIATE_TEST_SUITE_P(Chips, ChipTest,
                         testing::Values(Target{"gfx906", 4}, Target{"gfx908", 4},
                                         Target{"gfx90a", 4}, Target{"gfx942", 5},
                                         Target{"gfx1100", 5}, Target{"gfx1151", 5},
                                         Target{"gfx1201", 5}),
                         [](const auto &tested) { return std::string(tested.param.chip); });

class LaunchTest : public HipsimTest {};

TEST_F(LaunchTest, TellsKernelsAboutTheGrid) {
  for (const char *chip : {"gfx1151", "gfx942"}) {
    restart({{"ARCH", chip}});
    std::vector<uint32_t> zeros(12);
    uint32_t *to = upload(zeros);
    void *parameters[] = {&to};
    ASSERT_EQ(HIP(hipModuleLaunchKernel)(kernel("grid", chip), 3, 2, 1, 1, 1, 1, 0, nullptr,
                                         parameters, nullptr),
              hipSuccess);
    std::vector<uint32_t> values = download(to, 12);
    for (uint32_t x = 0; x < 3; ++x) {
      EXPECT_EQ(values[4 * x], 3u);
      EXPECT_EQ(values[4 * x + 1], 1u);
      EXPECT_EQ(values[4 * x + 3], 0u);
    }
  }
}

TEST_F(LaunchTest, TakesArgumentsAsABuffer) {
  auto *to = allocate<uint32_t>(64);
  struct {
    uint32_t *to;
    uint32_t value;
    int64_t offset;
  } arguments = {to, 77, 0};
  size_t bytes = sizeof(arguments);
  void *extra[] = {HIP_LAUNCH_PARAM_BUFFER_POINTER, &arguments, HIP_LAUNCH_PARAM_BUFFER_SIZE,
                   &bytes, HIP_LAUNCH_PARAM_END};
  hipFunction_t store = kernel("store");
  ASSERT_EQ(HIP(hipModuleLaunchKernel)(store, 1, 1, 1, 64, 1, 1, 0, nullptr, nullptr, extra),
            hipSuccess);
  EXPECT_EQ(download(to, 64), std::vector<uint32_t>(64, 77));
  bytes = 1000;
  EXPECT_EQ(HIP(hipModuleLaunchKernel)(store, 1, 1, 1, 64, 1, 1, 0, nullptr, nullptr, extra),
            hipErrorInvalidValue);
}

TEST_F(LaunchTest, RefusesShapesThatHardwareHasNot) {
  hipFunction_t add = kernel("add");
  auto launchShape = [&](unsigned grid, unsigned block, unsigned shared) {
    void *none[] = {nullptr, nullptr, nullptr};
    return HIP(hipModuleLaunchKernel)(add, grid, 1, 1, block, 1, 1, shared, nullptr, none, nullptr);
  };
  EXPECT_EQ(launchShape(0, 64, 0), hipErrorInvalidConfiguration);
  EXPECT_EQ(launchShape(1, 0, 0), hipErrorInvalidConfiguration);
  EXPECT_EQ(launchShape(1, 1025, 0), hipErrorInvalidConfiguration);
  // 2^26 workgroups of 64 work-items are 2^32.
  EXPECT_EQ(launchShape(1u << 26, 64, 0), hipErrorInvalidConfiguration);
  EXPECT_EQ(launchShape(1, 64, 65537), hipErrorLaunchOutOfResources);
  EXPECT_EQ(launchShape(1, 64, 0), hipErrorInvalidValue); // no arguments
  testing::internal::CaptureStderr();
  EXPECT_EQ(launchShape(1, 512, 0), hipErrorLaunchFailure);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hipsim: kernel 'add' is compiled for workgroups of 256 work-items at most, not 512\n");
}

TEST_F(LaunchTest, ReadsHostMemory) {
  void *memory = nullptr;
  ASSERT_EQ(HIP(hipHostMalloc)(&memory, 64 * 4, 0), hipSuccess);
  auto *pinned = static_cast<uint32_t *>(memory);
  std::iota(pinned, pinned + 64, 100);
  std::vector<uint32_t> registered(64);
  ASSERT_EQ(HIP(hipHostRegister)(registered.data(), 64 * 4, hipHostRegisterMapped), hipSuccess);
  ASSERT_EQ(launch(kernel("load"), 1, pinned, registered.data(), int64_t{0}), hipSuccess);
  EXPECT_EQ(registered, std::vector<uint32_t>(pinned, pinned + 64));
  EXPECT_EQ(HIP(hipHostUnregister)(registered.data()), hipSuccess);
}

TEST_F(LaunchTest, TracesAWave) {
  restart({{"TRACE", "store:1:1:1"}}); // the second launch's second workgroup's second wave
  auto *to = allocate<uint32_t>(64 * 3);
  hipFunction_t store = kernel("store");
  for (uint32_t value : {5u, 6u}) {
    testing::internal::CaptureStderr();
    ASSERT_EQ(launch(store, 3, to, value, int64_t{0}), hipSuccess);
    std::string text = testing::internal::GetCapturedStderr();
    if (value == 5) {
      EXPECT_EQ(text, "");
      continue;
    }
    EXPECT_TRUE(text.starts_with("hipsim: wave 1: 0x")) << text;
    EXPECT_NE(text.find("s_load_b"), std::string::npos) << text;
    // Items 96 to 127 by their number, as the kernel computes it.
    EXPECT_NE(text.find(" = 00000060 00000061 00000062"), std::string::npos) << text;
    EXPECT_NE(text.find("s_endpgm\n"), std::string::npos) << text;
  }
}

TEST_F(LaunchTest, ThreadsChangeNothing) {
  std::vector<float> results[2];
  for (const char *threads : {"1", "4"}) {
    restart({{"THREADS", threads}});
    std::vector<float> a(64 * 500), b(a.size());
    std::iota(a.begin(), a.end(), 0.5f);
    std::iota(b.begin(), b.end(), -3.0f);
    float *sum = allocate<float>(a.size());
    ASSERT_EQ(launch(kernel("add"), 500, upload(a), upload(b), sum), hipSuccess);
    results[*threads == '4'] = download(sum, a.size());
  }
  EXPECT_EQ(results[0], results[1]);
}

} // namespace
} // namespace tawny::hipsim
