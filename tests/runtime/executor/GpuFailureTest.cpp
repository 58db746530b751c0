// What a caller sees when a GPU's driver fails: a sentence, the same one again, and no crash.
#include "tests/runtime/executor/ToyRun.h"
#include "tests/runtime/gpu/FakeDevice.h"

namespace tawny::test {
namespace {

class GpuFailure : public testing::TestWithParam<const char *> {
protected:
  GpuFailure() : flavour(GetParam()), driver(flavour) {}
  ~GpuFailure() override { EXPECT_EQ(driver->live(), 0u) << "all that was made is given back"; }

  const char *named(const char *hip, const char *cuda) const {
    return flavour == "hip" ? hip : cuda;
  }
  ToyFile file() const { return toyModel(asGpuCode(toyCode()), flavour); }
  ModelOptions options() const {
    ModelOptions options;
    options.device = flavour;
    return options;
  }
  /// Why the model cannot be opened; "" where it can.
  std::string errorOf(ToyFile toy, const HeaderChange &change = {}) {
    AlignedBytes bytes = toy.encode(change);
    auto artifact = Artifact::fromMemory(bytes.span(), "toy");
    EXPECT_TRUE(artifact) << artifact.error().message;
    auto device = openDevice(flavour, 1);
    if (!device)
      return device.error().message;
    auto model = Model::create(std::move(*artifact), std::move(*device), options());
    if (!model)
      return model.error().message;
    auto executor = Executor::create(**model);
    return executor ? "" : executor.error().message;
  }
  static void expectPart(const std::string &text, const std::string &part) {
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' in: " << text;
  }

