// Products of many activation rows with weights that are decoded once: the code that prefill and
// large batches share, where DotKernels would decode the same weights for every few rows.
#pragma once

#include "compiler/codegen/x86/WeightGroups.h"
#include "dialects/formats/Formats.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace tawny::x86 {

/// Weights in the making: StagedKernels::rowGroups groups of 16 rows, at most `stageColumns`
/// columns, decoded to the first cache.
///
///   codes    u8   [row group][column / 4][16 rows][4 columns]
///   factors       [row group][block], BlockFactors
inline constexpr int64_t stageColumns = 512;

/// Makes two kinds of functions on demand, in one module:
///
///   func @stage.<format>(tile, firstBlock, blocks, codes, factors)
///
/// decodes blocks of 16 rows, a tile of layout simd16 with `columns` columns, into a row group's
/// share of the stage;
///
///   func @multiply.<kind of format>.t<tokens>(codes, factors, stagedColumns, columns,
///                                              firstColumn, x, xStride, acc, accStride,
///                                              prefetched)
///
/// adds to `acc`, f32 [tokens][row groups * 16] with rows `accStride` bytes apart, the products of
/// the staged columns with the same columns of `tokens` rows of a8 (ActivationRow), which start at
/// `x` and are `xStride` bytes apart; meanwhile it asks for the `prefetchedBytes` at `prefetched`,
/// evenly, since a burst of prefetches stops a processor until memory has answered. Every token's
/// sums are added in the order of DotKernels, so both give the same bits.
class StagedKernels {
public:
  StagedKernels(mlir::ModuleOp module, const TargetInfo &target) : module(module), target(target) {}

  mlir::func::FuncOp stage(Format format);
  mlir::func::FuncOp multiply(Format format, unsigned tokens);

  /// Groups of 16 rows that are multiplied at once.
  int64_t rowGroups() const;
  /// Numbers of tokens there are functions for, descending to 1.
  mlir::ArrayRef<unsigned> tokenChunks(Format format) const;

  /// Bytes that a multiply function of a whole stage prefetches.
  static constexpr int64_t prefetchedBytes = 4096;

  /// Bytes of one row group's share of the stage.
  static int64_t codesBytes() { return stageColumns * lanes; }
  static int64_t factorsBytes(const FormatInfo &format) {
    return stageColumns / format.blockElements * BlockFactors::bytes(format);
  }

private:
  mlir::func::FuncOp create(const std::string &name, mlir::ArrayRef<Type> arguments,
                            const std::function<void(Simd &, mlir::ValueRange)> &emit);

  mlir::ModuleOp module;
  const TargetInfo &target;
};

} // namespace tawny::x86
