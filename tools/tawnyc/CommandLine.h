// The command line of tawnyc.
#pragma once

#include "compiler/Compile.h"

#include "llvm/Support/Error.h"

namespace tawny {

/// What a command line asks for.
struct CommandLine {
  CompileOptions compile;
  bool quiet = false; ///< Neither a progress bar nor a summary.
};

/// Parses the command line, MLIR's own options included. `--help` and `--version` print and exit.
/// Every error is one of usage.
llvm::Expected<CommandLine> parseCommandLine(int argc, char **argv);

} // namespace tawny
