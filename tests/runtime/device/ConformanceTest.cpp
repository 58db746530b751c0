// What every device behind the interface must do. A device takes part by an entry in the list at
// the end; one that this machine lacks is skipped.
#include "runtime/device/Device.h"
#include "tests/runtime/gpu/FakeDevice.h"
#include "tests/runtime/toy/ToyArtifact.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>

namespace tawny::test {
namespace {

struct Candidate {
  const char *name;
  const char *device;
  /// The toy kernels for this device; empty where the build has none.
  std::vector<std::byte> (*code)(const Device &);
  /// What stands in for the driver: nothing, the fake one or the simulator.
  enum class Driver : uint8_t { Own, Fake, Simulator } driver = Driver::Own;
};

void PrintTo(const Candidate &candidate, std::ostream *out) { *out << candidate.name; }

class Conformance : public testing::TestWithParam<Candidate> {
protected:
  void SetUp() override {
    std::string kind(parseDeviceName(GetParam().device)->kind);
    if (GetParam().driver == Candidate::Driver::Fake)
      fake.emplace(kind);
    if (GetParam().driver == Candidate::Driver::Simulator) {
      if (!std::filesystem::exists(simulatorLibrary()))
        GTEST_SKIP() << "this build has no simulator";
      library.emplace(libraryVariable(kind), simulatorLibrary());
    }
    auto opened = openDevice(GetParam().device, 2);
    if (!opened)
      GTEST_SKIP() << opened.error().message;
    device = std::move(*opened);
    code = GetParam().code(*device);
    if (code.empty())
      GTEST_SKIP() << "this build has no kernels for " << device->features().front();
  }
  void TearDown() override {
    device.reset();
    if (fake) {
      EXPECT_STREQ((*fake)->misuse(), "");
      EXPECT_EQ((*fake)->live(), 0u) << "all that was made is given back";
    }
  }

  Buffer allocate(uint64_t bytes) {
    auto buffer = device->allocate(bytes);
    EXPECT_TRUE(buffer) << buffer.error().message;
    return std::move(*buffer);
  }
  template <typename Value> std::vector<Value> read(const void *from, size_t count) {
    std::vector<Value> values(count);
    auto done = device->read(std::as_writable_bytes(std::span(values)), from);
    EXPECT_TRUE(done) << done.error().message;
    return values;
  }
  template <typename Value> void write(void *to, const std::vector<Value> &values) {
    auto done = device->write(to, std::as_bytes(std::span(values)));
    EXPECT_TRUE(done) << done.error().message;
  }

  std::optional<FakeDriver> fake;
  std::optional<ScopedVariable> library;
  std::vector<std::byte> code;
  std::unique_ptr<Device> device;
};

TEST_P(Conformance, DescribesItself) {
  EXPECT_EQ(std::string_view(GetParam().device).find(device->kind()), 0u);
  EXPECT_FALSE(device->features().empty());
  EXPECT_FALSE(device->description().empty());
  auto memory = device->memory();
  ASSERT_TRUE(memory) << memory.error().message;
  EXPECT_GT(memory->totalBytes, 0u);
  EXPECT_LE(memory->availableBytes, memory->totalBytes);
}

TEST_P(Conformance, AllocatesZeroedAlignedMemory) {
  constexpr size_t bytes = (3 << 20) + 4;
  Buffer buffer = allocate(bytes);
  EXPECT_EQ(buffer.bytes(), bytes);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.address()) % 256, 0u);
  std::vector<uint8_t> values = read<uint8_t>(buffer.address(), bytes);
  EXPECT_EQ(std::ranges::count(values, 0), static_cast<std::ptrdiff_t>(bytes));
  EXPECT_EQ(allocate(0).bytes(), 0u);
}

TEST_P(Conformance, MovesBytes) {
  Buffer buffer = allocate(4096);
  std::vector<int32_t> values = {5, -6, 7, 1 << 30};
  write(buffer.at(64), values);
  auto copied = device->copy(buffer.at(1024), buffer.at(64), 3 * sizeof(int32_t));
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(read<int32_t>(buffer.at(1024), 4), (std::vector<int32_t>{5, -6, 7, 0}));
  if (void *visible = device->hostView(buffer.at(64)))
    EXPECT_EQ(std::memcmp(visible, values.data(), sizeof(int32_t) * values.size()), 0);
}

TEST_P(Conformance, RunsLaunchesInOrder) {
  auto loaded = device->loadCode(code);
  ASSERT_TRUE(loaded) << loaded.error().message;
  auto kernel = (*loaded)->kernel("toy_init", 0);
  ASSERT_TRUE(kernel) << kernel.error().message;
  EXPECT_FALSE((*loaded)->kernel("toy_absent", 0));
  constexpr unsigned launchCount = 9, values = 1000;
  constexpr uint64_t stride = 4096;
  Buffer buffer = allocate((launchCount + 1) * stride);
  std::vector<float> first(values);
  for (unsigned i = 0; i < values; ++i)
    first[i] = static_cast<float>(i);
  write(buffer.address(), first);
  // Each launch doubles what the one before wrote.
  std::vector<void *> addresses;
  std::vector<Launch> launches(launchCount);
  for (unsigned i = 0; i < launchCount; ++i)
    addresses.insert(addresses.end(), {buffer.at(i * stride), buffer.at((i + 1) * stride)});
  for (unsigned i = 0; i < launchCount; ++i) {
    launches[i].kernel = *kernel;
    launches[i].bindings = &addresses[2 * size_t(i)];
    launches[i].bindingCount = 2;
    launches[i].tiles = values;
  }
  ASSERT_TRUE(device->submit(launches));
  ASSERT_TRUE(device->wait());
  std::vector<float> last = read<float>(buffer.at(launchCount * stride), values);
  for (unsigned i = 0; i < values; ++i)
    ASSERT_EQ(last[i], first[i] * (1 << launchCount)) << i;
}

