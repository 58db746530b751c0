// Reads a file the way every user of the library together would.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace tawny::gguf::test {

/// Parses `bytes` and, where that succeeds, reads every value, every string, the first and last
/// byte of every tensor, the parameters and the vocabulary. Yields a number that depends on all of
/// them; what matters is that nothing outside `bytes` is read.
uint64_t touchEverything(llvm::ArrayRef<uint8_t> bytes);

} // namespace tawny::gguf::test
