// Compiled without contraction to fused multiply-adds, which would make results depend on the
// machine.
#include "runtime/sampler/Sampler.h"

#include <bit>
#include <cassert>
#include <cmath>

namespace tawny {

/// 2^exponent for -1022 <= exponent <= 1023.
static double powerOfTwo(int exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

double portableExp(double x) {
  assert(x <= 0 && "weights are relative to the best candidate's");
  constexpr double underflow = -746;
  if (x < underflow)
    return 0;
  // x = n ln 2 + r with |r| <= ln(2) / 2. The high part of ln 2 has 32 significant bits, so n times
  // it is exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980).
  constexpr double log2e = 0x1.71547652b82fep+0;
  constexpr double ln2High = 0x1.62e42fee00000p-1, ln2Low = 0x1.a39ef35793c76p-33;
  double n = std::floor(x * log2e + 0.5);
  double r = (x - n * ln2High) - n * ln2Low;
  // The Taylor series up to r^13 / 13!; the next term is below 1e-17.
  constexpr double inverseFactorials[] = {1.0,
                                          1.0,
                                          1.0 / 2,
                                          1.0 / 6,
                                          1.0 / 24,
                                          1.0 / 120,
                                          1.0 / 720,
                                          1.0 / 5040,
                                          1.0 / 40320,
                                          1.0 / 362880,
                                          1.0 / 3628800,
                                          1.0 / 39916800,
                                          1.0 / 479001600,
                                          1.0 / 6227020800};
  double sum = 0;
  for (int i = 13; i >= 0; --i)
    sum = sum * r + inverseFactorials[i];
  // In two steps, because a subnormal result needs an exponent that has no normal power of two.
  int exponent = static_cast<int>(n);
  int half = exponent / 2;
  return sum * powerOfTwo(half) * powerOfTwo(exponent - half);
}

} // namespace tawny
