// The code generators as a pass, for tawny-opt.
#pragma once

namespace tawny {

/// Registers `tawny-compile{target=gfx908 emit=asm max-context=4096 output=FILE}`: compiles every
/// rt.executable of a module for a target (default: the one it names) and writes the text or the
/// code object to a file (default: standard output). `emit` is kernels, llvm, asm or object.
/// Executables stay as they are.
void registerCompilePass();

} // namespace tawny