TEST_P(Conformance, ReplaysWhatItRecorded) {
  if (!device->canRecord())
    GTEST_SKIP() << "there is nothing to record with";
  auto loaded = device->loadCode(code);
  ASSERT_TRUE(loaded) << loaded.error().message;
  auto kernel = (*loaded)->kernel("toy_init", 0);
  ASSERT_TRUE(kernel);
  Buffer buffer = allocate(uint64_t(3) * 4096);
  void *addresses[] = {buffer.at(0), buffer.at(4096), buffer.at(4096), buffer.at(8192)};
  std::vector<Launch> launches(3);
  for (size_t i = 0; i < 2; ++i) {
    launches[i].kernel = *kernel;
    launches[i].bindings = addresses + 2 * i;
    launches[i].bindingCount = 2;
    launches[i].tiles = 1;
  }
  // A launch without tiles is none.
  launches[2] = launches[1];
  launches[2].tiles = 0;
  auto recording = device->record(launches);
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_EQ(read<float>(buffer.at(8192), 1)[0], 0) << "recording runs nothing";
  for (float value : {3.0f, -5.0f}) {
    write<float>(buffer.at(0), {value});
    auto replayed = device->replay(*recording, launches);
    ASSERT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(read<float>(buffer.at(8192), 1)[0], 4 * value);
  }
}

TEST_P(Conformance, TimesLaunches) {
  auto loaded = device->loadCode(code);
  ASSERT_TRUE(loaded) << loaded.error().message;
  auto kernel = (*loaded)->kernel("toy_init", 0);
  ASSERT_TRUE(kernel);
  Buffer buffer = allocate(8192);
  write<float>(buffer.at(0), {21});
  void *addresses[] = {buffer.at(0), buffer.at(4096)};
  Launch launch;
  launch.kernel = *kernel;
  launch.bindings = addresses;
  launch.bindingCount = 2;
  launch.tiles = 1;
  std::vector<Launch> launches(3, launch);
  std::vector<double> seconds(3, -1);
  auto timed = device->submitTimed(launches, seconds);
  ASSERT_TRUE(timed) << timed.error().message;
  for (double each : seconds)
    EXPECT_GE(each, 0);
  EXPECT_EQ(read<float>(buffer.at(4096), 1)[0], 42);
}

TEST_P(Conformance, MovesMoreThanItsStagingHolds) {
  constexpr size_t values = (size_t(20) << 20) / sizeof(uint32_t) + 3;
  Buffer buffer = allocate(values * sizeof(uint32_t));
  std::vector<uint32_t> sent(values);
  for (size_t i = 0; i < values; ++i)
    sent[i] = static_cast<uint32_t>(i * 2654435761u);
  write(buffer.address(), sent);
  EXPECT_EQ(read<uint32_t>(buffer.address(), values), sent);
  auto host = device->allocateHost(values * sizeof(uint32_t));
  ASSERT_TRUE(host) << host.error().message;
  std::span<uint32_t> pinned(static_cast<uint32_t *>(host->address()), values);
  auto done = device->read(std::as_writable_bytes(pinned), buffer.address());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(std::ranges::equal(pinned, sent));
}

TEST_P(Conformance, PlacesWeights) {
  ToyFile file = toyModel(code);
  std::string path = writeTemporary("placed", file.encode().span());
  auto artifact = Artifact::open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(artifact) << artifact.error().message;
  for (bool prefault : {true, false}) {
    auto placed = device->placeWeights(**artifact, 0, prefault, {});
    ASSERT_TRUE(placed) << placed.error().message;
    EXPECT_EQ(placed->bytes(), (*artifact)->segment(0).size());
    std::vector<std::byte> bytes = read<std::byte>(placed->address(), placed->bytes());
    EXPECT_TRUE(std::ranges::equal(bytes, (*artifact)->segment(0)));
  }
}

TEST_P(Conformance, RefusesWhatIsNoCode) {
  std::vector<std::byte> noise(1000, std::byte(0xa5));
  EXPECT_FALSE(device->loadCode(noise));
}

std::vector<std::byte> cpuCode(const Device &) { return toyCode(); }
std::vector<std::byte> fakeCode(const Device &) { return asGpuCode(toyCode()); }
std::vector<std::byte> hipCode(const Device &device) {
  return toyGpuCode(device.features().front());
}
std::vector<std::byte> cudaCode(const Device &) { return toyGpuCode("ptx"); }

INSTANTIATE_TEST_SUITE_P(
    Devices, Conformance,
    testing::Values(Candidate{"cpu", "cpu", cpuCode}, Candidate{"hip", "hip", hipCode},
                    Candidate{"cuda", "cuda", cudaCode},
                    Candidate{"hip_simulated", "hip", hipCode, Candidate::Driver::Simulator},
                    Candidate{"hip_fake", "hip", fakeCode, Candidate::Driver::Fake},
                    Candidate{"cuda_fake", "cuda:1", fakeCode, Candidate::Driver::Fake}),
    [](const testing::TestParamInfo<Candidate> &info) { return std::string(info.param.name); });

} // namespace
} // namespace tawny::test
