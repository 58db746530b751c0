// The targets this compiler knows, as a table of plain facts.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace tawny {

/// Which code generator makes the kernels of a target.
enum class TargetFamily { X86, AMDGPU, NVPTX };

/// How a GPU multiplies matrices of f16 with sums in f32; `compiler/codegen/simt/Matrix.h` says
/// which lane holds what.
enum class MatrixUnit {
  None,
  WmmaReplicated, ///< 16x16x16 on waves of 32 whose halves hold the same inputs (RDNA 3).
  WmmaSplit,      ///< 16x16x16 on waves of 32 whose halves hold a half of the depth each (RDNA 4).
  Mfma,           ///< 16x16x16 on waves of 64 (CDNA).
  MmaSync,        ///< 16x8x16 on warps of 32 (sm_80 and later).
};

/// What a vendor states of one product. Zeros stand for what no document states.
struct Product {
  llvm::StringRef
      name; ///< With the document where the numbers are, if it is not the product's own.
  unsigned computeUnits; ///< Compute units (AMD), streaming multiprocessors (NVIDIA).
  unsigned clockMHz;     ///< Highest clock (boost, peak engine).
  unsigned memoryGBs;    ///< Memory bandwidth, 10^9 bytes per second.
};

/// How far ahead of the weights it decodes a CPU kernel asks for more, in bytes; 0: not at all.
struct PrefetchDistances {
  int64_t near = 0; ///< Into the first cache.
  int64_t far = 0;  ///< Into the second.
};

/// Which distances are best for which of a CPU's kernels.
struct CpuPrefetch {
  PrefetchDistances loops;       ///< Those that do much with each line: several tokens.
  PrefetchDistances busyStreams; ///< Those that load line after line and scale groups of 16.
  PrefetchDistances streams;     ///< Those that do little but load line after line.
};

/// One row of the target table. Facts that only one family has are 0 or empty in the others.
struct TargetInfo {
  llvm::StringRef name; ///< As on the command line: x86-64-v4, gfx1151.
  TargetFamily family;
  llvm::StringRef device; ///< The runtime's device: cpu, hip, cuda.
  llvm::StringRef layout; ///< The matrix layout its kernels read (dialects/formats/Layouts.h).
  llvm::StringRef triple;
  llvm::StringRef cpu;      ///< LLVM's processor name.
  llvm::StringRef features; ///< LLVM features on top of the processor's: "+a,-b".
  /// What the processor must report, in the runtime's words (Target.features of the artifact).
  llvm::ArrayRef<llvm::StringRef> required;
  /// What `--activations=auto` means: i8, f16 or f32.
  llvm::StringRef activations;

  // x86: vectors and the int8 dot product.
  unsigned vectorBits; ///< Widest vector that is fast: 256 or 512.
  bool vnni;           ///< VPDPBUSD on vectors of vectorBits.

  // GPUs.
  unsigned waveSize;        ///< Lanes of a wave (warp).
  unsigned sharedBytes;     ///< LDS (shared memory) of a workgroup, bytes.
  unsigned vectorRegisters; ///< Most vector registers a lane may use without spilling.
  MatrixUnit matrix;
  /// One instruction adds four products of int8 to an int32.
  bool dotI8;
  /// One instruction adds two products of f16 to an f32.
  bool dotF16;
  /// The product with most compute units, for predictions.
  Product product;
  llvm::StringRef source; ///< The vendor document these facts come from.

  /// x86: measured (docs/benchmarks.md).
  CpuPrefetch prefetch = {};
};

/// All rows, in the order in which the runtime prefers them for one device.
llvm::ArrayRef<TargetInfo> allTargets();

/// The target of that name. `cpu` is the best x86 row this machine can run. The error lists the
/// names there are.
llvm::Expected<const TargetInfo *> findTarget(llvm::StringRef name);

} // namespace tawny
