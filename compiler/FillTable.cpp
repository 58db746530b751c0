#include "compiler/FillTable.h"

#include "models/synthetic/RandomBlocks.h"
#include "runtime/artifact/Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>
#include <numeric>
#include <tuple>

namespace tawny {
namespace {

/// `bytes` again and again, `size` bytes in all.
std::vector<uint8_t> repeat(llvm::ArrayRef<uint8_t> bytes, uint64_t size) {
  std::vector<uint8_t> result(size);
  for (uint64_t i = 0; i < size; ++i)
    result[i] = bytes[i % bytes.size()];
  return result;
}

/// Rows of the block `block`, packed as one unit of the weight's layout.
std::vector<uint8_t> packUnit(const StoredWeight &weight, llvm::ArrayRef<uint8_t> block) {
  if (weight.layout.tileRows == 0)
    return repeat(block, std::lcm<uint64_t>(block.size(), format::dataAlignment));
  std::vector<uint8_t> rows =
      repeat(block, weight.layout.tileRows * weight.format.rowBytes(weight.columns));
  std::vector<uint8_t> tile(tileBytes(weight.layout, weight.format, weight.columns));
  packTile(weight.layout, weight.format, weight.columns, weight.layout.tileRows,
           reinterpret_cast<const std::byte *>(rows.data()),
           reinterpret_cast<std::byte *>(tile.data()));
  return tile;
}

FillTable::Fill makeFill(const StoredWeight &weight) {
  bool isVector = weight.rows == 1 && weight.format.format == Format::F32;
  synthetic::RandomBlock block =
      isVector ? synthetic::blockOfOnes() : *synthetic::randomBlock(weight.format.format);
  std::vector<uint8_t> other = block.fixed;
  for (auto [byte, random] : llvm::zip(other, block.random))
    byte |= random;
  // Packing moves bits, and may invert some: those that differ are the random ones.
  FillTable::Fill fill{packUnit(weight, block.fixed), packUnit(weight, other)};
  for (auto [fixed, random] : llvm::zip(fill.fixed, fill.random)) {
    random ^= fixed;
    fixed &= ~random;
  }
  return fill;
}

} // namespace

FillTable buildFillTable(llvm::ArrayRef<StoredWeight> weights) {
  FillTable table;
  std::map<std::tuple<Format, std::string_view, uint64_t, bool>, uint32_t> known;
  for (const StoredWeight &weight : weights) {
    auto [entry, isNew] = known.try_emplace(
        {weight.format.format, weight.layout.name, weight.columns, weight.rows == 1},
        static_cast<uint32_t>(table.fills.size()));
    if (isNew)
      table.fills.push_back(makeFill(weight));
    table.indices.push_back(entry->second);
  }
  return table;
}

llvm::Error generateWeights(llvm::ArrayRef<StoredWeight> weights, llvm::ArrayRef<uint32_t> indices,
                            llvm::ArrayRef<FillTable::Fill> fills, WeightSink sink) {
  constexpr uint64_t chunkBytes = 4 << 20;
  std::vector<std::byte> chunk(chunkBytes);
  for (auto [weight, index] : llvm::zip_equal(weights, indices)) {
    uint64_t padded = weight.paddedBytes();
    for (uint64_t done = 0; done < padded; done += chunkBytes) {
      std::span<std::byte> part = std::span(chunk).first(std::min(chunkBytes, padded - done));
      uint64_t own = std::min<uint64_t>(part.size(), weight.bytes - done);
      generateWeight(fills[index].pattern(), weight.offset, weight.offset + done, part.first(own));
      llvm::fill(part.subspan(own), std::byte(0));
      if (llvm::Error error = sink(part))
        return error;
    }
  }
  return llvm::Error::success();
}

} // namespace tawny
