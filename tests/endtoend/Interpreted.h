// The interpreter's half of a comparison with an artifact.
#pragma once

#include "dialects/interpreter/Interpreter.h"
#include "tests/endtoend/Artifacts.h"
#include "tests/endtoend/Numbers.h"

#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace tawny::endtoend {

/// One sequence of a compiled model's programs, interpreted.
class InterpretedSequence {
public:
  explicit InterpretedSequence(const Subject &subject);
  bool isReady() const { return module && file; }

  /// Forgets all tokens.
  void restart() {
    pool = nullptr;
    length = 0;
  }

  /// Appends tokens with the program of this name; logits of all of them.
  Logits run(llvm::StringRef name, const Tokens &tokens);

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<llvm::MemoryBuffer> file;
  std::shared_ptr<const interpreter::Pool> pool;
  int32_t length = 0;
};

} // namespace tawny::endtoend
