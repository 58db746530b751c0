// Floating-point operations that the scalar and the vector unit share: what the hardware does with
// NaN, signed zeros and rounding. A NaN result is the first NaN operand made quiet, as on x86; the
// hardware's choice among two is not documented.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tawny::hipsim {

using Half = _Float16;

template <typename T> struct FloatBits;
template <> struct FloatBits<float> {
  using Bits = uint32_t;
  static constexpr Bits sign = 1u << 31, quiet = 1u << 22;
};
template <> struct FloatBits<double> {
  using Bits = uint64_t;
  static constexpr Bits sign = uint64_t(1) << 63, quiet = uint64_t(1) << 51;
};
template <> struct FloatBits<Half> {
  using Bits = uint16_t;
  static constexpr Bits sign = 0x8000, quiet = 0x200;
};

template <typename T> typename FloatBits<T>::Bits bitsOf(T value) {
  return std::bit_cast<typename FloatBits<T>::Bits>(value);
}
template <typename T> T fromBits(typename FloatBits<T>::Bits bits) {
  return std::bit_cast<T>(bits);
}
template <typename T> bool isNan(T value) { return value != value; }
template <typename T> bool isSignalling(T value) {
  return isNan(value) && !(bitsOf(value) & FloatBits<T>::quiet);
}
template <typename T> T quieted(T value) {
  return fromBits<T>(static_cast<typename FloatBits<T>::Bits>(bitsOf(value) | FloatBits<T>::quiet));
}
template <typename T> bool isNegative(T value) { return bitsOf(value) & FloatBits<T>::sign; }

/// The smaller; -0 is smaller than 0, and a number wins over a NaN.
template <typename T> T minimumNumber(T a, T b) {
  T less = a < b || (a == b && isNegative(a)) ? a : b;
  return isNan(a) ? (isNan(b) ? quieted(a) : b) : isNan(b) ? a : less;
}
template <typename T> T maximumNumber(T a, T b) {
  T more = a > b || (a == b && !isNegative(a)) ? a : b;
  return isNan(a) ? (isNan(b) ? quieted(a) : b) : isNan(b) ? a : more;
}

/// v_min and v_max until gfx11 with MODE.IEEE, as compute kernels have it: a signalling NaN wins
/// and becomes quiet.
template <typename T> T minimumIeee(T a, T b) {
  T result = minimumNumber(a, b);
  return isSignalling(a) ? quieted(a) : isSignalling(b) ? quieted(b) : result;
}
template <typename T> T maximumIeee(T a, T b) {
  T result = maximumNumber(a, b);
  return isSignalling(a) ? quieted(a) : isSignalling(b) ? quieted(b) : result;
}

/// gfx12's v_minimum and v_maximum: NaN wins.
template <typename T> T minimumNan(T a, T b) {
  return isNan(a) ? quieted(a) : isNan(b) ? quieted(b) : minimumNumber(a, b);
}
template <typename T> T maximumNan(T a, T b) {
  return isNan(a) ? quieted(a) : isNan(b) ? quieted(b) : maximumNumber(a, b);
}

/// The middle one; with a NaN the smallest of the numbers (RDNA 3 ISA, V_MED3_F32).
template <typename T> T middleNumber(T a, T b, T c) {
  T highest = maximumNumber(maximumNumber(a, b), c);
  T lowest = minimumNumber(minimumNumber(a, b), c);
  if (isNan(a) || isNan(b) || isNan(c))
    return lowest;
  return bitsOf(highest) == bitsOf(a)   ? maximumNumber(b, c)
         : bitsOf(highest) == bitsOf(b) ? maximumNumber(a, c)
                                        : maximumNumber(a, b);
}

/// a * b + c in f16, rounded once. The product is exact in f32; the sum is rounded to odd there, so
/// that rounding it to f16 is as if it were exact (Boldo and Melquiond, "Emulation of FMA and
/// correctly rounded sums: proved algorithms using rounding to odd").
inline Half fusedHalf(Half a, Half b, Half c) {
  float product = static_cast<float>(a) * static_cast<float>(b), addend = c;
  float sum = product + addend;
  float shifted = sum - product;
  float error = (product - (sum - shifted)) + (addend - shifted);
  auto bits = std::bit_cast<uint32_t>(sum);
  // Towards the error, if that makes the last bit odd. A NaN's error is no number and compares so.
  uint32_t inexact = (error > 0) | (error < 0), even = ~bits & 1;
  uint32_t away = (error > 0) == (sum > 0) ? 1 : ~0u;
  bits += inexact & even ? away : 0;
  return static_cast<Half>(std::bit_cast<float>(bits));
}

/// Bits of v_cmp_class: signalling and quiet NaN, -inf, -normal, -denormal, -0, then positive.
template <typename T> unsigned classBit(T value) {
  if (isNan(value))
    return isSignalling(value) ? 0 : 1;
  bool negative = isNegative(value);
  T size =
      fromBits<T>(static_cast<typename FloatBits<T>::Bits>(bitsOf(value) & ~FloatBits<T>::sign));
  constexpr typename FloatBits<T>::Bits infinity =
      (FloatBits<T>::sign - 1) & ~(FloatBits<T>::quiet * 2 - 1);
  constexpr typename FloatBits<T>::Bits smallest = FloatBits<T>::quiet * 2;
  if (bitsOf(size) == infinity)
    return negative ? 2 : 9;
  if (bitsOf(size) == 0)
    return negative ? 5 : 6;
  if (bitsOf(size) < smallest)
    return negative ? 4 : 7;
  return negative ? 3 : 8;
}

} // namespace tawny::hipsim
