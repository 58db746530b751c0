// The way from an executable to machine code that all GPUs share, and where families differ.
#pragma once

#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/simt/Simt.h"

#include "mlir/IR/BuiltinOps.h"

namespace llvm {
class Module;
}

namespace tawny::simt {

/// A family of GPUs: what makes its code different from that of others. The members are called in
/// the order in which they stand.
class Family {
public:
  virtual ~Family() = default;

  /// As in "no code on AMD GPUs".
  virtual llvm::StringRef name() const = 0;
  virtual const Backend &backend() const = 0;
  /// Loads the dialects of its own, and registers how they become LLVM IR.
  virtual void loadDialects(mlir::MLIRContext &context) const = 0;
  /// Rewrites what its conversion has no code for, and says what LLVM should know about kernels.
  virtual llvm::Error prepare(mlir::ModuleOp module, const TargetInfo &target) const = 0;
  /// Adds the passes that turn structured control flow's remains, vectors, arithmetic and the gpu
  /// dialect into its own dialect and LLVM's.
  virtual void addConversions(mlir::OpPassManager &kernels, const TargetInfo &target) const = 0;
  /// Completes the translated module.
  virtual void finish(llvm::Module &module, const TargetInfo &target) const = 0;
  /// Optimises the module and emits what the stage names.
  virtual llvm::Expected<std::string> emit(llvm::Module &module, const TargetInfo &target,
                                           CodegenStage stage) const = 0;
  /// Makes code.bytes of what emit() gave for Object, and tells each kernel's facts.
  virtual llvm::Error link(std::string emitted, const TargetInfo &target,
                           CodeObject &code) const = 0;
};

/// Compiles an executable for a target of the family; see compileAMDGPU and its kin. A kernel that
/// spills gets a warning.
llvm::Expected<CodeObject> compile(const Family &family, rt::ExecutableOp executable,
                                   const TargetInfo &target, const CodegenOptions &options);

} // namespace tawny::simt
