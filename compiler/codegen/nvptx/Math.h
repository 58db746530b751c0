// Mathematical functions on NVIDIA GPUs, without libdevice.
#pragma once

#include "mlir/IR/PatternMatch.h"

namespace tawny::nvptx {

/// Rewrites f32 `math` ops, and those of `arith` that would call libdevice, scalars and vectors, to
/// instructions of PTX:
///   exp        within 3 ulp over all of f32: ex2.approx, which is within 2, on a reduced argument
///   exp2       within 2 ulp: ex2.approx
///   tanh       in terms of exp
///   rsqrt      1 / sqrt, both rounded to nearest
///   sqrt, fma  rounded to nearest
///   roundeven, floor, ceil, trunc, absf, minnumf, maxnumf     exact
/// (PTX ISA, Floating Point Instructions.) What is left would call libdevice after the conversion,
/// and is refused by name.
void populateMathPatterns(mlir::RewritePatternSet &patterns);

} // namespace tawny::nvptx
