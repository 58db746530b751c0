#include "compiler/Diagnostics.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

namespace tawny {

DiagnosticCollector::DiagnosticCollector(mlir::MLIRContext &context)
    : context(context), printedOps(context.shouldPrintOpOnDiagnostic()),
      handler(&context, [this](mlir::Diagnostic &diagnostic) { return handle(diagnostic); }) {
  context.printOpOnDiagnostic(false);
}

DiagnosticCollector::~DiagnosticCollector() { context.printOpOnDiagnostic(printedOps); }

mlir::LogicalResult DiagnosticCollector::handle(mlir::Diagnostic &diagnostic) {
  if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Remark)
    return mlir::failure();
  std::lock_guard lock(mutex);
  if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning) {
    llvm::errs() << "warning: " << diagnostic << '\n'; // MLIR prints errors alone by itself
    return mlir::success();
  }
  llvm::raw_string_ostream stream(text);
  auto append = [&](mlir::Diagnostic &part) {
    stream << (text.empty() ? "" : "\n");
    // Ops are named after what they were imported from; "at an unknown place" helps nobody.
    if (auto name = llvm::dyn_cast<mlir::NameLoc>(part.getLocation()))
      stream << name.getName().getValue() << ": ";
    else if (!llvm::isa<mlir::UnknownLoc>(part.getLocation()))
      stream << part.getLocation() << ": ";
    part.print(stream);
  };
  append(diagnostic);
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    append(note);
  return mlir::success();
}

llvm::Error DiagnosticCollector::takeError(llvm::StringRef what) {
  std::lock_guard lock(mutex);
  std::string message = what.str() + " failed";
  if (!text.empty())
    message += ": " + std::exchange(text, std::string());
  return llvm::createStringError(message);
}

llvm::Error DiagnosticCollector::addTo(llvm::Error error) {
  std::lock_guard lock(mutex);
  if (text.empty())
    return error;
  return llvm::createStringError(llvm::toString(std::move(error)) + ": " +
                                 std::exchange(text, std::string()));
}

} // namespace tawny
