// The parts of a lowered module, found once.
#pragma once

#include "compiler/codegen/CodeObject.h"
#include "compiler/targets/Target.h"
#include "dialects/rt/Rt.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace tawny {

/// What `tawny-lower-to-rt` makes of a model for one target.
struct RtModule {
  mlir::ModuleOp module;
  rt::ExecutableOp executable;
  /// The step program first, then the decode programs by ascending number of sequences.
  llvm::SmallVector<rt::ProgramOp> programs;
};

/// Fails unless the module has one executable and one step program.
llvm::Expected<RtModule> readRtModule(mlir::ModuleOp module);

/// A module with its machine code: all that an artifact says about one target.
struct TargetProgram {
  const TargetInfo *target;
  RtModule rt;
  CodeObject code;
};

} // namespace tawny
