#include "compiler/WeightPacker.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

namespace tawny {
namespace {

/// Packed bytes handed over at once: enough that a hand-over costs nothing beside packing.
constexpr uint64_t chunkBytes = 4 << 20;
/// Chunks that may wait between packing and writing.
constexpr size_t queueLength = 2;

using Chunk = std::vector<std::byte>;

/// A queue of bounded length between the packing thread and the writing one. Either side may end
/// it.
class ChunkQueue {
public:
  /// Waits for room. False if the reader has gone.
  bool push(Chunk chunk) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return chunks.size() < queueLength || closed; });
    if (closed)
      return false;
    chunks.push_back(std::move(chunk));
    changed.notify_all();
    return true;
  }

  /// Waits for a chunk. An empty one if none will come.
  Chunk pop() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !chunks.empty() || closed; });
    if (chunks.empty())
      return {};
    Chunk chunk = std::move(chunks.front());
    chunks.pop_front();
    changed.notify_all();
    return chunk;
  }

  void close() {
    std::lock_guard lock(mutex);
    closed = true;
    changed.notify_all();
  }

private:
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Chunk> chunks;
  bool closed = false;
};

/// Packs rows [first, first + count) of a weight.
Chunk packRows(const StoredWeight &weight, const std::byte *rows, uint64_t first, uint64_t count) {
  uint64_t rowBytes = weight.format.rowBytes(weight.columns);
  uint64_t padding = first + count == weight.rows ? weight.paddedBytes() - weight.bytes : 0;
  if (weight.layout.tileRows == 0) {
    Chunk chunk(count * rowBytes + padding);
    std::memcpy(chunk.data(), rows, count * rowBytes);
    return chunk;
  }
  uint64_t bytes = tileBytes(weight.layout, weight.format, weight.columns);
  Chunk chunk(llvm::divideCeil(count, weight.layout.tileRows) * bytes + padding);
  for (uint64_t row = 0; row < count; row += weight.layout.tileRows)
    packTile(weight.layout, weight.format, weight.columns,
             std::min<uint64_t>(weight.layout.tileRows, count - row), rows + row * rowBytes,
             chunk.data() + row / weight.layout.tileRows * bytes);
  return chunk;
}

/// Rows of a chunk: whole tiles, at least one.
uint64_t rowsPerChunk(const StoredWeight &weight) {
  uint64_t unitRows = std::max<uint64_t>(weight.layout.tileRows, 1);
  uint64_t unitBytes = unitRows * weight.format.rowBytes(weight.columns);
  return std::max<uint64_t>(chunkBytes / std::max<uint64_t>(unitBytes, 1), 1) * unitRows;
}

void packAll(llvm::ArrayRef<StoredWeight> weights, const ModelFile &source, ChunkQueue &queue) {
  for (const StoredWeight &weight : weights) {
    llvm::ArrayRef<uint8_t> bytes = source.bytes().slice(weight.sourceOffset, weight.sourceBytes);
    uint64_t rowBytes = weight.format.rowBytes(weight.columns), step = rowsPerChunk(weight);
    for (uint64_t row = 0; row < weight.rows; row += step) {
      uint64_t count = std::min(step, weight.rows - row);
      llvm::ArrayRef<uint8_t> rows = bytes.slice(row * rowBytes, count * rowBytes);
      if (!queue.push(
              packRows(weight, reinterpret_cast<const std::byte *>(rows.data()), row, count)))
        return;
      source.release(rows);
    }
  }
  queue.close();
}

} // namespace

llvm::Error packWeights(llvm::ArrayRef<StoredWeight> weights, const ModelFile &source,
                        WeightSink sink) {
  ChunkQueue queue;
  std::thread packing([&] { packAll(weights, source, queue); });
  llvm::scope_exit join([&] {
    queue.close();
    packing.join();
  });
  for (Chunk chunk = queue.pop(); !chunk.empty(); chunk = queue.pop())
    if (llvm::Error error = sink(chunk))
      return error;
  return llvm::Error::success();
}

} // namespace tawny
