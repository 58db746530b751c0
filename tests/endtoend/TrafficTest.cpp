// What decode kernels of GPUs move, as the simulator counts it.
#include "tests/endtoend/Session.h"
#include "tools/hipsim/HipsimCounters.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <numeric>
#include <string_view>

namespace tawny::endtoend {
namespace {

/// The simulator's counters in this process; null functions where something else stands for HIP.
struct Counters {
  HipsimGetKernelCounters kernels = nullptr;
  HipsimGetStreamCounters streams = nullptr;
  HipsimResetCounters reset = nullptr;

  static Counters find() {
    const char *path = std::getenv("TAWNY_HIP_LIBRARY");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : nullptr;
    if (!library)
      return {};
    auto symbol = [&](const char *name) { return dlsym(library, name); };
    return {reinterpret_cast<HipsimGetKernelCounters>(symbol(HIPSIM_GET_KERNEL_COUNTERS)),
            reinterpret_cast<HipsimGetStreamCounters>(symbol(HIPSIM_GET_STREAM_COUNTERS)),
            reinterpret_cast<HipsimResetCounters>(symbol(HIPSIM_RESET_COUNTERS))};
  }
  std::vector<HipsimKernelCounters> allKernels() const {
    std::vector<HipsimKernelCounters> all(kernels(HIPSIM_COUNTERS_VERSION, nullptr, 0));
    kernels(HIPSIM_COUNTERS_VERSION, all.data(), all.size());
    return all;
  }
  std::vector<HipsimStreamCounters> allStreams() const {
    std::vector<HipsimStreamCounters> all(streams(HIPSIM_COUNTERS_VERSION, nullptr, 0));
    streams(HIPSIM_COUNTERS_VERSION, all.data(), all.size());
    return all;
  }
};

constexpr uint64_t lineBytes = 128;
/// Of the sample: a step reads one row of it for each token (vocabulary 1024, hidden size 256, in
/// blocks of Q4_K, which take 144 bytes for 256 weights).
constexpr uint64_t embeddingBytes = uint64_t{1024} * 144;

class Traffic : public CompiledModel {
protected:
  void SetUp() override {
    CompiledModel::SetUp();
    if (IsSkipped() || HasFatalFailure())
      return;
    counters = Counters::find();
    if (!counters.reset || !GetParam().target.starts_with("gfx"))
      GTEST_SKIP() << "only the simulator counts what kernels move";
  }
  /// Runs decode steps of a batch and leaves what the last `steps` of them were counted for.
  void decode(size_t batch, size_t steps) {
    Tokens book = referenceOf(GetParam().format).book;
    std::vector<tawny_sequence> sequences;
    for (size_t i = 0; i < batch; ++i) {
      sequences.push_back(session->create());
      session->step(sequences.back(), slice(book, 10 * i, 5));
    }
    // The first steps find out how launches are faster.
    constexpr size_t warmup = 3;
    for (size_t step = 0; step < warmup + steps; ++step) {
      if (step == warmup)
        counters.reset(HIPSIM_COUNTERS_VERSION);
      std::vector<Feed> feeds;
      for (tawny_sequence sequence : sequences)
        feeds.push_back({sequence, {book[step]}});
      session->step(feeds);
    }
    for (tawny_sequence sequence : sequences)
      session->free(sequence);
  }

  Counters counters;
};

TEST_P(Traffic, WeightsMoveOnceAndWhole) {
  uint64_t weightBytes = session->memoryBytes("weights");
  for (size_t batch : {1, 8}) {
    constexpr size_t steps = 2;
    decode(batch, steps);
    uint64_t lines = 0, used = 0, wide = 0, asked = 0;
    for (const HipsimStreamCounters &stream : counters.allStreams()) {
      std::string_view kernel = stream.kernel;
      if (stream.allocationBytes != weightBytes || kernel.starts_with("embed"))
        continue;
      EXPECT_EQ(stream.linesWritten, 0u) << kernel;
      EXPECT_GE(stream.usedBytesRead, 98 * lineBytes * stream.linesRead / 100) << kernel;
      lines += stream.linesRead;
      used += stream.usedBytesRead;
      wide += stream.bytesRead[5];
      asked += std::accumulate(stream.bytesRead, stream.bytesRead + HIPSIM_WIDTHS,
                               stream.scalarBytesRead);
    }
    uint64_t once = weightBytes - embeddingBytes;
    std::printf("%s: batch %zu: lines of weights are %.4f of what moves once, %.4f of them used, "
                "%.4f in loads of 16 bytes\n",
                name().c_str(), batch, double(lines * lineBytes) / double(once * steps),
                double(used) / double(lines * lineBytes), double(wide) / double(asked));
    EXPECT_GE(lines * lineBytes, once * steps * 97 / 100) << "something is not counted";
    EXPECT_LE(lines * lineBytes, once * steps * 103 / 100);
    // The rest are scales of Q6_K, two bytes for 210. Where four parts of a wave share a row's
    // depth, a lane's part of it is narrower.
    if (GetParam().target.starts_with("gfx11"))
      EXPECT_GE(wide, asked * 98 / 100);
  }
}

TEST_P(Traffic, NoKernelHasScratch) {
  decode(2, 1);
  prefillAlone(*session, slice(referenceOf(GetParam().format).book, 0, 70));
  for (const HipsimKernelCounters &kernel : counters.allKernels())
    EXPECT_EQ(kernel.scratchBytes, 0u) << kernel.name;
}

INSTANTIATE_TEST_SUITE_P(Sample, Traffic, ::testing::ValuesIn(allSubjects({"sample"})), caseName);

} // namespace
} // namespace tawny::endtoend
