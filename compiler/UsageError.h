// Errors of the request, as opposed to those of the model.
#pragma once

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tawny {

/// The command line asks for something that does not exist; no model would make it work.
class UsageError : public llvm::ErrorInfo<UsageError> {
public:
  static char ID;

  explicit UsageError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream &stream) const override;
  std::error_code convertToErrorCode() const override;

private:
  std::string message;
};

/// A UsageError, which the tools report with the exit status of a wrong command line.
llvm::Error makeUsageError(const llvm::Twine &message);

} // namespace tawny
