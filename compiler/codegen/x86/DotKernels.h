// The inner product of 16 weight rows with a few activation rows: the code every linear of a
// target shares, one function per weight format, activation type and number of rows.
#pragma once

#include "compiler/codegen/x86/Simd.h"
#include "dialects/formats/Formats.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace tawny::x86 {

/// Makes dot functions on demand, in one module:
///
///   func @dot.<format>.<a8|f32>.t<tokens>(tile, columns, x, xStride, acc, accStride)
///
/// `tile` is a tile of layout simd16; `x` the first activation row (f32, or ActivationRow bytes),
/// `xStride` bytes apart; row `t` of `acc` gets f32[16], `accStride` bytes apart. Every number of
/// rows adds in the same order, so a row's result does not depend on its neighbours.
class DotKernels {
public:
  DotKernels(mlir::ModuleOp module, const TargetInfo &target) : module(module), target(target) {}

  /// The function for `tokens` rows of activations; `quantised` says that they are a8.
  mlir::func::FuncOp get(Format format, bool quantised, unsigned tokens);

  /// Numbers of rows there are functions for, descending to 1: any count is a sum of them.
  mlir::ArrayRef<unsigned> tokenChunks() const;

private:
  mlir::ModuleOp module;
  const TargetInfo &target;
};

} // namespace tawny::x86
