// 70 GB of weights, in a file that is nearly all holes, go to a simulated GPU of 96 GiB: neither
// this process nor the page cache grows.
#include "tests/runtime/executor/ToyRun.h"
#include "tests/runtime/gpu/FakeDevice.h"

#include "runtime/artifact/Format.h"

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <unistd.h>

namespace tawny::test {
namespace {

constexpr uint64_t weightBytes = 70'000'000'000, mebibyte = uint64_t(1) << 20;

/// A file whose segment of weights, last in it, has as many bytes as are wanted.
class SparseFile {
public:
  SparseFile(ToyFile toy, uint64_t bytes) {
    uint64_t offset = 0;
    AlignedBytes small = toy.encode([&](fb::ArtifactT &header) {
      offset = header.segments[1]->offset + header.segments[1]->bytes;
      offset = (offset + format::segmentAlignment - 1) / format::segmentAlignment *
               format::segmentAlignment;
      header.segments[0]->offset = offset;
      header.segments[0]->bytes = bytes;
    });
    path = writeTemporary("sparse", small.span());
    int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    uint64_t fileBytes = offset + bytes;
    isGood = file >= 0 && ftruncate(file, static_cast<off_t>(fileBytes)) == 0 &&
             pwrite(file, &fileBytes, sizeof(fileBytes), offsetof(format::Preamble, fileBytes)) ==
                 sizeof(fileBytes);
    // The weight that the model uses, and a mark at the very end.
    float values[2 * TOY_ROW_FLOATS];
    for (int i = 0; i < 2 * TOY_ROW_FLOATS; ++i)
      values[i] = static_cast<float>(i % TOY_ROW_FLOATS);
    for (uint64_t at : {uint64_t(0), bytes - sizeof(values)})
      isGood = isGood && pwrite(file, values, sizeof(values), static_cast<off_t>(offset + at)) ==
                             sizeof(values);
    close(file);
  }
  SparseFile(const SparseFile &) = delete;
  SparseFile &operator=(const SparseFile &) = delete;
  ~SparseFile() { std::filesystem::remove(path); }

  std::string path;
  bool isGood = false;
};

/// A line of /proc/self/status, in bytes.
uint64_t statusBytes(const char *key) {
  std::FILE *file = std::fopen("/proc/self/status", "re");
  char line[256];
  uint64_t kibibytes = 0;
  std::string pattern = std::string(key) + ": %lu kB";
  while (file && std::fgets(line, sizeof(line), file))
    std::sscanf(line, pattern.c_str(), &kibibytes);
  if (file)
    std::fclose(file);
  return kibibytes << 10;
}

/// Bytes of the range that are in the page cache.
uint64_t cachedBytes(std::span<const std::byte> range) {
  constexpr uint64_t page = 4096, window = uint64_t(1) << 30;
  std::vector<unsigned char> resident(window / page);
  uint64_t pages = 0;
  for (uint64_t first = 0; first < range.size(); first += window) {
    uint64_t bytes = std::min<uint64_t>(window, range.size() - first);
    auto *address = const_cast<std::byte *>(range.data()) + first;
    if (mincore(address, bytes, resident.data()) != 0)
      return UINT64_MAX;
    for (uint64_t i = 0; i < (bytes + page - 1) / page; ++i)
      pages += resident[i] & 1;
  }
  return pages * page;
}

TEST(LargeFile, LoadsInBoundedMemory) {
  std::vector<std::byte> code = toyGpuCode("gfx1151");
  if (code.empty() || !std::filesystem::exists(simulatorLibrary()))
    GTEST_SKIP() << "this build has no simulator, or no kernels for it";
  ScopedVariable library("TAWNY_HIP_LIBRARY", simulatorLibrary());
  ScopedVariable chip("HIPSIM_ARCH", "gfx1151");
  SparseFile file(toyModel(code, "hip"), weightBytes);
  if (!file.isGood)
    GTEST_SKIP() << "the folder of temporary files takes no file of " << weightBytes << " bytes";
  ModelOptions options;
  options.device = "hip";
  uint64_t reported = 0;
  options.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, weightBytes);
    reported = done;
    return true;
  };
  uint64_t before = statusBytes("VmRSS");
  auto model = Model::open(file.path, options);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(reported, weightBytes);
  uint64_t peak = statusBytes("VmHWM");
  EXPECT_GT(peak, before);
  // The ring of 16 MiB, and what the simulator remembers of 17 million pages.
  EXPECT_LT(peak - before, 200 * mebibyte);
  EXPECT_LT(cachedBytes((*model)->artifact().segment(0)), 64 * mebibyte);
  std::printf("resident: %lu MiB before, %lu MiB at most while loading\n",
              static_cast<unsigned long>(before / mebibyte),
              static_cast<unsigned long>(peak / mebibyte));

  constexpr uint64_t tailBytes = TOY_ROW_FLOATS * sizeof(float);
  std::vector<float> tail(TOY_ROW_FLOATS);
  auto read = (*model)->device().read(std::as_writable_bytes(std::span(tail)),
                                      (*model)->weightSegments()[0].at(weightBytes - tailBytes));
  ASSERT_TRUE(read) << read.error().message;
  for (int i = 0; i < TOY_ROW_FLOATS; ++i)
    EXPECT_EQ(tail[static_cast<size_t>(i)], static_cast<float>(i));
  auto executor = Executor::create(**model);
  ASSERT_TRUE(executor) << executor.error().message;
  Tokens tokens = {4, 5, 6};
  SequenceInput input{*(*executor)->sequences().create(), tokens};
  auto result = (*executor)->step({&input, 1});
  ASSERT_TRUE(result) << result.error().message;
  std::vector<float> expected = expectedLogits(tokens);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), result->logits + 1));
}

} // namespace
} // namespace tawny::test
