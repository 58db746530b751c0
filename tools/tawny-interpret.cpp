// Runs a function of llm ops, or a planned program, with the reference interpreter and prints its
// results; for tests that ask whether a pass kept the numbers.
#include "dialects/interpreter/Interpreter.h"
#include "dialects/interpreter/RandomValues.h"
#include "dialects/rt/Rt.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <numeric>
#include <optional>

using namespace tawny;
using namespace tawny::interpreter;
namespace cl = llvm::cl;

static cl::opt<std::string> inputPath(cl::Positional, cl::desc("<module.mlir>"), cl::init("-"));
static cl::opt<std::string> functionName("function",
                                         cl::desc("the function; default: the only one"));
static cl::opt<std::string> programName("program", cl::desc("run this rt.program instead"));
static cl::opt<std::string> weightsPath("weights",
                                        cl::desc("file in which the llm.weight offsets count"));
static cl::opt<uint64_t> randomSeed("random-weights", cl::init(1),
                                    cl::desc("seed of weights and tensor arguments"));
static cl::list<int32_t> tokens("tokens", cl::CommaSeparated,
                                cl::desc("the new tokens; default: 0"));
static cl::list<int32_t> positions("positions", cl::CommaSeparated,
                                   cl::desc("position of each token; default: 0, 1, 2, ..."));
static cl::list<int32_t> sequences("sequences", cl::CommaSeparated,
                                   cl::desc("sequence of each token; default: all 0"));
static cl::list<int32_t> logitRowList("logit-rows", cl::CommaSeparated,
                                      cl::desc("rows that want logits; default: all"));
static cl::opt<int64_t> chunk("chunk", cl::init(0),
                              cl::desc("tokens of one step; the pool is handed on between them"));
static cl::opt<bool> full("full", cl::desc("print every element with nine digits"));
static cl::opt<Accumulate> accumulate("accumulate", cl::init(Accumulate::F64),
                                      cl::desc("precision of sums"),
                                      cl::values(clEnumValN(Accumulate::F32, "f32", ""),
                                                 clEnumValN(Accumulate::F64, "f64", "")));

static int fail(const llvm::Twine &message) {
  llvm::errs() << "error: " << message << "\n";
  return 1;
}

static void printRows(llvm::StringRef type, int64_t rows, int64_t columns,
                      llvm::function_ref<float(int64_t, int64_t)> element) {
  llvm::outs() << rows << "x" << columns << " " << type << "\n";
  int64_t shown = full ? columns : std::min<int64_t>(columns, 6);
  for (int64_t r = 0; r < rows; ++r) {
    double squares = 0;
    for (int64_t c = 0; c < columns; ++c)
      squares += static_cast<double>(element(r, c)) * element(r, c);
    llvm::outs() << "  row " << r << ":";
    for (int64_t c = 0; c < shown; ++c)
      llvm::outs() << llvm::format(full ? " %.9g" : " %.4g", element(r, c));
    if (shown < columns)
      llvm::outs() << " ...";
    llvm::outs() << " | mean square " << llvm::format("%.4g", squares / double(columns)) << "\n";
  }
}

static void printPool(const Pool &pool) {
  llvm::outs() << "kv\n";
  for (auto [layer, cache] : llvm::enumerate(pool.layers))
    for (const auto &[sequence, entries] : cache) {
      auto sum = [](const std::vector<float> &values) {
        return std::accumulate(values.begin(), values.end(), 0.0);
      };
      llvm::outs() << "  layer " << layer << " sequence " << sequence << ": "
                   << llvm::count(entries->written, true) << " tokens, sum of keys "
                   << llvm::format("%.4g", sum(entries->keys)) << ", of values "
                   << llvm::format("%.4g", sum(entries->values)) << "\n";
    }
}

static void printResult(size_t index, const Value &value) {
  llvm::outs() << "result " << index << ": ";
  if (auto *rows = std::get_if<std::shared_ptr<const Rows>>(&value)) {
    printRows("f32", (*rows)->rows, (*rows)->columns,
              [&](int64_t r, int64_t c) { return (*rows)->row(r)[c]; });
  } else if (auto *rows = std::get_if<std::shared_ptr<const QuantizedRows>>(&value)) {
    Rows plain = dequantize(**rows);
    printRows("a8", plain.rows, plain.columns,
              [&](int64_t r, int64_t c) { return plain.row(r)[c]; });
  } else if (auto *pool = std::get_if<std::shared_ptr<const Pool>>(&value)) {
    printPool(**pool);
  } else {
    llvm::outs() << "a step or a weight\n";
  }
}

/// A value for an argument: the step and an empty pool as they are, tensors from the seed and the
/// argument's index.
static llvm::Expected<Value> makeArgument(mlir::Type type, unsigned index, const Step &step) {
  if (llvm::isa<llm::StepType>(type))
    return std::make_shared<const Step>(step);
  if (auto kv = llvm::dyn_cast<llm::KvType>(type))
    return std::make_shared<const Pool>(kv.getLayers(), kv.getHeads(), kv.getHeadDim(),
                                        kv.getBits());
  std::string name = "argument " + std::to_string(index);
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
  if (tensor && tensor.getRank() == 2 && tensor.isDynamicDim(0)) {
    Rows rows = randomRows(randomSeed, name, step.rows(), tensor.getDimSize(1));
    if (llvm::isa<llm::A8Type>(tensor.getElementType()))
      return std::make_shared<const QuantizedRows>(quantize(rows));
    return std::make_shared<const Rows>(std::move(rows));
  }
  llvm::Expected<Weight> weight = weightOfType(type);
  if (!weight)
    return weight.takeError();
  weight->storage = std::make_shared<const std::vector<uint8_t>>(
      randomWeightBytes(randomSeed, name, weight->format, weight->rows, weight->columns));
  weight->bytes = *weight->storage;
  return *weight;
}

