// The entry points of the code generators, one per family of targets.
#pragma once

#include "compiler/codegen/CodeObject.h"
#include "compiler/targets/Target.h"
#include "dialects/rt/Rt.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"

#include <functional>

namespace tawny {

/// Where code generation ends. Each stage but the last gives text in CodeObject::bytes and no
/// kernels.
enum class CodegenStage {
  Kernels,  ///< MLIR: the executable with its kernels in upstream dialects.
  Llvm,     ///< LLVM IR after its optimiser.
  Assembly, ///< The target's assembly.
  Object,   ///< Linked machine code.
};

/// What the driver asks of every code generator.
struct CodegenOptions {
  CodegenStage stage = CodegenStage::Object;
  /// Positions a sequence may have: sizes the rotation tables and a row of the block tables. The
  /// same bound as the step table's; 0 is refused.
  uint64_t maxContext = 0;
  /// Called with every pass manager before it runs, so that MLIR's own options reach it. May be
  /// empty; a failure has been reported as a diagnostic.
  std::function<llvm::LogicalResult(mlir::PassManager &)> configure;
};

/// Compiles the kernels of one executable. The executable's bodies may be replaced on the way; its
/// `rt.kernel`s and their order stay.
using Codegen = llvm::Expected<CodeObject> (*)(rt::ExecutableOp executable,
                                               const TargetInfo &target,
                                               const CodegenOptions &options);

/// The code generator of each family; null where this build has none.
struct CodegenTable {
  Codegen x86 = nullptr;
  Codegen amdgpu = nullptr;
  Codegen nvptx = nullptr;

  Codegen operator[](TargetFamily family) const {
    switch (family) {
    case TargetFamily::X86:
      return x86;
    case TargetFamily::AMDGPU:
      return amdgpu;
    case TargetFamily::NVPTX:
      return nvptx;
    }
    return nullptr;
  }
};

/// x86: a shared object of `CpuKernel` functions (runtime/KernelAbi.h) without external symbols.
llvm::Expected<CodeObject> compileX86(rt::ExecutableOp executable, const TargetInfo &target,
                                      const CodegenOptions &options);
/// AMD GPUs: a code object of HIP kernels.
llvm::Expected<CodeObject> compileAMDGPU(rt::ExecutableOp executable, const TargetInfo &target,
                                         const CodegenOptions &options);
/// NVIDIA GPUs: a cubin with its PTX to fall back on, or PTX alone where there is no ptxas. Shared
/// memory is KernelCode::sharedBytes of dynamic memory at the launch.
llvm::Expected<CodeObject> compileNVPTX(rt::ExecutableOp executable, const TargetInfo &target,
                                        const CodegenOptions &options);

} // namespace tawny
