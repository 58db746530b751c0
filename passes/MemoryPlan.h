// Where buffers lie in an arena. No MLIR here.
#pragma once

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace tawny {

/// Buffers start at multiples of this, as kernels' aligned loads want it.
inline constexpr uint64_t bufferAlignment = 64;

/// Bytes that are needed from step `first` to step `last`, both included.
struct Buffer {
  unsigned first;
  unsigned last;
  uint64_t bytes;
  uint64_t offset = 0; ///< Found by placeBuffers.
};

/// Gives each buffer an offset such that buffers that are needed at the same step do not overlap:
/// the largest first, each at the lowest offset where it fits. Returns the bytes of the arena, or
/// UINT64_MAX if they pass 64 bits.
uint64_t placeBuffers(llvm::MutableArrayRef<Buffer> buffers);

} // namespace tawny
