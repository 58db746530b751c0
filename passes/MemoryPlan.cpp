#include "passes/MemoryPlan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tawny {

static uint64_t endOf(const Buffer &buffer) {
  uint64_t end = llvm::SaturatingAdd(buffer.offset, buffer.bytes);
  return end > UINT64_MAX - bufferAlignment ? UINT64_MAX : llvm::alignTo(end, bufferAlignment);
}

uint64_t placeBuffers(llvm::MutableArrayRef<Buffer> buffers) {
  llvm::SmallVector<Buffer *> order = llvm::map_to_vector(buffers, [](Buffer &b) { return &b; });
  // Pointers into one array compare as their positions do, so equal sizes keep their order.
  llvm::sort(order, [](const Buffer *a, const Buffer *b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a < b;
  });
  llvm::SmallVector<Buffer *> placed; // By offset.
  uint64_t arenaBytes = 0;
  for (Buffer *buffer : order) {
    buffer->offset = 0;
    for (const Buffer *other : placed) {
      if (other->last < buffer->first || buffer->last < other->first)
        continue;
      if (other->offset >= endOf(*buffer))
        break;
      buffer->offset = std::max(buffer->offset, endOf(*other));
    }
    placed.insert(
        llvm::upper_bound(placed, buffer,
                          [](const Buffer *a, const Buffer *b) { return a->offset < b->offset; }),
        buffer);
    arenaBytes = std::max(arenaBytes, endOf(*buffer));
  }
  return arenaBytes;
}

} // namespace tawny
