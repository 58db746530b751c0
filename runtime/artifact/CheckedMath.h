// Products and sums of numbers that came from a file.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

namespace tawny {

/// The product, or nothing where it passes 64 bits.
inline std::optional<uint64_t> checkedProduct(std::initializer_list<uint64_t> factors) {
  uint64_t product = 1;
  for (uint64_t factor : factors)
    if (__builtin_mul_overflow(product, factor, &product))
      return std::nullopt;
  return product;
}

/// value / divisor, rounded up, for any value.
inline constexpr uint64_t ceilDivide(uint64_t value, uint64_t divisor) {
  return value / divisor + (value % divisor != 0);
}

} // namespace tawny
