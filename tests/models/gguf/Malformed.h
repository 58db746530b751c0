// Files with exactly one fault each, and what the library says about it.
#pragma once

#include "tests/models/gguf/Builder.h"
#include <gtest/gtest.h>
#include <ostream>
#include <string>

namespace tawny::gguf::test {

struct MalformedCase {
  const char *name;
  std::string (*build)();
  /// The whole message, to the letter.
  const char *message;
};

inline void PrintTo(const MalformedCase &malformed, std::ostream *os) { *os << malformed.name; }

/// Names a parametrised test after its case.
inline std::string caseName(const testing::TestParamInfo<MalformedCase> &info) {
  return info.param.name;
}

/// Parses a copy of `file` that ends where its allocation does, applies `read` to the result, and
/// yields the error of either, or an empty string.
std::string errorOf(const std::string &file, llvm::Error (*read)(const File &));

} // namespace tawny::gguf::test
