// A builder of 16-lane code: arith and vector on byte addresses. 16 lanes are one register on
// x86-64-v4 and two on v3; LLVM splits them. Pointers are !llvm.ptr because memrefs of dynamic size
// cannot cross a bare-pointer signature (docs/codegen.md).
#pragma once

#include "compiler/targets/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>

namespace tawny::x86 {

using mlir::Type;
using mlir::Value;

inline constexpr int64_t lanes = 16;

/// begin, begin + 1, … end - 1: lane numbers of a shuffle.
mlir::SmallVector<int64_t> laneNumbers(int64_t begin, int64_t end);

/// Where a prefetched line is to be kept; LLVM's locality hints.
enum class CacheLevel { Second = 2, First = 3 };

/// Emits into the builder's insertion point. Addresses are a pointer and an i64 byte offset.
class Simd : public mlir::ImplicitLocOpBuilder {
public:
  Simd(mlir::Location loc, mlir::OpBuilder &builder, const TargetInfo &target);

  const TargetInfo &target;
  Type i8, i16, i32, i64, f16, f32, pointer;
  mlir::VectorType i32x16, f32x16, f16x16, i8x64;

  /// A vector of `count` elements.
  mlir::VectorType vectorOf(Type element, int64_t count = lanes);

  // Constants and i64 arithmetic of addresses and counts.
  Value i64c(int64_t value);
  Value i32c(int64_t value);
  Value f32c(double value);
  Value i32s(uint32_t value); ///< i32 in all lanes.
  Value f32s(double value);   ///< f32 in all lanes.
  Value add(Value a, Value b);
  Value add(Value a, int64_t b) { return add(a, i64c(b)); }
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b) { return mul(a, i64c(b)); }
  Value divU(Value a, int64_t b);
  Value remU(Value a, int64_t b);
  Value minU(Value a, Value b);
  Value maxS(Value a, Value b);     ///< Signed.
  Value lessThan(Value a, Value b); ///< Signed i64.

  // Memory.
  Value at(Value base, Value byteOffset);
  Value at(Value base, int64_t byteOffset) { return at(base, i64c(byteOffset)); }
  Value load(Type type, Value address, unsigned alignment);
  /// Loads from memory that may be far: LLVM keeps the order of such loads among themselves.
  Value loadInOrder(Type type, Value address, unsigned alignment);
  void store(Value value, Value address, unsigned alignment);
  /// Asks for the cache line at an address, which need not be valid.
  void prefetch(Value address, CacheLevel level);
  /// An i32 in memory, sign-extended to i64.
  Value loadIndex(Value address);
  /// 16 f32 of which the first `count` (i64, may be over 16) are read; the rest are 0.
  Value loadFirst(Value address, Value count);
  /// Stores the first `count` (i64, may be over 16) of 16 f32.
  void storeFirst(Value vector, Value address, Value count);
  /// Stack memory of the enclosing function, 64-byte aligned.
  Value scratch(int64_t bytes);
  /// Lanes below `count` (i64).
  Value laneMask(Value count);

  // 16 lanes of f32 and i32.
  Value splat(Value scalar);
  Value splatF32At(Value address) { return splat(load(f32, address, 4)); }
  Value fma(Value a, Value b, Value c);
  Value addF(Value a, Value b);
  Value subF(Value a, Value b);
  Value mulF(Value a, Value b);
  Value divF(Value a, Value b);
  /// The greater of the two; b where either is NaN. One instruction, which arith's are not.
  Value greaterOf(Value a, Value b);
  Value toF32(Value halves);    ///< f16 lanes to f32.
  Value saturateToF16(Value x); ///< f32 lanes to f16, beyond 65504 clamped, ties to even.
  Value sumLanes(Value vector); ///< Of 16 lanes, in a fixed tree.
  Value shuffle(Value vector, mlir::ArrayRef<int64_t> order);
  Value extract(Value vector, int64_t lane);
  /// The greatest of 16 lanes; NaN is passed over.
  Value greatestLane(Value vector);
  /// The largest magnitude of all lanes of two vectors; NaN if one of them is.
  Value greatestMagnitude(Value first, Value second);
  /// sums[lane] += the products of the lane's two bf16 in `a` and in `c`, with VDPBF16PS.
  Value dotBf16(Value sums, Value a, Value c);

  /// acc[lane] += sum over the 4 bytes of the lane of codes (unsigned, below 2^codeBits) times
  /// `quad` (signed bytes in one i32, the same for every lane), with the target's best instruction.
  Value dotBytes(Value acc, Value codes, Value quad, unsigned codeBits);

  /// Entry `byte` of a table of 16 for each byte, all of them below 16, of 16 lanes of i32 or one.
  Value lookupBytes(Value bytes, mlir::ArrayRef<uint8_t> table);

  // Control. The loops step upwards over i64; `forCarry` carries values.
  using Body = std::function<void(Value index)>;
  void forRange(Value begin, Value end, int64_t step, const Body &body);
  using CarryBody = std::function<mlir::SmallVector<Value>(Value index, mlir::ValueRange carried)>;
  mlir::SmallVector<Value> forCarry(Value begin, Value end, int64_t step, mlir::ValueRange initial,
                                    const CarryBody &body);
  void ifElse(Value condition, const std::function<void()> &then,
              const std::function<void()> &otherwise = {});

private:
  Value dotBytesAvx(Value acc, Value codes, Value quad);
  Value intrinsic(llvm::StringRef name, Type result, mlir::ValueRange arguments);
};

} // namespace tawny::x86
