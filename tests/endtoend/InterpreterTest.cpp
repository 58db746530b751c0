// The artifact of the sample model against the reference interpreter, which runs the very programs
// that the artifact's kernels were made from. What is left between them is the order of sums, and
// that a value at the border of two f16 or int8 codes may fall on either side.
#include "dialects/interpreter/Interpreter.h"
#include "models/Import.h"
#include "tests/endtoend/Session.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstdio>
#include <numeric>

namespace tawny::endtoend {
namespace {

using namespace interpreter;

/// One sequence of a compiled model's programs, interpreted.
class InterpretedSequence {
public:
  explicit InterpretedSequence(const Subject &subject) : context(registry()) {
    std::string program = runCompiler(subject.format, {"--emit=rt", "--target=" + subject.target,
                                                       "--activations=" + subject.activations});
    module = mlir::parseSourceFile<mlir::ModuleOp>(program, &context);
    auto buffer = llvm::MemoryBuffer::getFile(modelPath(subject.format), false, false);
    EXPECT_TRUE(buffer);
    if (buffer)
      file = std::move(*buffer);
  }
  bool isReady() const { return module && file; }

  /// Forgets all tokens.
  void restart() {
    pool = nullptr;
    length = 0;
  }

  /// Appends tokens with the program of this name; logits of all of them.
  Logits run(llvm::StringRef name, const Tokens &tokens) {
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

private:
  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<llm::LlmDialect, rt::RtDialect, mlir::arith::ArithDialect,
                    mlir::func::FuncDialect, mlir::math::MathDialect>();
    return registry;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<llvm::MemoryBuffer> file;
  std::shared_ptr<const Pool> pool;
  int32_t length = 0;
};

class AgainstInterpreter : public CompiledModel {
protected:
  const Reference &reference() const { return referenceOf(GetParam().format); }
};

/// A code of the cache or of int8 activations that falls on the other side of its border is an
/// error of one step, and others follow from it: long contexts agree as well as two ways of
/// rounding can.
TEST_P(AgainstInterpreter, LongContextsAgree) {
  InterpretedSequence interpreted(GetParam());
  ASSERT_TRUE(interpreted.isReady());
  tawny_sequence sequence = session->create();
  double prefill = worstRow(session->step(sequence, reference().prompt, Want::All),
                            interpreted.run("step", reference().prompt));
  double decode = 0;
  for (size_t i = 0; i < 8; ++i) {
    Tokens token = {reference().greedy[i]};
    decode = std::max(decode,
                      worstRow(session->step(sequence, token), interpreted.run("decode_1", token)));
  }
  std::printf("%s: NMSE of a row to the interpreter at most %.2e in step, %.2e in decode_1\n",
              name().c_str(), prefill, decode);
  double bound = std::string_view(session->info().activations) == "f32" ? 1e-7 : 1e-3;
  EXPECT_LE(prefill, bound);
  EXPECT_LE(decode, bound);
}

/// In contexts of two tokens few codes lie at a border, so nearly all rows agree as well as sums in
/// another order do.
TEST_P(AgainstInterpreter, ShortContextsAgreeAsFarAsSumsDo) {
  InterpretedSequence interpreted(GetParam());
  ASSERT_TRUE(interpreted.isReady());
  size_t rows = 0, close = 0;
  double typical = 0;
  for (size_t first = 0; first < 320; first += 20) {
    Tokens tokens = slice(reference().book, first, 2);
    interpreted.restart();
    Logits expected = interpreted.run("step", tokens);
    Logits actual = prefillAlone(*session, tokens);
    ASSERT_EQ(expected.rows(), tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i, ++rows) {
      double error = nmse(actual.row(i), expected.row(i));
      if (error > 1e-9)
        continue;
      typical = std::max(typical, error);
      ++close;
    }
  }
  std::printf("%s: short contexts: %zu of %zu rows within 1e-9 of the interpreter, those within "
              "%.2e\n",
              name().c_str(), close, rows, typical);
  EXPECT_GE(close, rows * 3 / 4);
}

INSTANTIATE_TEST_SUITE_P(Sample, AgainstInterpreter,
                         ::testing::Values(Subject{"sample", "cpu", "f32"},
                                           Subject{"sample", "cpu", "i8"}),
                         caseName);

} // namespace
} // namespace tawny::endtoend
