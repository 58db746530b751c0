// The part of a GGUF file between metadata and data: the descriptions of the tensors.
#pragma once

#include "models/gguf/Cursor.h"
#include "models/gguf/Reader.h"

namespace tawny::gguf {

/// Bytes of the shortest description: a name of one byte would be one more, but a length of zero is
/// reported as an empty name rather than as a wrong count. Length, rank, one size, type, offset.
inline constexpr uint64_t leastTensorInfoBytes = 8 + 4 + 8 + 4 + 8;

/// Reads `count` descriptions at `cursor`, which afterwards stands behind the last, and fills
/// `file.tensors`, `file.tensorIndex` and `file.dataOffset`. `file.alignment` is read.
llvm::Error readTensorTable(Cursor &cursor, uint64_t count, File &file);

} // namespace tawny::gguf
