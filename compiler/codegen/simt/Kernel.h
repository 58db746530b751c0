// What every SIMT kernel family shares: how a kernel is launched, what it is bound to, and the body
// that an emitter fills. A body gets its tile index as an argument and never reads the grid, so
// that a persistent kernel can call it; the launch wrapper around it does.
#pragma once

#include "compiler/codegen/CodeObject.h"
#include "compiler/codegen/simt/Simt.h"
#include "dialects/llm/Llm.h"
#include "dialects/rt/Rt.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace tawny::simt {

/// The bindings of a kernel as pointers, by what they are.
class Bindings {
public:
  /// `pointers` are in the order of the kernel's binding list.
  Bindings(rt::KernelOp kernel, mlir::ValueRange pointers);
  /// Bindings that have no other name than their place.
  explicit Bindings(mlir::ValueRange pointers) : pointers(pointers.begin(), pointers.end()) {}

  /// Of the tensor that a block argument of the kernel's body stands for.
  Value operand(Value blockArgument) const;
  Value result(unsigned index) const;
  /// By its place in the list.
  Value at(size_t index) const { return pointers[index]; }
  /// Of another source; requireSources has found that it is there.
  Value source(rt::Source source) const;

private:
  Value find(rt::Source source, int64_t index) const;

  mlir::ArrayAttr bindings; ///< rt::ArgumentAttr.
  mlir::SmallVector<Value> pointers;
};

/// How a kernel runs and what it consists of. Its tiles are those of passes/KernelShapes.h.
struct KernelBody {
  unsigned threads = 0;    ///< Of a workgroup: whole waves.
  int64_t sharedBytes = 0; ///< LDS (shared memory) of a workgroup.
  /// Vector registers that a lane is given, at most: with more of them, fewer waves hide each
  /// other's waits. 0: as many as suit most kernels.
  unsigned laneRegisters = 0;
  /// Emits the body: the tile index (uniform i32), the bindings, and the workgroup's memory,
  /// aligned to 16 bytes (null where sharedBytes is 0).
  std::function<void(Simt &b, Value tile, const Bindings &bindings, Value shared)> emit;
};

/// An error unless the kernel is bound to each of the sources.
llvm::Error requireSources(rt::KernelOp kernel, llvm::ArrayRef<rt::Source> sources);

/// `kernel 'name': message`, as an error.
llvm::Error kernelError(rt::KernelOp kernel, const llvm::Twine &message);

// The families. Errors name the kernel.

/// Plans a kernel whose body is that linear alone; Linear.cpp has the loop nest.
llvm::Expected<KernelBody> planLinear(rt::KernelOp kernel, llm::LinearOp op,
                                      const TargetInfo &target);
/// Plans a kernel whose body is that norm alone; Norm.cpp has the loop nest.
llvm::Expected<KernelBody> planNorm(rt::KernelOp kernel, llm::RmsNormOp op,
                                    const TargetInfo &target);
/// The same with the addition ahead of the norm.
llvm::Expected<KernelBody> planNorm(rt::KernelOp kernel, llm::AddRmsNormOp op,
                                    const TargetInfo &target);

/// Plans a kernel whose body is that op alone; Embed.cpp has the loop nest.
llvm::Expected<KernelBody> planEmbed(rt::KernelOp kernel, llm::EmbedOp op,
                                     const TargetInfo &target);
/// Rotary.cpp has the loop nest.
llvm::Expected<KernelBody> planRope(rt::KernelOp kernel, llm::RopeOp op, const TargetInfo &target);

/// Whether an op is arithmetic on the elements of activations, which planElementwise has code for.
bool isElementwise(mlir::Operation *op);
/// Rowwise.cpp has the loop nest of these.
llvm::Expected<KernelBody> planElementwise(rt::KernelOp kernel, mlir::Operation *op,
                                           const TargetInfo &target);
llvm::Expected<KernelBody> planQuantize(rt::KernelOp kernel, llm::QuantizeOp op,
                                        const TargetInfo &target);
llvm::Expected<KernelBody> planLogitRows(rt::KernelOp kernel, llm::LogitRowsOp op,
                                         const TargetInfo &target);
llvm::Expected<KernelBody> planKvAppend(rt::KernelOp kernel, llm::KvAppendOp op,
                                        const TargetInfo &target);

/// Plans attention of blocks of rows; Attention*.cpp have the loop nests. `maxContext` sizes a row
/// of the block tables.
llvm::Expected<KernelBody> planAttention(rt::KernelOp kernel, llm::AttentionOp op,
                                         const TargetInfo &target, uint64_t maxContext);
/// The same of ranges of single rows' contexts.
llvm::Expected<KernelBody> planAttention(rt::KernelOp kernel, llm::AttentionPartOp op,
                                         const TargetInfo &target, uint64_t maxContext);
/// Plans the kernel that makes one of the ranges; AttentionMerge.cpp has the loop nest.
llvm::Expected<KernelBody> planAttentionMerge(rt::KernelOp kernel, llm::AttentionMergeOp op,
                                              const TargetInfo &target);
/// TopK.cpp has the loop nest.
llvm::Expected<KernelBody> planTopK(rt::KernelOp kernel, llm::TopKOp op, const TargetInfo &target);

/// One kernel of a gpu.module.
struct EmittedKernel {
  std::string name; ///< Of the rt.kernel, and of its entry point.
  unsigned threads;
  int64_t sharedBytes; ///< Of a workgroup.
};

/// What to do about a kernel whose family has no emitter yet.
enum class Missing {
  Refuse, ///< An error that names it: a program needs all of its kernels.
  Skip,   ///< A warning; the other kernels can be read without it.
};

/// Emits the kernels of an executable into an empty gpu.module: for each a private body
/// `(tile, bindings…, shared)` and the kernel that calls it. `maxContext` is that of
/// CodegenOptions.
llvm::Expected<std::vector<EmittedKernel>>
emitKernels(rt::ExecutableOp executable, const TargetInfo &target, const Backend &backend,
            uint64_t maxContext, Missing missing, mlir::gpu::GPUModuleOp module);

/// Emits the kernels that measure the machine behind them, as entry points probe_read and
/// probe_peak.
ProbeCode emitProbes(rt::ExecutableOp executable, const TargetInfo &target, const Backend &backend,
                     mlir::gpu::GPUModuleOp module);

} // namespace tawny::simt
