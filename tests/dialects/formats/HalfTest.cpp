// f16 to f32 and back, against the compiler's own conversions.
#include "dialects/formats/ScalarDecode.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

using namespace tawny;

namespace {

TEST(Half, ConvertsEveryBitPatternAndBack) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    uint16_t half = static_cast<uint16_t>(bits);
    float value = halfToFloat(half);
    float expected = static_cast<float>(std::bit_cast<_Float16>(half));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value)))) << bits;
      continue;
    }
    ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(expected)) << bits;
    ASSERT_EQ(floatToHalf(value), half) << bits;
  }
}

TEST(Half, RoundsToNearestEven) {
  auto check = [](float value) {
    uint16_t expected = std::bit_cast<uint16_t>(static_cast<_Float16>(value));
    ASSERT_EQ(floatToHalf(value), expected) << value;
  };
  // Midpoints between neighbours, and the f32 values on either side of them.
  for (uint32_t bits = 0; bits < 0x7BFF; ++bits) {
    float low = halfToFloat(static_cast<uint16_t>(bits));
    float high = halfToFloat(static_cast<uint16_t>(bits + 1));
    float middle = (low + high) / 2;
    for (float value : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      check(value);
      check(-value);
    }
  }
  for (float value : {65504.0f, 65519.0f, 65520.0f, 65536.0f, 1e30f, 1e-30f, 0.0f, -0.0f})
    check(value);
  std::mt19937 random(5);
  for (int i = 0; i < 200000; ++i) {
    float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isnan(value))
      check(value);
  }
}

} // namespace
