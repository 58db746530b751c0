// Names of kernels and labels of dispatches, made for people who read IR, reports and profiles.
#pragma once

#include "dialects/rt/Rt.h"

#include <string>

namespace tawny {

/// A name for the kernel that computes `op`: what it does, in which formats, at which size, as in
/// `linear_q4_k_q4_k_q6_k_512x256_rope`. Different kernels may get the same.
std::string kernelName(mlir::Operation *op, rt::Extent rows);

/// A label for the dispatch that takes the place of `op`: the common name of the weights it reads,
/// as in `blk.0.attn_qkv`, or the op's name and its layer, as in `attention.0`.
std::string dispatchLabel(mlir::Operation *op);

} // namespace tawny
