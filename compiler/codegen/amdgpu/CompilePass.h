// The AMDGPU code generator as a pass, for tawny-opt.
#pragma once

namespace tawny {

/// Registers `tawny-compile-amdgpu{chip=gfx1151 emit=asm output=FILE}`: compiles every
/// rt.executable of a module for a chip and writes the text or the code object to a file (default:
/// standard output). `emit` is kernels, llvm, asm or object. Executables stay as they are.
void registerAmdgpuPasses();

} // namespace tawny