/// The step of all tokens, or what is wrong with the flags.
static llvm::Expected<Step> makeStep() {
  Step step;
  step.tokens.assign(tokens.begin(), tokens.end());
  if (step.tokens.empty())
    step.tokens.push_back(0);
  auto fill = [&](std::vector<int32_t> &out, const cl::list<int32_t> &given) {
    out.assign(given.begin(), given.end());
    if (out.empty())
      out.assign(step.tokens.size(), 0);
    return out.size() == step.tokens.size();
  };
  if (!fill(step.sequences, sequences) || !fill(step.positions, positions))
    return llvm::createStringError("expects as many sequences and positions as tokens");
  if (positions.empty())
    std::iota(step.positions.begin(), step.positions.end(), 0);
  step.logitRows.assign(logitRowList.begin(), logitRowList.end());
  if (step.logitRows.empty()) {
    step.logitRows.resize(step.tokens.size());
    std::iota(step.logitRows.begin(), step.logitRows.end(), 0);
  }
  if (chunk && !logitRowList.empty())
    return llvm::createStringError("expects no --logit-rows beside --chunk");
  return step;
}

/// Tokens [first, last) of a step.
static Step sliceStep(const Step &step, size_t first, size_t last) {
  Step slice;
  slice.tokens.assign(&step.tokens[first], step.tokens.data() + last);
  slice.positions.assign(&step.positions[first], step.positions.data() + last);
  slice.sequences.assign(&step.sequences[first], step.sequences.data() + last);
  slice.logitRows.resize(last - first);
  std::iota(slice.logitRows.begin(), slice.logitRows.end(), 0);
  return slice;
}

/// What is run: one of the two.
struct Subject {
  mlir::func::FuncOp function;
  rt::ProgramOp program;
};

/// Runs one step; `pool` is what the step before it left.
static llvm::Expected<std::vector<Value>> runStep(Interpreter &interpreter, Subject subject,
                                                  const Step &step,
                                                  const std::optional<Value> &pool) {
  if (rt::ProgramOp program = subject.program) {
    rt::KvGeometryAttr kv = program.getKv();
    auto empty = std::make_shared<const Pool>(kv.getLayers(), kv.getHeads(), kv.getHeadDim(),
                                              kv.getElementBytes() * 8);
    return interpreter.runProgram(program, std::make_shared<const Step>(step),
                                  pool ? std::get<std::shared_ptr<const Pool>>(*pool) : empty);
  }
  std::vector<Value> arguments;
  for (auto [index, type] : llvm::enumerate(subject.function.getArgumentTypes())) {
    if (pool && llvm::isa<llm::KvType>(type)) {
      arguments.push_back(*pool);
      continue;
    }
    llvm::Expected<Value> argument = makeArgument(type, index, step);
    if (!argument)
      return argument.takeError();
    arguments.push_back(std::move(*argument));
  }
  return interpreter.run(subject.function, arguments);
}

static llvm::Error runSteps(Interpreter &interpreter, Subject subject, const Step &whole) {
  std::optional<Value> pool;
  size_t chunkSize = chunk > 0 ? static_cast<size_t>(chunk) : whole.tokens.size();
  for (size_t first = 0; first < whole.tokens.size(); first += chunkSize) {
    Step step = chunk > 0
                    ? sliceStep(whole, first, std::min(first + chunkSize, whole.tokens.size()))
                    : whole;
    llvm::Expected<std::vector<Value>> results = runStep(interpreter, subject, step, pool);
    if (!results)
      return results.takeError();
    for (auto [index, result] : llvm::enumerate(*results)) {
      printResult(index, result);
      if (std::holds_alternative<std::shared_ptr<const Pool>>(result))
        pool = result;
    }
  }
  return llvm::Error::success();
}

/// The function that is asked for, or null where it is unclear which.
static mlir::func::FuncOp findFunction(mlir::ModuleOp module) {
  if (!functionName.empty())
    return module.lookupSymbol<mlir::func::FuncOp>(functionName);
  mlir::func::FuncOp only;
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (function.isExternal())
      continue;
    if (only)
      return nullptr;
    only = function;
  }
  return only;
}

int main(int argc, char **argv) {
  llvm::InitLLVM initialise(argc, argv);
  cl::ParseCommandLineOptions(argc, argv, "Tawny's reference interpreter\n");
  mlir::DialectRegistry registry;
  registry.insert<llm::LlmDialect, rt::RtDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::math::MathDialect>();
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(inputPath, &context);
  if (!module)
    return 1;
  Subject subject;
  if (!programName.empty())
    subject.program = module->lookupSymbol<rt::ProgramOp>(programName);
  else
    subject.function = findFunction(*module);
  if (!subject.program && (!subject.function || subject.function.isExternal()))
    return fail("expects one function with a body, or --function=NAME or --program=NAME of what is "
                "there");

  std::unique_ptr<llvm::MemoryBuffer> file;
  WeightSource weights = randomWeights(randomSeed);
  if (!weightsPath.empty()) {
    auto opened = llvm::MemoryBuffer::getFile(weightsPath, false, false);
    if (!opened)
      return fail("cannot read '" + weightsPath + "': " + opened.getError().message());
    file = std::move(*opened);
    weights = weightsOfFile(*module, llvm::arrayRefFromStringRef(file->getBuffer()));
  }
  llvm::Expected<Step> step = makeStep();
  if (!step)
    return fail(llvm::toString(step.takeError()));
  Interpreter interpreter(*module, weights, accumulate);
  if (llvm::Error error = runSteps(interpreter, subject, *step))
    return fail(llvm::toString(std::move(error)));
  return 0;
}
