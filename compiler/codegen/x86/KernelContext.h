// What every emitter of this folder gets: the kernel, its tile, and its bindings by meaning.
#pragma once

#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/x86/DotKernels.h"
#include "compiler/codegen/x86/RotaryTable.h"
#include "compiler/codegen/x86/Simd.h"
#include "compiler/codegen/x86/StagedKernels.h"
#include "dialects/rt/Rt.h"

namespace tawny::x86 {

/// Tokens of a KV page. One vector of positions: K pages are [kvHead][headDim][16], so that
/// the scores of a page are one accumulator; V pages are [kvHead][headDim / w][16][w] with vectors
/// of w elements (vectorWidthFor), so that what adds up to one vector lies together. Elements are
/// f16, or f32 where the pool's type says so. Paired pages (hasPairedPages) keep two neighbours
/// together: [kvHead][headDim / 2][16][2] and [kvHead][headDim / 16][8][16][2].
inline constexpr int64_t pageTokens = 16;

/// One kernel body under construction. Emitters append to the builder's insertion point.
struct KernelContext {
  Simd &b;
  rt::KernelOp kernel;
  mlir::Operation *op; ///< The llm (or arith) op the kernel computes.
  const CodegenOptions &options;
  DotKernels &dots;
  StagedKernels &staged;
  RotaryTables &rotaryTables;
  Value tile;                              ///< i64
  mlir::SmallVector<Value> arguments = {}; ///< One pointer per entry of the kernel's bindings.

  /// The address of a binding.
  Value binding(rt::Source source, int64_t index = 0);
  /// The address of an operand of the op, which is an argument of the kernel's body.
  Value operand(Value value);
  Value result(int64_t index = 0) { return binding(rt::Source::Result, index); }
  /// Rows in use, i64.
  Value rowCount() { return b.loadIndex(binding(rt::Source::RowCount)); }
};

/// Columns of an activation or weight tensor.
int64_t columnsOf(Value tensor);
/// Bytes of one row of an activation tensor (f32 or a8).
int64_t activationRowBytes(Value tensor);
bool isQuantised(Value tensor);
/// The format of a weight tensor.
Format formatOf(Value weight);

/// The widest power of two up to 16 that divides `count`: the vector width of loops over a
/// dimension that must not be overrun.
int64_t vectorWidthFor(int64_t count);

/// Rounds 32 consecutive inputs (two vectors, from column `column`, i64) to int8 and writes codes,
/// scale and sums into the ActivationRow at `row`.
void storeQuantised(Simd &b, Value row, int64_t columns, Value column, Value first, Value second);

/// The kernel families. Each emits the body of a kernel that holds its op alone, as the table in
/// X86.cpp says.
void emitLinear(KernelContext &context);
void emitRmsNorm(KernelContext &context);
void emitAddRmsNorm(KernelContext &context);
void emitQuantize(KernelContext &context);
void emitElementwise(KernelContext &context);
void emitEmbed(KernelContext &context);
void emitLogitRows(KernelContext &context);
void emitRope(KernelContext &context);
void emitKvAppend(KernelContext &context);
void emitAttention(KernelContext &context);
void emitAttentionPart(KernelContext &context);
void emitAttentionMerge(KernelContext &context);

/// Rotates one head of f32 at `source` into `destination` (they must not overlap).
void rotateHead(KernelContext &context, llm::RopeAttr rope, Value source, Value destination,
                Value position);
/// Appends one head of keys or values (f32 at `source`) to token slot `slot` (i64) of the pool.
void appendKeyHead(KernelContext &context, llm::KvType pool, Value source, Value slot, Value head);
void appendValueHead(KernelContext &context, llm::KvType pool, Value source, Value slot,
                     Value head);

/// Whether pages keep pairs together, as VDPBF16PS takes them: where linears compute in int8 anyway
/// and the target has the instruction.
bool hasPairedPages(KernelContext &context, llm::KvType pool);

/// Bytes of an element of the pool.
inline int64_t elementBytes(llm::KvType pool) { return pool.getBits() / 8; }
/// Bytes of one head's part of a page of keys or of values.
inline int64_t headPageBytes(llm::KvType pool) {
  return pool.getHeadDim() * pageTokens * elementBytes(pool);
}
/// `count` elements of the pool as f32, and back: f16 saturates.
Value loadElements(Simd &b, llm::KvType pool, Value address, int64_t count);
void storeElements(Simd &b, llm::KvType pool, Value values, Value address);

/// The scalar epilogue or op, on vectors: clones `op` with its operands' shape.
mlir::Operation *vectorise(Simd &b, mlir::Operation *op, mlir::IRMapping &values);

} // namespace tawny::x86
