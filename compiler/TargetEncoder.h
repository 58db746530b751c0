// One target of an artifact: its programs and kernels as FlatBuffers objects.
#pragma once

#include "compiler/RtModule.h"
#include "runtime/artifact_generated.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace tawny {

/// Encodes a target whose code is segment `codeSegment`. `weights` maps the module's `llm.weight`
/// symbols to entries of the artifact's weight table. Fails where the code object lacks a kernel
/// that the module has.
llvm::Expected<std::unique_ptr<fb::TargetT>>
encodeTarget(const TargetProgram &target, uint32_t codeSegment,
             const llvm::DenseMap<mlir::StringAttr, uint32_t> &weights);

} // namespace tawny
