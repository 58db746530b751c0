// Generated kernels keep to their bindings: each launch of a whole model runs on copies of what it
// binds, exactly as long as the artifact says and beside pages that nobody may touch, and computes
// the bits that it computes in place.
#include "runtime/executor/Executor.h"
#include "tests/endtoend/Session.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <sys/mman.h>

namespace tawny::endtoend {
namespace {

constexpr size_t pageBytes = 4096;
constexpr auto canary = std::byte(0xFF); // as f32 and f16 it is no number

/// A copy of `bytes` bytes between two pages without access, at the first or the last of them.
class GuardedCopy {
public:
  GuardedCopy(const void *source, size_t bytes, bool atEnd) : bytes(bytes) {
    inner = (bytes + pageBytes - 1) / pageBytes * pageBytes;
    void *memory =
        mmap(nullptr, inner + 2 * pageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    mapping = static_cast<std::byte *>(memory);
    EXPECT_EQ(mprotect(first(), inner, PROT_READ | PROT_WRITE), 0);
    std::memset(first(), static_cast<int>(canary), inner);
    data = atEnd ? first() + inner - bytes : first();
    std::memcpy(data, source, bytes);
  }
  GuardedCopy(GuardedCopy &&other) noexcept
      : mapping(std::exchange(other.mapping, nullptr)), data(other.data), bytes(other.bytes),
        inner(other.inner) {}
  ~GuardedCopy() {
    if (mapping)
      munmap(mapping, inner + 2 * pageBytes);
  }

  void *address() const { return data; }
  void writeBack(void *target) const { std::memcpy(target, data, bytes); }
  /// Whether nothing was written beside the copy, on its own pages.
  bool isWhole() const {
    auto isCanary = [](std::byte byte) { return byte == canary; };
    return std::all_of(first(), data, isCanary) &&
           std::all_of(data + bytes, first() + inner, isCanary);
  }

private:
  std::byte *first() const { return mapping + pageBytes; }

  std::byte *mapping, *data;
  size_t bytes, inner;
};

/// The processor, with copies for bindings.
class GuardedDevice final : public Device {
public:
  GuardedDevice(std::unique_ptr<Device> device, const fb::Artifact &header, bool atEnd)
      : device(std::move(device)), atEnd(atEnd) {
    for (const fb::Target *target : *header.targets())
      for (const fb::Program *program : *target->programs())
        for (const fb::Dispatch *dispatch : *program->dispatches())
          dispatches[dispatch->label()->c_str()] = dispatch;
  }

  std::string_view kind() const override { return device->kind(); }
  std::string_view description() const override { return device->description(); }
  std::span<const std::string> features() const override { return device->features(); }
  unsigned threads() const override { return device->threads(); }
  ErrorOr<DeviceMemory> memory() const override { return device->memory(); }
  ErrorOr<Buffer> allocate(uint64_t bytes) override { return device->allocate(bytes); }
  ErrorOr<Buffer> allocateHost(uint64_t bytes) override { return device->allocateHost(bytes); }
  ErrorOr<Buffer> placeWeights(const Artifact &artifact, uint32_t segment, bool prefault,
                               const ProgressFunction &progress) override {
    return device->placeWeights(artifact, segment, prefault, progress);
  }
  ErrorOr<std::unique_ptr<LoadedCode>> loadCode(std::span<const std::byte> code) override {
    return device->loadCode(code);
  }
  ErrorOr<void> submit(std::span<const Launch> launches) override {
    for (const Launch &launch : launches)
      if (ErrorOr<void> ran = runGuarded(launch); !ran)
        return ran;
    return {};
  }
  ErrorOr<void> submitTimed(std::span<const Launch> launches, std::span<double>) override {
    return submit(launches);
  }
  ErrorOr<void> wait() override { return device->wait(); }
  ErrorOr<void> write(void *to, std::span<const std::byte> from) override {
    return device->write(to, from);
  }
  ErrorOr<void> read(std::span<std::byte> to, const void *from) override {
    return device->read(to, from);
  }
  ErrorOr<void> copy(void *to, const void *from, uint64_t bytes) override {
    return device->copy(to, from, bytes);
  }
  void *hostView(void *address) override { return device->hostView(address); }

  size_t launched = 0;

private:
  ErrorOr<void> runGuarded(const Launch &launch);
  /// Buffers are the wrapped device's own.
  void release(void *, uint64_t) override {}

