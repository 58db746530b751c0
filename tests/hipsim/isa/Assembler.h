// LLVM's assembler for AMD GPUs, in process.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tawny::hipsim::test {

/// Appends the .text of the assembled code. Returns what the assembler says, nothing if all is
/// well.
std::string assembleInto(const std::string &chip, const std::string &code,
                         std::vector<std::byte> &bytes);

} // namespace tawny::hipsim::test
