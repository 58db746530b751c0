#include "dialects/interpreter/RandomValues.h"

#include "dialects/formats/ScalarDecode.h"

#include "llvm/Support/xxhash.h"

#include <cmath>
#include <cstring>

namespace tawny::interpreter {

namespace {

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), started from a seed and a name.
class Random {
public:
  Random(uint64_t seed, llvm::StringRef name) : state(seed ^ llvm::xxh3_64bits(name)) {}

  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  /// Uniform in [low, high).
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53;
  }

private:
  uint64_t state;
};

void storeHalf(uint8_t *bytes, double value) {
  uint16_t bits = floatToHalf(static_cast<float>(value));
  std::memcpy(bytes, &bits, sizeof(bits));
}

/// Sets a block's scale factors so that its weights have a standard deviation of about `deviation`.
/// The codes around them are uniform, which gives the constants.
void setScales(const FormatInfo &info, uint8_t *block, double deviation) {
  switch (info.format) {
  case Format::Q4_0: // codes 0 to 15
    return storeHalf(block + info.halfOffset, deviation / 4.6);
  case Format::Q4_1: // the start as far below zero as the middle code is above
    storeHalf(block, deviation / 4.6);
    return storeHalf(block + 2, -7.5 * deviation / 4.6);
  case Format::Q5_0: // codes 0 to 31
    return storeHalf(block + info.halfOffset, deviation / 9.2);
  case Format::Q5_1:
    storeHalf(block, deviation / 9.2);
    return storeHalf(block + 2, -15.5 * deviation / 9.2);
  case Format::Q2_K: // scales and minima of 0 to 15, codes 0 to 3
    storeHalf(block + 80, deviation / 14.7);
    return storeHalf(block + 82, deviation / 14.7 * 1.5);
  case Format::Q3_K: // scales of -32 to 31, codes of -4 to 3
    return storeHalf(block + info.halfOffset, deviation / (2.3 * 18.5));
  case Format::Q8_0: // codes -128 to 127
    return storeHalf(block + info.halfOffset, deviation / 74);
  case Format::Q4_K: // scales and minima of 0 to 63, the minima in units of the middle code
    storeHalf(block, deviation / 258);
    return storeHalf(block + 2, deviation / 258 * 7.5);
  case Format::Q5_K: // like Q4_K, with codes 0 to 31
    storeHalf(block, deviation / 516);
    return storeHalf(block + 2, deviation / 516 * 15.5);
  case Format::Q6_K: // scales of -128 to 127, codes of -32 to 31
    return storeHalf(block + info.halfOffset, deviation / (18.5 * 74));
  case Format::IQ4_NL: // 16 values of -127 to 113
    return storeHalf(block + info.halfOffset, deviation / 69);
  case Format::IQ4_XS: // the same with scales of -32 to 31
    return storeHalf(block, deviation / (69 * 18.5));
  case Format::MXFP4: // the nearest power of two, of values of -6 to 6
    block[0] = static_cast<uint8_t>(127 + std::lround(std::log2(deviation / 2.9)));
    return;
  case Format::F32:
  case Format::F16:
  case Format::BF16:
    return;
  }
}

} // namespace

std::vector<uint8_t> randomWeightBytes(uint64_t seed, llvm::StringRef name, Format format,
                                       int64_t rows, int64_t columns) {
  const FormatInfo &info = formatInfo(format);
  Random random(seed, name);
  std::vector<uint8_t> bytes(rows * info.rowBytes(columns));
  double deviation = 1 / std::sqrt(static_cast<double>(columns));
  for (size_t at = 0; at < bytes.size(); at += info.blockBytes) {
    uint8_t *block = &bytes[at];
    if (info.isFloat()) {
      double value =
          rows == 1 ? random.uniform(0.5, 1.5) : random.uniform(-1, 1) * std::sqrt(3.0) * deviation;
      float single = static_cast<float>(value);
      if (format == Format::F16)
        storeHalf(block, value);
      else if (format == Format::BF16) // the upper half of an f32
        std::memcpy(block, reinterpret_cast<const uint8_t *>(&single) + 2, 2);
      else
        std::memcpy(block, &single, sizeof(single));
      continue;
    }
    for (uint32_t i = 0; i < info.blockBytes; ++i)
      block[i] = static_cast<uint8_t>(random.next());
    setScales(info, block, deviation);
  }
  return bytes;
}

Rows randomRows(uint64_t seed, llvm::StringRef name, int64_t rows, int64_t columns) {
  Random random(seed, name);
  Rows result(rows, columns);
  for (float &value : result.values)
    value = static_cast<float>(random.uniform(-2, 2));
  return result;
}

WeightSource randomWeights(uint64_t seed) {
  auto made = std::make_shared<llvm::StringMap<std::vector<uint8_t>>>();
  return [seed, made](llvm::StringRef name,
                      const Weight &weight) -> llvm::Expected<llvm::ArrayRef<uint8_t>> {
    std::vector<uint8_t> &bytes = (*made)[name];
    if (bytes.empty())
      bytes = randomWeightBytes(seed, name, weight.format, weight.rows, weight.columns);
    return llvm::ArrayRef<uint8_t>(bytes);
  };
}

} // namespace tawny::interpreter
