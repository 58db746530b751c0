// AMD's code-object manager, where it is installed.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tawny::amdgpu {

/// Links one relocatable object for a chip into a code object: with comgr if it is installed and
/// knows the chip, else with lld. Errors carry the linker's log.
llvm::Expected<std::string> linkCodeObject(llvm::StringRef object, llvm::StringRef chip);

} // namespace tawny::amdgpu
