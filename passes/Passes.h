// The passes between an imported model and its program; Passes.td documents each.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tawny {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

/// Registers every pass of Passes.td and every pipeline of Pipelines.h under its name.
void registerTawnyPasses();

} // namespace tawny
