// How attention multiplies on x86: what a vector of keys or values is, and what it is multiplied
// by.
#pragma once

#include "compiler/codegen/x86/KernelContext.h"

namespace tawny::x86 {

/// The two products of attention, scores = q K and sums = p V. A vector of keys has 16 positions, a
/// vector of values `width` elements of a head; each lane is multiplied by *inputs* (of queries q
/// or weights p) that all lanes share.
///
/// In f32, a lane is one element and so is its input. Where pages hold pairs (hasPairedPages), a
/// lane is two f16, which become bf16 in three integer operations: the exponent of f16 keeps its
/// bits at the lower end of bf16's exponent, so that the operand is 2^-112 times the element. What
/// was not finite becomes finite, and only `--check`, which looks at pages, will tell; what was
/// subnormal is 0. Inputs are two bf16, scaled up so that neither they nor the products leave the
/// range of f32.
class AttentionProducts {
public:
  AttentionProducts(KernelContext &context, llm::KvType kv);

  int64_t depth() const { return isPaired ? 2 : 1; } ///< Products that a lane adds up at once.
  int64_t inputBytes() const { return isPaired ? 2 : 4; }
  /// Bytes of a vector of `lanes` keys or values.
  int64_t operandBytes(int64_t lanes) const { return lanes * depth() * elementBytes(kv); }
  /// `lanes` keys or values.
  Value operand(Value address, int64_t lanes);
  /// sums + operand * the depth() inputs at an address.
  Value multiply(Value sums, Value operand, Value input);
  /// Stores f32 as inputs.
  void storeInputs(Value values, Value address);

  /// Queries are stored times 2^queryExponent; scores come out times 2^-scoreExponent; weights are
  /// stored times 2^weightExponent; sums of values come out times 2^-sumExponent of what they are
  /// with weights so stored.
  int64_t queryExponent() const { return isPaired ? 96 : 0; }
  int64_t scoreExponent() const { return isPaired ? operandExponent - queryExponent() : 0; }
  int64_t weightExponent() const { return isPaired ? 64 : 0; }
  int64_t sumExponent() const { return isPaired ? operandExponent : 0; }

private:
  static constexpr int64_t operandExponent = 112; ///< Between the biases of bf16 and f16.

  Simd &b;
  llm::KvType kv;
  bool isPaired;
};

/// 2^(x + exponent) for x <= 0, at least 2^(exponent - 126), within 2e-7; NaN stays.
Value emitExp2(Simd &b, Value x, int64_t exponent);

} // namespace tawny::x86
