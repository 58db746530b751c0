// What the compiler does when it is told to stop, or when its input goes away.
#pragma once

namespace tawny {

/// Installs handlers, once, after llvm::InitLLVM has installed its own:
///   SIGINT, SIGTERM   unfinished files are removed, a line says so, and the process ends by the
///                     signal, so that shells see 130 and 143
///   SIGBUS            of a page of a mapped file that cannot be read, because the file has become
///                     shorter or its disk failed: the same, with exit status 1
///   SIGXFSZ           ignored: a file that grows too large is an error of the write
void installSignalHandlers();

} // namespace tawny
