#include "dialects/interpreter/Operations.h"

#include "llvm/ADT/SmallVector.h"

namespace tawny::interpreter {

template <typename Sum> static Sum dot(llvm::ArrayRef<float> a, llvm::ArrayRef<float> b) {
  Sum sum = 0;
  for (auto [left, right] : llvm::zip_equal(a, b))
    sum += Sum(left) * Sum(right);
  return sum;
}

template <typename Sum>
static void runLinear(const Rows &x, llvm::ArrayRef<LinearPart> parts, LinearSink sink) {
  // Weights are decoded row by row and never kept: a model of any size can be interpreted.
  std::vector<std::vector<float>> rows(parts.size());
  llvm::SmallVector<float> accumulators(parts.size());
  for (int64_t r = 0; r < parts.front().weight.rows; ++r) {
    for (auto [part, row] : llvm::zip_equal(parts, rows))
      decodeWeightRow(part.weight, r, row);
    for (int64_t t = 0; t < x.rows; ++t) {
      for (auto [part, row, accumulator] : llvm::zip_equal(parts, rows, accumulators)) {
        Sum sum = dot<Sum>(x.row(t), row);
        accumulator = static_cast<float>(part.bias.empty() ? sum : sum + Sum(part.bias[r]));
      }
      sink(t, r, accumulators);
    }
  }
}

void linear(const Rows &x, llvm::ArrayRef<LinearPart> parts, Accumulate accumulate,
            LinearSink sink) {
  if (accumulate == Accumulate::F64)
    runLinear<double>(x, parts, sink);
  else
    runLinear<float>(x, parts, sink);
}

} // namespace tawny::interpreter