  std::unique_ptr<Device> device;
  bool atEnd;
  /// By the address of their label in the header, which a launch carries.
  std::map<const char *, const fb::Dispatch *> dispatches;
};

ErrorOr<void> GuardedDevice::runGuarded(const Launch &launch) {
  const auto &bindings = *dispatches.at(launch.label)->bindings();
  std::vector<GuardedCopy> copies;
  std::vector<void *> addresses;
  for (uint32_t i = 0; i < bindings.size(); ++i) {
    copies.emplace_back(launch.bindings[i], bindings.Get(i)->bytes(), atEnd);
    addresses.push_back(copies.back().address());
  }
  Launch guarded = launch;
  guarded.bindings = addresses.data();
  if (ErrorOr<void> ran = device->submit({&guarded, 1}); !ran)
    return ran;
  for (uint32_t i = 0; i < bindings.size(); ++i) {
    EXPECT_TRUE(copies[i].isWhole()) << launch.kernelName << " wrote beside binding " << i;
    if (bindings.Get(i)->access() != fb::Access::Read)
      copies[i].writeBack(launch.bindings[i]);
  }
  ++launched;
  return {};
}

/// A model on the processor, with guards at one end or without any.
struct Speech {
  enum class Guards { None, Before, Behind };

  Speech(const std::string &path, Guards guards) {
    ErrorOr<std::unique_ptr<Artifact>> artifact = Artifact::open(path);
    ErrorOr<std::unique_ptr<Device>> device = openDevice("cpu", 2);
    if (!artifact || !device)
      return;
    if (guards != Guards::None) {
      auto wrapped = std::make_unique<GuardedDevice>(std::move(*device), (*artifact)->header(),
                                                     guards == Guards::Behind);
      guarded = wrapped.get();
      *device = std::move(wrapped);
    }
    ModelOptions options;
    options.maxLogitRows = 128;
    if (auto opened = Model::create(std::move(*artifact), std::move(*device), options))
      model = std::move(*opened);
    if (auto made = model ? Executor::create(*model) : makeError("no model"))
      executor = std::move(*made);
  }

  /// Appends the logits of a step.
  void step(std::span<const SequenceInput> batch) {
    ErrorOr<StepResult> result = executor->step(batch);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->outcome, KvPool::Outcome::Done);
    seen.insert(seen.end(), result->logits,
                result->logits + uint64_t(result->rows) * model->vocabulary());
  }

  std::unique_ptr<Model> model;
  std::unique_ptr<Executor> executor;
  GuardedDevice *guarded = nullptr;
  std::vector<float> seen;
};

/// Prompts of odd lengths, one of them with all of its logits, then decodes of one to three.
void speak(Speech &run, const Tokens &book) {
  ASSERT_TRUE(run.executor);
  std::vector<SequenceId> sequences;
  std::vector<SequenceInput> prompts;
  constexpr size_t lengths[] = {37, 1, 19};
  const std::vector<uint8_t> all(lengths[0], 1);
  size_t first = 0;
  for (size_t length : lengths) {
    sequences.push_back(*run.executor->sequences().create());
    prompts.push_back({sequences.back(), std::span(book).subspan(first, length),
                       first == 0 ? all.data() : nullptr});
    first += length;
  }
  run.step(prompts);
  for (size_t count : {1, 2, 3, 3}) {
    std::vector<SequenceInput> decodes;
    for (size_t i = 0; i < count; ++i)
      decodes.push_back({sequences[i], std::span(book).subspan(first + i, 1)});
    run.step(decodes);
  }
}

class Guarded : public ::testing::TestWithParam<Subject> {};

TEST_P(Guarded, KernelsKeepToTheirBindings) {
  if (auto reason = reasonToSkip(GetParam()))
    GTEST_SKIP() << *reason;
  std::string path = artifactOf(GetParam());
  const Tokens &book = referenceOf("sample").book;
  Speech plain(path, Speech::Guards::None);
  speak(plain, book);
  ASSERT_FALSE(plain.seen.empty());
  for (Speech::Guards guards : {Speech::Guards::Before, Speech::Guards::Behind}) {
    Speech run(path, guards);
    speak(run, book);
    EXPECT_TRUE(sameBits(std::span<const float>(run.seen), plain.seen));
    ASSERT_NE(run.guarded, nullptr);
    EXPECT_GT(run.guarded->launched, 100u);
  }
}

std::vector<Subject> guardedSubjects() {
  std::vector<Subject> subjects;
  for (const char *target : {"x86-64-v3", "x86-64-v4", "cpu"})
    for (const char *activations : {"f32", "auto"})
      subjects.push_back({"sample",
                          target,
                          activations,
                          {"--max-batch=4", "--max-context=128", "--kv-tokens=256"}});
  return subjects;
}

INSTANTIATE_TEST_SUITE_P(Sample, Guarded, ::testing::ValuesIn(guardedSubjects()), caseName);

} // namespace
} // namespace tawny::endtoend
