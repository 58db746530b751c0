// Typed, range-checked access to metadata keys.
#pragma once

#include "models/gguf/Reader.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>

namespace tawny::gguf {

/// Bounds of an integer, both included.
struct IntegerRange {
  uint64_t least;
  uint64_t most;
};

/// Bounds of a floating point number, both included; NaN is in none.
struct FloatRange {
  double least;
  double most;
};

/// Each looks a key up and fails if its value has another type than asked for or lies out of range.
/// Integers of every width are taken, as the specification recommends, and f32 as well as f64.
/// The find functions yield nullopt for a missing key, the require functions fail.
llvm::Expected<std::optional<uint32_t>> findInteger(const File &file, llvm::StringRef key,
                                                    IntegerRange range);
llvm::Expected<std::optional<double>> findFloat(const File &file, llvm::StringRef key,
                                                FloatRange range);
llvm::Expected<std::optional<bool>> findBool(const File &file, llvm::StringRef key);
llvm::Expected<std::optional<llvm::StringRef>> findString(const File &file, llvm::StringRef key);
llvm::Expected<uint32_t> requireInteger(const File &file, llvm::StringRef key, IntegerRange range);
llvm::Expected<double> requireFloat(const File &file, llvm::StringRef key, FloatRange range);
llvm::Expected<llvm::StringRef> requireString(const File &file, llvm::StringRef key);

/// "key 'k' (offset n): expected `expected`, found `what the entry holds`".
llvm::Error wrongValue(const MetadataEntry &entry, const llvm::Twine &expected);

/// "key 'k' is missing, expected `expected`".
llvm::Error missingKey(llvm::StringRef key, const llvm::Twine &expected);

} // namespace tawny::gguf
