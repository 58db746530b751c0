// How the integer products of int8 weights and inputs turn into a part of a linear's sum: the
// factors of a block's weights, in registers or in memory, and those of the inputs it meets. Every
// kernel that multiplies int8 does it here, so all of them give the same bits.
//
// 32 inputs, an *input group*, share a scale. They meet one weight group of 32 of a row,
//
//   sum += scale[g] * input.scale * dot[g] + min[g] * input.sum[g]               (minima negated)
//
// or two of 16, g and h of a block, which are scaled in integers:
//
//   block += input.scale * (integer[g] * dot[g] + integer[h] * dot[h])      from 0 in every block
//   sum += scale * block + sum over all groups g of the block of min[g] * input.sum[g]
//
// Beside VPDPBUSD that is two operations on the unit that does them, or three for two groups (an
// integer product costs it as much as a multiply-add), and one for each minimum. Where
// Bias::isInteger there are no minima: a dot product starts with the bias times the input's offset.
#pragma once

#include "compiler/codegen/x86/VectorDecode.h"
#include "dialects/formats/Activations.h"
#include "dialects/formats/Decode.h"

#include <functional>

namespace tawny::x86 {

/// How many groups of the format's weights an input group meets.
inline unsigned groupsPerInput(const FormatInfo &format) {
  return ActivationRow::groupElements / format.groupElements;
}

/// Whether products are scaled by integers, and added up, before they are floats: where two weight
/// groups share an input's scale.
inline bool scalesInIntegers(const FormatInfo &format) { return groupsPerInput(format) > 1; }

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

/// The factors of a block of 16 rows, made or loaded when they are asked for. In memory, planes of
/// 16 numbers for each group:
///
///   f32 scales[groups], f32 mins[groups]                 mins but where Bias::isInteger
///   f32 scale, i32 integers[groups], f32 mins[groups]    where scalesInIntegers
class BlockFactors {
public:
  /// Of `weights`, a block as in Decode.h, which must outlive this.
  template <typename Block>
  static BlockFactors decoded(Simd &b, const FormatInfo &format, Block &weights);
  /// Those in memory at `address`. With one that is `g * groupBytes` further on, group 0 stands for
  /// group g.
  static BlockFactors stored(Simd &b, const FormatInfo &format, Value address);
  /// Bytes in memory.
  static int64_t bytes(const FormatInfo &format);
  static constexpr int64_t groupBytes = lanes * 4;

  void store(Simd &b, Value address) const;

  /// Of a group; where scalesInIntegers, that of the block.
  Value scale(unsigned group) const { return vector(scalesInIntegers(format) ? 0 : group); }
  Value integer(unsigned group) const { return vector(1 + group); }
  /// Minus the minimum.
  Value min(unsigned group) const { return vector(firstMin(format) + group); }

private:
  BlockFactors(const FormatInfo &format, std::function<Value(unsigned)> vector)
      : format(format), vector(std::move(vector)) {}
  static unsigned firstMin(const FormatInfo &format) {
    return format.groups() + (scalesInIntegers(format) ? 1 : 0);
  }

  const FormatInfo &format;
  std::function<Value(unsigned)> vector; ///< By place in memory.
};

/// The inputs that meet a block, or a part of one, of any row of a8 (ActivationRow).
class BlockInputs {
public:
  /// Those that begin at column `first` (i64) of rows of `columns` (i64).
  BlockInputs(Simd &b, const FormatInfo &format, const Bias &bias, Value columns, Value first);

  /// What the dot product of weight group `group` begins with (i32 x 16).
  Value start(unsigned group, Value row) const;
  /// What a row carries through a block before which its sum is `sum`.
  Value begin(Value sum) const;
  /// `carried` and what input group `group` adds to it; `dots` are those of its weight groups.
  Value add(Value carried, unsigned group, llvm::ArrayRef<Value> dots, const BlockFactors &factors,
            Value row) const;
  /// The sum after a block before which it was `sum`, from what has been carried through it.
  Value end(Value sum, Value carried, const BlockFactors &factors, Value row) const;

private:
  Value addMin(Value sum, unsigned group, const BlockFactors &factors, Value row) const;
  Value at(Value row, Value offset, unsigned index) const {
    return b.at(b.at(row, offset), int64_t{index} * 4);
  }

  Simd &b;
  const FormatInfo &format;
  const Bias &bias;
  // In bytes, from the row's beginning.
  Value scaleOffset;
  Value sumOffset; ///< Of the first weight group's sum; of its offset where Bias::isInteger.
};

template <typename Block>
BlockFactors BlockFactors::decoded(Simd &b, const FormatInfo &format, Block &weights) {
  return {format, [&b, &format, &weights](unsigned place) -> Value {
            DecodeOps ops{b, true};
            Format kind = format.format;
            if (place >= firstMin(format)) {
              auto affine = decodeGroup(kind, ops, weights, place - firstMin(format));
              return mlir::arith::NegFOp::create(b, affine.min);
            }
            if (!scalesInIntegers(format))
              return decodeGroup(kind, ops, weights, place).scale;
            if (place == 0)
              return decodeScaleFactor(kind, ops, weights);
            Value code = decodeScaleCode(kind, ops, weights, place - 1);
            uint32_t bias = scaleBias(kind);
            return bias ? ops.addI(code, ops.constant(-bias)) : code;
          }};
}

} // namespace tawny::x86
