// Turns MLIR's diagnostics into errors.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"

#include <mutex>
#include <string>

namespace tawny {

/// While it lives, keeps what passes report as errors (with their notes) instead of printing it.
/// Warnings and remarks are printed as ever. The op at fault is not part of an error: a program is
/// one op, and prints in pages. Passes may report from several threads.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext &context);
  ~DiagnosticCollector();

  /// The errors since the last call, after the name of what failed.
  llvm::Error takeError(llvm::StringRef what);
  /// `error`, and what was reported on top of it, if anything was.
  llvm::Error addTo(llvm::Error error);

private:
  mlir::LogicalResult handle(mlir::Diagnostic &diagnostic);

  mlir::MLIRContext &context;
  bool printedOps; ///< What the context did before.
  std::mutex mutex;
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace tawny
