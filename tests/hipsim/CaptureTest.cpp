// Graphs: capture of a stream, and replay.
#include "tests/hipsim/Library.h"

namespace tawny::hipsim {
namespace {

class CaptureTest : public HipsimTest {
protected:
  void SetUp() override {
    HipsimTest::SetUp();
    ASSERT_EQ(HIP(hipStreamCreateWithFlags)(&stream, hipStreamNonBlocking), hipSuccess);
  }
  hipStream_t stream = nullptr;
};

/// Three kernels, of which each needs what the one before has written.
hipError_t addThrice(hipStream_t stream, hipFunction_t add, float *values,
                     hipError_t (*launch)(hipStream_t, hipFunction_t, float *)) {
  hipError_t error = hipSuccess;
  for (int i = 0; i < 3 && error == hipSuccess; ++i)
    error = launch(stream, add, values);
  return error;
}

TEST_F(CaptureTest, ReplayEqualsEagerLaunches) {
  hipFunction_t add = kernel("add");
  std::vector<float> start(64);
  for (size_t i = 0; i < 64; ++i)
    start[i] = static_cast<float>(i) + 0.125f;
  float *eager = upload(start), *replayed = upload(start);
  auto twice = [](hipStream_t into, hipFunction_t function, float *values) {
    return launchIn(into, function, 1, values, values, values);
  };
  ASSERT_EQ(addThrice(stream, add, eager, twice), hipSuccess);
  ASSERT_EQ(addThrice(stream, add, eager, twice), hipSuccess);
  ASSERT_EQ(HIP(hipStreamSynchronize)(stream), hipSuccess);

  hipGraph_t graph = nullptr;
  hipGraphExec_t executable = nullptr;
  ASSERT_EQ(HIP(hipStreamBeginCapture)(stream, hipStreamCaptureModeThreadLocal), hipSuccess);
  ASSERT_EQ(addThrice(stream, add, replayed, twice), hipSuccess);
  ASSERT_EQ(HIP(hipStreamEndCapture)(stream, &graph), hipSuccess);
  size_t nodes = 0;
  ASSERT_EQ(HIP(hipGraphGetNodes)(graph, nullptr, &nodes), hipSuccess);
  EXPECT_EQ(nodes, 3u);
  ASSERT_EQ(HIP(hipGraphInstantiateWithFlags)(&executable, graph, 0), hipSuccess);
  ASSERT_EQ(HIP(hipGraphDestroy)(graph), hipSuccess);
  EXPECT_EQ(download(replayed, 64), start); // nothing ran yet
  ASSERT_EQ(HIP(hipGraphLaunch)(executable, stream), hipSuccess);
  ASSERT_EQ(HIP(hipGraphLaunch)(executable, stream), hipSuccess);
  ASSERT_EQ(HIP(hipStreamSynchronize)(stream), hipSuccess);
  EXPECT_EQ(download(replayed, 64), download(eager, 64));
  EXPECT_EQ(HIP(hipGraphExecDestroy)(executable), hipSuccess);
  EXPECT_EQ(HIP(hipGraphLaunch)(executable, stream), hipErrorInvalidValue);
}

TEST_F(CaptureTest, CopiesAndFillsAreCaptured) {
  auto *device = allocate<int>(4);
  void *memory = nullptr;
  ASSERT_EQ(HIP(hipHostMalloc)(&memory, 2 * sizeof(int), 0), hipSuccess);
  auto *pinned = static_cast<int *>(memory);
  hipGraph_t graph = nullptr;
  hipGraphExec_t executable = nullptr;
  ASSERT_EQ(HIP(hipStreamBeginCapture)(stream, hipStreamCaptureModeGlobal), hipSuccess);
  ASSERT_EQ(HIP(hipMemsetD8Async)(device, 1, 4 * sizeof(int), stream), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyHtoDAsync)(device, pinned, sizeof(int), stream), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyDtoDAsync)(device + 1, device, sizeof(int), stream), hipSuccess);
  ASSERT_EQ(HIP(hipMemcpyDtoHAsync)(pinned + 1, device + 1, sizeof(int), stream), hipSuccess);
  ASSERT_EQ(HIP(hipStreamEndCapture)(stream, &graph), hipSuccess);
  ASSERT_EQ(HIP(hipGraphInstantiate)(&executable, graph, nullptr, nullptr, 0), hipSuccess);
  for (int value : {5, 6}) {
    *pinned = value; // read when the graph runs
    ASSERT_EQ(HIP(hipGraphLaunch)(executable, stream), hipSuccess);
    ASSERT_EQ(HIP(hipStreamSynchronize)(stream), hipSuccess);
    EXPECT_EQ(pinned[1], value);
  }
  EXPECT_EQ(download(device, 4), (std::vector<int>{6, 6, 0x01010101, 0x01010101}));
}

TEST_F(CaptureTest, WaitingInvalidatesACapture) {
  hipGraph_t graph = nullptr;
  ASSERT_EQ(HIP(hipStreamBeginCapture)(stream, hipStreamCaptureModeGlobal), hipSuccess);
  EXPECT_EQ(HIP(hipStreamBeginCapture)(stream, hipStreamCaptureModeGlobal), hipErrorIllegalState);
  EXPECT_EQ(HIP(hipStreamSynchronize)(stream), hipErrorStreamCaptureUnsupported);
  hipStreamCaptureStatus status = hipStreamCaptureStatusNone;
  ASSERT_EQ(HIP(hipStreamIsCapturing)(stream, &status), hipSuccess);
  EXPECT_EQ(status, hipStreamCaptureStatusInvalidated);
  EXPECT_EQ(HIP(hipStreamEndCapture)(stream, &graph), hipErrorStreamCaptureInvalidated);
  EXPECT_EQ(graph, nullptr);
  EXPECT_EQ(HIP(hipStreamEndCapture)(stream, &graph), hipErrorIllegalState);
}

TEST_F(CaptureTest, TheNullStreamIsNotCaptured) {
  EXPECT_EQ(HIP(hipStreamBeginCapture)(nullptr, hipStreamCaptureModeGlobal),
            hipErrorStreamCaptureUnsupported);
}

} // namespace
} // namespace tawny::hipsim