  std::string flavour;
  FakeDriver driver;
};

TEST_P(GpuFailure, MissingDriver) {
  ScopedVariable variable(libraryVariable(flavour), fakeLibrary("absent"));
  auto device = openDevice(flavour, 1);
  ASSERT_FALSE(device);
  expectPart(device.error().message,
             std::string("cannot load the library that ") + libraryVariable(flavour) + " names");
}

TEST_P(GpuFailure, LibraryOfAnotherKind) {
  ScopedVariable variable(libraryVariable(flavour), fakeLibrary(flavour == "hip" ? "cuda" : "hip"));
  auto device = openDevice(flavour, 1);
  ASSERT_FALSE(device);
  expectPart(device.error().message, named("has no function hipInit", "has no function cuInit"));
}

TEST_P(GpuFailure, NoDevice) {
  driver->failAt(named("hipInit", "cuInit"), 1, 100);
  auto device = openDevice(flavour, 1);
  ASSERT_FALSE(device);
  expectPart(device.error().message, "finds no device that this process may use");
  auto third = openDevice(flavour + ":2", 1);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().message, "device '" + flavour +
                                       ":2': expected a number below 2, which is how many devices "
                                       "the driver has");
}

TEST_P(GpuFailure, CodeForAnotherChip) {
  ToyFile other = file();
  other.header.targets[0]->features = {named("gfx908", "sm_100")};
  std::string error = errorOf(std::move(other));
  expectPart(error, "no target of the artifact runs on " + flavour + " (fake device 0): toy-" +
                        flavour + named(" needs gfx908", " needs sm_100"));
}

TEST_P(GpuFailure, ModuleThatDoesNotLoad) {
  driver->failAt(named("hipModuleLoadData", "cuModuleLoadDataEx"), 1, 209);
  std::string error = errorOf(file());
  expectPart(error, "the driver refuses the kernels for fake device 0: ");
  expectPart(error, "(209): fake failure");
  expectPart(error, "compile the model again for this device, or update the driver");
}

TEST_P(GpuFailure, CodeThatIsNone) {
  ToyFile broken = file();
  broken.segments[1].assign(1000, std::byte(0));
  std::copy_n(reinterpret_cast<const std::byte *>(ELFMAG), SELFMAG, broken.segments[1].begin());
  expectPart(errorOf(std::move(broken)),
             named("cannot load the kernels: expected a code object for AMD's GPUs (ELF, machine "
                   "224), found something else; compile the model again for fake device 0",
                   "(200): fake failure: ptxas fatal: fake log; compile the model again for this "
                   "device, or update the driver"));
}

TEST_P(GpuFailure, FallsBackToOtherCode) {
  auto withFallback = [&] {
    ToyFile toy = file();
    auto segment = std::make_unique<fb::SegmentT>();
    segment->kind = fb::SegmentKind::Code;
    toy.header.segments.push_back(std::move(segment));
    toy.segments.push_back(toy.segments[1]);
    toy.header.targets[0]->fallback_segment = 2;
    return toy;
  };
  const char *load = named("hipModuleLoadData", "cuModuleLoadDataEx");
  driver->failAt(load, 1, 209);
  EXPECT_EQ(errorOf(withFallback()), "");
  EXPECT_EQ(driver->calls(load), 2u);
  ToyFile broken = withFallback();
  broken.segments[1].assign(100, std::byte(1));
  broken.segments[2].assign(100, std::byte(1));
  expectPart(errorOf(std::move(broken)),
             "; its fallback: " + flavour + ": cannot load the kernels");
}

TEST_P(GpuFailure, PlanThatDoesNotFit) {
  driver->setMemory(10000);
  std::string error = errorOf(file());
  expectPart(error, "the model needs ");
  expectPart(error, " (weights 128 + resident 64 + kv ");
  expectPart(error, " are available: free memory, or compile with a smaller --kv-tokens");
}

TEST_P(GpuFailure, DriverOutOfMemory) {
  const char *allocate = named("hipMalloc", "cuMemAlloc_v2");
  for (uint64_t call = 1; call <= 5; ++call) {
    driver->failAt(allocate, call, 2);
    std::string error = errorOf(file());
    expectPart(error, flavour + ": cannot allocate ");
    expectPart(error, named("hipErrorOutOfMemory (2)", "CUDA_ERROR_OUT_OF_MEMORY (2)"));
    expectPart(error, "the driver says that ");
  }
  driver->failAt(allocate, 0, 0);
  EXPECT_EQ(errorOf(file()), "") << "and the next attempt works";
  EXPECT_EQ(driver->live(), 0u);
}

TEST_P(GpuFailure, LaunchThatIsRefused) {
  ToyRun run(options(), 1, file());
  SequenceId a = run.create();
  run.step(a, {1, 2});
  driver->failAt(named("hipModuleLaunchKernel", "cuLaunchKernel"), 2, 1);
  std::string error = run.errorOf(a, {3, 4});
  expectPart(error,
             "cannot launch kernel 'attend' (dispatch 'attend'), grid 1, block 1, 0 bytes of "
             "shared memory: ");
  EXPECT_EQ(run.pool().length(a), 2u);
  EXPECT_EQ(run.errorOf(a, {3}), error) << "the device is lost; every call says why";
}

TEST_P(GpuFailure, DeviceThatDisappears) {
  for (LaunchMode mode : {LaunchMode::Eager, LaunchMode::Graph}) {
    ModelOptions chosen = options();
    chosen.launch = mode;
    ToyRun run(chosen, 1, file());
    SequenceId a = run.create();
    run.step(a, {1, 2});
    run.step(a, {3});
    driver->loseAtLaunch(2, 719);
    std::string error = run.errorOf(a, {4});
    expectPart(error, flavour + ": cannot finish 3 launches, from kernel 'append' (dispatch "
                                "'append'), grid 1, block 1, 0 bytes of shared memory to kernel "
                                "'logits_decode' (dispatch 'head')");
    expectPart(error, "(719): fake failure");
    expectPart(error, "--check");
    for (int again = 0; again < 3; ++again)
      EXPECT_EQ(run.errorOf(a, {4}), error);
    run.pool().free(a);
    auto executor = Executor::create(*run.model);
    ASSERT_FALSE(executor);
    EXPECT_EQ(executor.error().message, error);
    driver->reset();
  }
}

TEST_P(GpuFailure, CheckNamesTheLaunchThatFailed) {
  ModelOptions chosen = options();
  chosen.check = true;
  ToyRun run(chosen, 1, file());
  SequenceId a = run.create();
  driver->loseAtLaunch(2, 700);
  expectPart(run.errorOf(a, {1, 2}), "cannot finish kernel 'attend' (dispatch 'attend'), grid 1, ");
}

/// Each call of each function fails once while a model is opened and used: never a crash.
TEST_P(GpuFailure, AnyCallMayFail) {
  const char *functions[][2] = {{"hipGetDeviceCount", "cuDeviceGetCount"},
                                {"hipMemGetInfo", "cuMemGetInfo_v2"},
                                {"hipMalloc", "cuMemAlloc_v2"},
                                {"hipHostMalloc", "cuMemHostAlloc"},
                                {"hipMemcpyHtoDAsync", "cuMemcpyHtoDAsync_v2"},
                                {"hipMemcpyDtoHAsync", "cuMemcpyDtoHAsync_v2"},
                                {"hipMemsetD8Async", "cuMemsetD8Async"},
                                {"hipStreamCreateWithFlags", "cuStreamCreate"},
                                {"hipStreamSynchronize", "cuStreamSynchronize"},
                                {"hipEventCreateWithFlags", "cuEventCreate"},
                                {"hipEventRecord", "cuEventRecord"},
                                {"hipModuleGetFunction", "cuModuleGetFunction"},
                                {"hipModuleLaunchKernel", "cuLaunchKernel"},
                                {"hipStreamEndCapture", "cuStreamEndCapture"},
                                {"hipGraphInstantiateWithFlags", "cuGraphInstantiateWithFlags"},
                                {"hipGraphLaunch", "cuGraphLaunch"},
                                {"hipSetDevice", "cuCtxSetCurrent"}};
  unsigned failed = 0;
  for (const auto &names : functions)
    for (uint64_t call = 1; call <= 40; ++call) {
      driver->reset();
      driver->failAt(named(names[0], names[1]), call, 999);
      if (std::string error = errorOf(file()); !error.empty()) {
        expectPart(error, flavour);
        ++failed;
        continue;
      }
      uint64_t before = driver->calls(named(names[0], names[1]));
      driver->failAt(named(names[0], names[1]), call, 999);
      ToyRun run(options(), 1, file());
      if (driver->calls(named(names[0], names[1])) - before >= call)
        break;
      SequenceId a = run.create();
      for (int32_t token : {1, 2, 3})
        failed += !run.errorOf(a, {token, token}).empty() + !run.errorOf(a, {token}).empty();
    }
  EXPECT_GT(failed, 40u);
}

INSTANTIATE_TEST_SUITE_P(Flavours, GpuFailure, testing::Values("hip", "cuda"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

} // namespace
} // namespace tawny::test
