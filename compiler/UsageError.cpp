#include "compiler/UsageError.h"

#include "llvm/Support/raw_ostream.h"

namespace tawny {

char UsageError::ID = 0;

void UsageError::log(llvm::raw_ostream &stream) const { stream << message; }

std::error_code UsageError::convertToErrorCode() const {
  return std::make_error_code(std::errc::invalid_argument);
}

llvm::Error makeUsageError(const llvm::Twine &message) {
  return llvm::make_error<UsageError>(message.str());
}

} // namespace tawny
