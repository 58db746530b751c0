// Row-wise ops: embed, norms, activations, rotation, quantisation.
#include "dialects/formats/Activations.h"
#include "dialects/formats/ScalarDecode.h"
#include "dialects/interpreter/Operations.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tawny::interpreter {

void decodeWeightRow(const Weight &weight, int64_t row, std::vector<float> &out) {
  uint64_t rowBytes = formatInfo(weight.format).rowBytes(weight.columns);
  out.resize(weight.columns);
  decodeRow(weight.format, weight.bytes.data() + row * rowBytes, 0, weight.columns, out.data());
}

llvm::Error expectStepRows(const Rows &x, const Step &step) {
  if (x.rows != step.rows())
    return llvm::createStringError("expects a row for each of the step's %lld tokens, found %lld",
                                   static_cast<long long>(step.rows()),
                                   static_cast<long long>(x.rows));
  return llvm::Error::success();
}

llvm::Expected<Rows> embed(const Step &step, const Weight &table) {
  Rows result(step.rows(), table.columns);
  std::vector<float> row;
  for (int64_t t = 0; t < step.rows(); ++t) {
    if (step.tokens[t] < 0 || step.tokens[t] >= table.rows)
      return llvm::createStringError("expects tokens from 0 to %lld, found %d at row %lld",
                                     static_cast<long long>(table.rows - 1), step.tokens[t],
                                     static_cast<long long>(t));
    decodeWeightRow(table, step.tokens[t], row);
    llvm::copy(row, result.row(t).begin());
  }
  return result;
}

template <typename Sum>
static void rmsNormRow(llvm::ArrayRef<float> x, llvm::ArrayRef<float> weight, double eps,
                       llvm::MutableArrayRef<float> out) {
  Sum squares = 0;
  for (float value : x)
    squares += Sum(value) * Sum(value);
  Sum scale = Sum(1) / std::sqrt(squares / Sum(x.size()) + Sum(eps));
  for (auto [result, value, factor] : llvm::zip_equal(out, x, weight))
    result = static_cast<float>(Sum(value) * scale * Sum(factor));
}

Rows rmsNorm(const Rows &x, llvm::ArrayRef<float> weight, double eps, Accumulate accumulate) {
  Rows result(x.rows, x.columns);
  for (int64_t r = 0; r < x.rows; ++r)
    if (accumulate == Accumulate::F64)
      rmsNormRow<double>(x.row(r), weight, eps, result.row(r));
    else
      rmsNormRow<float>(x.row(r), weight, eps, result.row(r));
  return result;
}

float silu(float x) {
  float exponential = static_cast<float>(std::exp(-static_cast<double>(x)));
  return x / (1.0f + exponential);
}

Rows add(const Rows &a, const Rows &b) {
  Rows result(a.rows, a.columns);
  for (auto [sum, left, right] : llvm::zip_equal(result.values, a.values, b.values))
    sum = left + right;
  return result;
}

llvm::Expected<Rows> rope(const Rows &x, const Step &step, const Rotation &rotation) {
  if (llvm::Error error = expectStepRows(x, step))
    return error;
  Rows result = x;
  int64_t half = rotation.rotaryDim / 2;
  for (int64_t t = 0; t < x.rows; ++t)
    for (int64_t i = 0; i < half; ++i) {
      double frequency = std::pow(rotation.base, -2.0 * static_cast<double>(i) /
                                                     static_cast<double>(rotation.rotaryDim));
      if (!rotation.divisors.empty())
        frequency /= rotation.divisors[i];
      double angle = step.positions[t] * frequency;
      double cosine = rotation.magnitude * std::cos(angle);
      double sine = rotation.magnitude * std::sin(angle);
      int64_t first = rotation.pairs == Pairs::Adjacent ? 2 * i : i;
      int64_t second = rotation.pairs == Pairs::Adjacent ? 2 * i + 1 : i + half;
      llvm::MutableArrayRef<float> row = result.row(t);
      for (int64_t head = 0; head < x.columns; head += rotation.headDim) {
        double a = row[head + first], b = row[head + second];
        row[head + first] = static_cast<float>(a * cosine - b * sine);
        row[head + second] = static_cast<float>(a * sine + b * cosine);
      }
    }
  return result;
}

llvm::Expected<Rows> logitRows(const Rows &x, const Step &step) {
  if (llvm::Error error = expectStepRows(x, step))
    return error;
  Rows result(static_cast<int64_t>(step.logitRows.size()), x.columns);
  for (auto [r, row] : llvm::enumerate(step.logitRows)) {
    if (row < 0 || row >= x.rows)
      return llvm::createStringError("expects logit rows from 0 to %lld, found %d",
                                     static_cast<long long>(x.rows - 1), row);
    llvm::copy(x.row(row), result.row(r).begin());
  }
  return result;
}

void roundToHalf(Rows &x) {
  constexpr float most = 65504;
  for (float &value : x.values)
    value = halfToFloat(floatToHalf(std::clamp(value, -most, most)));
}

Candidates topK(const Rows &x, int64_t count) {
  Candidates result{x.rows, count, {}};
  std::vector<Candidates::Candidate> row;
  for (int64_t r = 0; r < x.rows; ++r) {
    row.assign(static_cast<size_t>(count), {-std::numeric_limits<float>::infinity(), -1});
    for (auto [column, value] : llvm::enumerate(x.row(r)))
      if (!std::isnan(value))
        row.push_back({value, static_cast<int32_t>(column)});
    std::partial_sort(row.begin(), row.begin() + count, row.end(), [](auto a, auto b) {
      // As unsigned, the token -1 stands behind every other.
      return a.logit > b.logit || (a.logit == b.logit && uint32_t(a.token) < uint32_t(b.token));
    });
    result.values.insert(result.values.end(), row.begin(), row.begin() + count);
  }
  return result;
}

QuantizedRows quantize(const Rows &x) {
  constexpr int64_t groupSize = ActivationRow::groupElements;
  QuantizedRows result;
  result.rows = x.rows;
  result.columns = x.columns;
  result.codes.resize(x.values.size());
  result.scales.resize(x.values.size() / groupSize);
  for (size_t group = 0; group < result.scales.size(); ++group) {
    llvm::ArrayRef<float> values(&x.values[group * groupSize], groupSize);
    float largest = 0;
    bool finite = true;
    for (float value : values) {
      finite &= std::isfinite(value);
      largest = std::fmax(largest, std::fabs(value));
    }
    float scale = finite ? largest / 127.0f : std::numeric_limits<float>::quiet_NaN();
    result.scales[group] = scale;
    for (auto [i, value] : llvm::enumerate(values)) {
      // A scale may round so that the largest element lies a little above 127, or underflow.
      float code = scale > 0 ? std::nearbyint(value / scale) : finite ? 0.0f : 1.0f;
      code = std::fmin(std::fmax(code, -127.0f), 127.0f);
      result.codes[group * groupSize + i] = static_cast<int8_t>(code);
    }
  }
  return result;
}

Rows dequantize(const QuantizedRows &x) {
  Rows result(x.rows, x.columns);
  for (size_t i = 0; i < result.values.size(); ++i)
    result.values[i] = x.scales[i / ActivationRow::groupElements] * static_cast<float>(x.codes[i]);
  return result;
}

} // namespace tawny::interpreter
