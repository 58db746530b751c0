#include "tests/compiler/KernelData.h"

#include "dialects/formats/ScalarDecode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tawny::test {

namespace {

void putHalf(std::byte *at, float value) {
  uint16_t bits = floatToHalf(value);
  std::memcpy(at, &bits, sizeof(bits));
}

/// Random bytes are valid codes and scales of every block format; only f16 factors need care.
void fixBlock(Format format, std::byte *block, std::mt19937_64 &random) {
  std::uniform_real_distribution<float> factor(0.5f, 1.5f);
  std::normal_distribution<float> normal;
  switch (format) {
  case Format::F32: {
    float value = normal(random);
    std::memcpy(block, &value, sizeof(value));
    break;
  }
  case Format::F16:
    putHalf(block, normal(random));
    break;
  case Format::BF16: {
    float value = normal(random);
    std::memcpy(block, reinterpret_cast<const std::byte *>(&value) + 2, 2);
    break;
  }
  case Format::Q4_0:
  case Format::Q5_0:
    putHalf(block, factor(random) * (format == Format::Q4_0 ? 0.2f : 0.1f));
    break;
  case Format::Q8_0:
  case Format::IQ4_NL:
    putHalf(block, factor(random) * 0.01f);
    break;
  case Format::Q4_1:
  case Format::Q5_1: {
    float scale = factor(random) * (format == Format::Q4_1 ? 0.2f : 0.1f);
    putHalf(block, scale);
    putHalf(block + 2, -scale * (format == Format::Q4_1 ? 7 : 15));
    break;
  }
  case Format::Q2_K:
    putHalf(block + 80, factor(random) * 0.1f);
    putHalf(block + 82, factor(random) * 0.15f);
    break;
  case Format::Q3_K:
    putHalf(block + 108, factor(random) * 0.02f);
    break;
  case Format::Q4_K:
    putHalf(block, factor(random) * 0.01f);
    putHalf(block + 2, factor(random) * 0.07f);
    break;
  case Format::Q5_K:
    putHalf(block, factor(random) * 0.005f);
    putHalf(block + 2, factor(random) * 0.07f);
    break;
  case Format::Q6_K:
    putHalf(block + 208, factor(random) * 0.001f);
    break;
  case Format::IQ4_XS:
    putHalf(block, factor(random) * 0.001f);
    break;
  case Format::MXFP4:
    block[0] = static_cast<std::byte>(124 + random() % 4);
    break;
  }
}

} // namespace

static void decode(RandomWeight &weight) {
  const FormatInfo &info = formatInfo(weight.format);
  weight.decoded.resize(weight.rows * weight.columns);
  for (uint64_t row = 0; row < weight.rows; ++row)
    decodeRow(weight.format,
              reinterpret_cast<const uint8_t *>(weight.source.data()) +
                  row * info.rowBytes(weight.columns),
              0, weight.columns, weight.decoded.data() + row * weight.columns);
}

RandomWeight everyExponent(std::mt19937_64 &random) {
  constexpr uint64_t firstHuge = 253;
  RandomWeight weight = randomWeight(Format::MXFP4, 256, 32, random);
  const size_t blockBytes = formatInfo(Format::MXFP4).blockBytes;
  for (uint64_t row = 0; row < weight.rows; ++row) {
    std::byte *block = &weight.source[row * blockBytes];
    block[0] = static_cast<std::byte>(row);
    for (size_t i = 1; row >= firstHuge && i < blockBytes; ++i)
      block[i] &= std::byte(0x99); // signs and the codes 0 and 1, which are 0 and 0.5
  }
  decode(weight);
  return weight;
}

RandomWeight randomWeight(Format format, uint64_t rows, uint64_t columns, std::mt19937_64 &random) {
  const FormatInfo &info = formatInfo(format);
  RandomWeight weight{format, rows, columns, {}, {}};
  weight.source.resize(rows * info.rowBytes(columns));
  for (std::byte &byte : weight.source)
    byte = static_cast<std::byte>(random());
  for (size_t block = 0; block < weight.source.size(); block += info.blockBytes)
    fixBlock(format, weight.source.data() + block, random);
  decode(weight);
  return weight;
}

uint64_t RandomWeight::packedBytes(const LayoutInfo &layout) const {
  return tawny::packedBytes(layout, formatInfo(format), rows, columns);
}

void RandomWeight::pack(const LayoutInfo &layout, std::byte *packed) const {
  const FormatInfo &info = formatInfo(format);
  for (uint64_t row = 0; row < rows; row += layout.tileRows)
    packTile(layout, info, columns, std::min<uint64_t>(layout.tileRows, rows - row),
             source.data() + row * info.rowBytes(columns),
             packed + row / layout.tileRows * tileBytes(layout, info, columns));
}

std::string RandomWeight::type() const {
  const FormatInfo &info = formatInfo(format);
  return "tensor<" + std::to_string(rows) + "x" + std::to_string(columns) + "x" +
         (info.isFloat() ? "" : "!llm.") + std::string(info.name) + ">";
}

std::vector<float> randomActivations(uint64_t rows, uint64_t columns, bool outlier,
                                     std::mt19937_64 &random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(rows * columns);
  for (float &value : x)
    value = normal(random);
  for (uint64_t row = 0; outlier && row < rows; ++row)
    x[row * columns + columns / 3] *= 1000;
  return x;
}

std::vector<double> product(const RandomWeight &weight, const std::vector<float> &x,
                            uint64_t tokens) {
  std::vector<double> y(tokens * weight.rows);
  for (uint64_t t = 0; t < tokens; ++t)
    for (uint64_t r = 0; r < weight.rows; ++r)
      for (uint64_t k = 0; k < weight.columns; ++k)
        y[t * weight.rows + r] +=
            static_cast<double>(weight.decoded[r * weight.columns + k]) * x[t * weight.columns + k];
  return y;
}

std::vector<double> productTerms(const RandomWeight &weight, const std::vector<float> &x,
                                 uint64_t tokens) {
  const FormatInfo &info = formatInfo(weight.format);
  const uint64_t group = info.isFloat() ? 1 : info.groupElements;
  std::vector<double> terms(tokens * weight.rows);
  for (uint64_t t = 0; t < tokens; ++t)
    for (uint64_t r = 0; r < weight.rows; ++r)
      for (uint64_t first = 0; first < weight.columns; first += group) {
        double largest = 0, inputs = 0;
        for (uint64_t k = first; k < first + group; ++k) {
          double size = std::fabs(weight.decoded[r * weight.columns + k]);
          largest = std::max(largest, size);
          inputs += std::fabs(x[t * weight.columns + k]);
        }
        terms[t * weight.rows + r] += (info.isFloat() ? 1 : 2) * largest * inputs;
      }
  return terms;
}

double largestError(const float *found, const std::vector<double> &expected,
                    const std::vector<double> &terms) {
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::fabs(found[i] - expected[i]) / terms[i]);
  return largest;
}

double nmse(const float *found, const std::vector<double> &expected) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += (found[i] - expected[i]) * (found[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return difference / norm;
}

} // namespace tawny::test
