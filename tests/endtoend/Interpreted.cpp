#include "tests/endtoend/Interpreted.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <numeric>

namespace tawny::endtoend {

using namespace interpreter;

static mlir::DialectRegistry registry() {
  mlir::DialectRegistry registry;
  registry.insert<llm::LlmDialect, rt::RtDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::math::MathDialect>();
  return registry;
}

InterpretedSequence::InterpretedSequence(const Subject &subject) : context(registry()) {
  std::vector<std::string> arguments = {"--emit=rt", "--target=" + subject.target,
                                        "--activations=" + subject.activations};
  std::string program = runCompiler(subject.format, arguments);
  module = mlir::parseSourceFile<mlir::ModuleOp>(program, &context);
  auto buffer = llvm::MemoryBuffer::getFile(modelPath(subject.format), false, false);
  EXPECT_TRUE(buffer);
  if (buffer)
    file = std::move(*buffer);
}

Logits InterpretedSequence::run(llvm::StringRef name, const Tokens &tokens) {
  rt::ProgramOp program = module->lookupSymbol<rt::ProgramOp>(name);
  if (!program) {
    ADD_FAILURE() << "no program " << name.str();
    return {};
  }
  rt::KvGeometryAttr kv = program.getKv();
  if (!pool)
    pool = std::make_shared<const Pool>(kv.getLayers(), kv.getHeads(), kv.getHeadDim(),
                                        kv.getElementBytes() * 8);
  Step step;
  step.tokens = tokens;
  step.positions.resize(tokens.size());
  std::iota(step.positions.begin(), step.positions.end(), length);
  step.sequences.assign(tokens.size(), 0);
  step.logitRows.resize(tokens.size());
  std::iota(step.logitRows.begin(), step.logitRows.end(), 0);
  length += static_cast<int32_t>(tokens.size());
  Interpreter interpreter(
      *module, weightsOfFile(*module, {reinterpret_cast<const uint8_t *>(file->getBufferStart()),
                                       file->getBufferSize()}));
  llvm::Expected<std::vector<Value>> results =
      interpreter.runProgram(program, std::make_shared<const Step>(std::move(step)), pool);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  pool = std::get<std::shared_ptr<const Pool>>((*results)[1]);
  auto rows = std::get<std::shared_ptr<const Rows>>((*results)[0]);
  return {static_cast<size_t>(rows->columns), rows->values};
}

} // namespace tawny::endtoend
