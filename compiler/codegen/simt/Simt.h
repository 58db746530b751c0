// A builder of code for one lane of a GPU: arith, scf and gpu on byte addresses. Pointers are
// !llvm.ptr because memrefs of dynamic size cannot cross a bare-pointer signature.
#pragma once

#include "compiler/targets/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <functional>

namespace tawny::simt {

using mlir::Type;
using mlir::Value;

/// Address spaces that AMDGPU and NVPTX number alike.
enum AddressSpace : unsigned { globalSpace = 1, sharedSpace = 3, constantSpace = 4 };

/// Of a kernel in gpu.func: the vector registers that a lane may have (KernelBody::laneRegisters).
constexpr llvm::StringLiteral laneRegistersAttr = "tawny.lane_registers";

/// What the backend of a family does in its own way.
struct Backend {
  /// Emits a barrier of the workgroup that orders accesses to shared memory alone: one that also
  /// orders global memory waits for all loads in flight.
  void (*sharedBarrier)(mlir::OpBuilder &builder, mlir::Location loc) = nullptr;
  /// Emits a point that the backend's scheduler moves nothing across; null where none is needed.
  void (*scheduleFence)(mlir::OpBuilder &builder, mlir::Location loc) = nullptr;
  /// Emits one operation of the matrix unit; Matrix::multiply says on what. Null without a unit.
  Value (*matrixMultiply)(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange a,
                          Value column, Value sums) = nullptr;
  /// Tells the compiler that a value is the same in all active lanes of a wave; null where it has
  /// no use for that. Emitters ask for it in divergent code too, where lanes cannot be exchanged.
  Value (*uniform)(mlir::OpBuilder &builder, mlir::Location loc, Value value) = nullptr;
  /// Emits Simt::permuteBytes.
  Value (*permuteBytes)(mlir::OpBuilder &builder, mlir::Location loc, Value high, Value low,
                        Value selector) = nullptr;
  /// Shared memory is one array whose size the launch gives; otherwise part of the kernel.
  bool hasLaunchedSharedMemory = false;
};

/// Emits at the builder's insertion point. Integers are i32 unless said otherwise; a byte offset
/// may be i32 (unsigned) or i64.
class Simt : public mlir::ImplicitLocOpBuilder {
public:
  Simt(mlir::Location loc, mlir::OpBuilder &builder, const TargetInfo &target,
       const Backend &backend);

  const TargetInfo &target;
  const Backend &backend;
  Type i8, i16, i32, i64, f16, f32;
  Type global, shared; ///< Pointers.

  // Arithmetic. Constants take the type of the other operand.
  Value i32c(int64_t value);
  Value i64c(int64_t value);
  Value f32c(double value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value divU(Value a, int64_t b);
  Value remU(Value a, int64_t b);
  Value minU(Value a, Value b);
  Value toI64(Value unsignedI32);
  Value equal(Value a, int64_t b);
  Value below(Value a, Value b); ///< Unsigned.
  Value below(Value a, int64_t b);
  Value both(Value a, Value b); ///< Of two i1.
  Value select(Value condition, Value a, Value b);
  Value addF(Value a, Value b);
  Value subF(Value a, Value b);
  Value mulF(Value a, Value b);
  Value divF(Value a, Value b);
  Value negF(Value a);
  Value fma(Value a, Value b, Value c);
  Value sqrt(Value a);
  Value exp2(Value a);          ///< Within 2 ulp; results that are subnormal may be zero.
  Value maxF(Value a, Value b); ///< The number, if one is none.
  /// f32, or a vector of it, to f16: beyond 65504 clamped, ties to even; NaN stays.
  Value saturateToF16(Value x);
  /// Picks four bytes of two i32, `low` (numbers 0 to 3) and `high` (4 to 7), by the bytes of the
  /// i32 `selector`, lowest first.
  Value permuteBytes(Value high, Value low, Value selector) {
    return backend.permuteBytes(*this, getLoc(), high, low, selector);
  }
  /// Element `index` of a vector.
  Value element(Value vector, int64_t index);

  // Memory.
  mlir::VectorType vectorOf(Type element, int64_t count);
  Value at(Value base, Value byteOffset);
  Value at(Value base, int64_t byteOffset);
  Value load(Type type, Value address, unsigned alignment);
  /// A load of memory that nothing writes while the kernel runs. From a uniform address it goes
  /// through the scalar unit.
  Value loadConstant(Type type, Value address, unsigned alignment);
  void store(Value value, Value address, unsigned alignment);

  // The workgroup.
  Value threadId();
  Value lane();
  /// The wave's number in the workgroup, in a form that the compiler knows to be uniform.
  Value wave();
  /// Orders accesses to shared memory.
  void barrier() { backend.sharedBarrier(*this, getLoc()); }
  /// The sum over the wave's lanes, in every lane.
  Value waveSum(Value value);
  /// The sum over each `lanes` consecutive lanes, a power of two up to the wave, in all of them.
  Value laneGroupSum(Value value, int64_t lanes);
  /// The f32 of the lane whose number differs in the bits of `mask`.
  Value shuffleXor(Value value, int64_t mask);

  /// Bounds how far the backend's scheduler may move loads ahead of their uses.
  void scheduleFence() {
    if (backend.scheduleFence)
      backend.scheduleFence(*this, getLoc());
  }

  // Control. Loops step upwards over i32, unsigned, below 2^31.
  using Body = std::function<void(Value index)>;
  void forRange(Value begin, Value end, int64_t step, const Body &body);
  using CarryBody = std::function<mlir::SmallVector<Value>(Value index, mlir::ValueRange carried)>;
  mlir::SmallVector<Value> forCarry(Value begin, Value end, int64_t step, mlir::ValueRange initial,
                                    const CarryBody &body);
  void ifElse(Value condition, const std::function<void()> &then,
              const std::function<void()> &otherwise = {});
  using Yield = std::function<mlir::SmallVector<Value>()>;
  mlir::SmallVector<Value> choose(Value condition, mlir::TypeRange types, const Yield &then,
                                  const Yield &otherwise);
};

} // namespace tawny::simt
