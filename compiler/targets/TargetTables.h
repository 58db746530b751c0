// The tables that make up allTargets(), one per vendor.
#pragma once

#include "compiler/targets/Target.h"

namespace tawny {

/// x86 processors, the most capable first.
llvm::ArrayRef<TargetInfo> x86Targets();
/// AMD GPUs.
llvm::ArrayRef<TargetInfo> amdTargets();
/// NVIDIA GPUs, the latest architecture first.
llvm::ArrayRef<TargetInfo> nvidiaTargets();

/// The name of the best x86 row that this machine can run; an error where it can run none.
llvm::Expected<llvm::StringRef> hostTarget();

} // namespace tawny
