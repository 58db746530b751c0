// Groups of weights that share a scale and a minimum: their factors in memory, and how these turn
// a group's integer product into a part of a linear's sum. Every kernel that multiplies int8 does
// it here, so all of them give the same bits.
#pragma once

#include "compiler/codegen/x86/VectorDecode.h"
#include "dialects/formats/Decode.h"

namespace tawny::x86 {

/// Bytes of a group's factors in memory: f32 [scale, minus min][16 rows].
inline constexpr int64_t affineBytes = 2 * lanes * 4;

/// A group's factors from what decodeGroup gave: scale and, as `min`, minus the minimum.
Affine<Value> factorsOf(Simd &b, Affine<Value> decoded);

/// Decodes the factors of all groups of a block and stores them at `address`, one group after
/// another; the minima's place stays as it is if not `hasMins`.
void storeAffines(Simd &b, const FormatInfo &format, TileBlock &weights, Value address,
                  bool hasMins);

/// The factors at `address`, as factorsOf gave them.
Affine<Value> loadAffine(Simd &b, Value address);

/// How a bias leaves the products of a function: in integers, as a row's offset times the bias,
/// where that is a shift or where the minimum would be beyond f32; else as a minimum does. The
/// factor has a form that LLVM cannot look into: it would turn a load that broadcasts and a shift
/// into a scalar shift and two moves, and with them the advantage over a multiply-add is gone.
class Bias {
public:
  Bias() = default;
  /// At the beginning of a function.
  Bias(Simd &b, const FormatInfo &format);
  /// i32 x 16 times the bias.
  Value times(Simd &b, Value offsets) const;

  static bool isInteger(const FormatInfo &format);

private:
  Value factor;
  bool isShift = false;
};

/// One group's inputs, of any row of a8 (ActivationRow).
class GroupInputs {
public:
  /// The group of `format` that begins at column `first` (i64) of rows of `columns` (i64).
  GroupInputs(Simd &b, const FormatInfo &format, Value columns, Value first);

  /// sum + scale * row.scale * dot - min * row.sum, for the row at `row`; `dot` is i32 x 16 and
  /// `affine` of factorsOf.
  Value addTo(Value sum, Value dot, Affine<Value> affine, const Bias &bias, Value row) const;

private:
  Simd &b;
  const FormatInfo &format;
  // In bytes, from the row's beginning.
  Value scaleOffset;
  Value sumOffset; ///< Of the sum, or of the offset where the bias isInteger.
};

} // namespace tawny::x86
