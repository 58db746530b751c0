// From LLVM IR to machine code, for every family of targets.
#pragma once

#include "compiler/codegen/Codegen.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetOptions.h"

namespace llvm {
class Module;
}

namespace tawny {

/// How a family wants its code made.
struct MachineOptions {
  llvm::OptimizationLevel optimisation;
  llvm::CodeGenOptLevel codegen;
  llvm::TargetOptions target;
  /// Whether LLVM orders machine instructions anew, or keeps the order of what emitters wrote.
  bool reorders = true;
};

/// Optimises a module for a target, whose backend the caller has initialised, and returns LLVM IR,
/// assembly or a relocatable object, by `stage`. Loops and straight-line code are not vectorised:
/// emitters chose the vectors.
llvm::Expected<std::string> emitMachineCode(llvm::Module &module, const TargetInfo &target,
                                            const MachineOptions &options, CodegenStage stage);

} // namespace tawny
