// The floating-point mode that kernels run in.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tawny {

/// While it lives, this thread rounds to nearest, masks all exceptions and takes subnormal numbers
/// for zero, whatever its program chose; then the thread has its own mode and flags back.
///
/// Subnormals are slow: with subnormal activations a dot kernel read weights at 2.7 instead of 38.8
/// GB/s (Emerald Rapids). They are also below anything that a model's numbers depend on. Other
/// processors than x86 keep the mode they have.
class FloatMode {
public:
#if defined(__x86_64__)
  FloatMode() : before(_mm_getcsr()) {
    _mm_setcsr(_MM_MASK_MASK | _MM_ROUND_NEAREST | _MM_FLUSH_ZERO_ON | denormalsAreZero);
  }
  ~FloatMode() { _mm_setcsr(before); }
#else
  FloatMode() {}
#endif
  FloatMode(const FloatMode &) = delete;
  FloatMode &operator=(const FloatMode &) = delete;

private:
#if defined(__x86_64__)
  /// _MM_DENORMALS_ZERO_ON, which is only declared with SSE3.
  static constexpr unsigned denormalsAreZero = 0x40;
  unsigned before;
#endif
};

} // namespace tawny
