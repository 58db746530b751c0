#include "compiler/WeightPacker.h"

#include "runtime/artifact/Format.h"
#include "tests/compiler/KernelData.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

using namespace tawny;

namespace {

constexpr uint32_t seed = 20240817;

StoredWeight makeWeight(Format format, const LayoutInfo &layout, uint64_t rows, uint64_t columns,
                        uint64_t sourceOffset) {
  StoredWeight weight{"w", formatInfo(format), layout};
  weight.rows = rows;
  weight.columns = columns;
  weight.sourceOffset = sourceOffset;
  weight.sourceBytes = rows * weight.format.rowBytes(columns);
  weight.bytes = packedBytes(layout, weight.format, rows, columns);
  return weight;
}

/// A file of random bytes, mapped as a model file is, and gone already: the mapping holds it.
ModelFile randomFile(uint64_t bytes) {
  std::mt19937 random(seed);
  llvm::SmallString<128> path;
  int descriptor = -1;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("tawny-weights", "bin", descriptor, path));
  std::string content(bytes, '\0');
  std::generate(content.begin(), content.end(), [&] { return static_cast<char>(random()); });
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/false) << content;
  std::error_code code;
  ModelFile file;
  file.mapping = llvm::sys::fs::mapped_file_region(
      descriptor, llvm::sys::fs::mapped_file_region::readonly, bytes, 0, code);
  EXPECT_FALSE(code) << code.message();
  llvm::sys::fs::closeFile(descriptor);
  llvm::sys::fs::remove(path);
  return file;
}

/// The same in one go, by the layouts' definition.
std::vector<std::byte> packAtOnce(llvm::ArrayRef<StoredWeight> weights, const ModelFile &source) {
  std::vector<std::byte> result;
  for (const StoredWeight &weight : weights) {
    size_t start = result.size();
    result.resize(start + weight.paddedBytes());
    auto *rows = reinterpret_cast<const std::byte *>(source.bytes().data() + weight.sourceOffset);
    if (weight.layout.tileRows == 0) {
      std::memcpy(result.data() + start, rows, weight.sourceBytes);
      continue;
    }
    uint64_t tile = tileBytes(weight.layout, weight.format, weight.columns);
    for (uint64_t row = 0; row < weight.rows; row += weight.layout.tileRows)
      packTile(weight.layout, weight.format, weight.columns,
               std::min<uint64_t>(weight.layout.tileRows, weight.rows - row),
               rows + row * weight.format.rowBytes(weight.columns),
               result.data() + start + row / weight.layout.tileRows * tile);
  }
  return result;
}

void expectPacked(llvm::ArrayRef<StoredWeight> weights, const ModelFile &source) {
  std::vector<std::byte> packed;
  llvm::Error error = packWeights(weights, source, [&](llvm::ArrayRef<std::byte> bytes) {
    packed.insert(packed.end(), bytes.begin(), bytes.end());
    return llvm::Error::success();
  });
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  EXPECT_TRUE(packed == packAtOnce(weights, source));
}

TEST(WeightPacker, EveryFormatInEveryLayout) {
  ModelFile source = randomFile(1 << 20);
  std::vector<StoredWeight> weights;
  for (Format format : test::allFormats)
    for (const LayoutInfo &layout : {rowsLayout, simd16Layout, simt32Layout})
      for (uint64_t rows : {1, 16, 37})
        weights.push_back(makeWeight(format, layout, rows, 256, 32 * weights.size()));
  expectPacked(weights, source);
}

TEST(WeightPacker, VectorsArePaddedToTheAlignment) {
  ModelFile source = randomFile(256);
  StoredWeight weight = makeWeight(Format::F32, rowsLayout, 1, 5, 4);
  EXPECT_EQ(weight.paddedBytes(), 64u);
  expectPacked({weight, weight}, source);
}

// Larger than the buffers, so that chunks meet inside the weight, at tiles and at rows.
TEST(WeightPacker, WeightsOfManyChunks) {
  ModelFile source = randomFile(24 << 20);
  expectPacked({makeWeight(Format::F32, simd16Layout, 5001, 1024, 128),
                makeWeight(Format::F16, rowsLayout, 6007, 1024, 64),
                makeWeight(Format::Q4_K, simt32Layout, 20011, 2048, 0)},
               source);
}

TEST(WeightPacker, EndsWithTheSinksError) {
  ModelFile source = randomFile(24 << 20);
  unsigned calls = 0;
  llvm::Error error = packWeights({makeWeight(Format::F32, simd16Layout, 5000, 1024, 0)}, source,
                                  [&](llvm::ArrayRef<std::byte>) {
                                    ++calls;
                                    return llvm::createStringError("the disk is full");
                                  });
  EXPECT_EQ(llvm::toString(std::move(error)), "the disk is full");
  EXPECT_EQ(calls, 1u);
}

TEST(WeightPacker, NothingToPack) { expectPacked({}, randomFile(16)); }

} // namespace
