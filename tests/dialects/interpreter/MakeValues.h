// Values for tests of operations.
#pragma once

#include "dialects/interpreter/Operations.h"

namespace tawny::interpreter {

inline Rows makeRows(int64_t rows, int64_t columns, std::vector<float> values) {
  Rows result(rows, columns);
  result.values = std::move(values);
  return result;
}

/// Tokens 0, 1, … of sequence 0 from position `first` on.
inline Step stepOf(int64_t rows, int32_t first = 0) {
  Step step;
  for (int32_t i = 0; i < rows; ++i) {
    step.tokens.push_back(i);
    step.positions.push_back(first + i);
    step.sequences.push_back(0);
  }
  return step;
}

inline std::string messageOf(llvm::Error error) { return llvm::toString(std::move(error)); }

} // namespace tawny::interpreter
