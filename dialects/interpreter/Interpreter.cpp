#include "dialects/interpreter/Interpreter.h"

#include "dialects/interpreter/Environment.h"
#include "dialects/interpreter/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace tawny::interpreter {

llvm::Expected<Weight> weightOfType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  std::optional<Format> format = tensor ? llm::formatOf(tensor.getElementType()) : std::nullopt;
  if (!format || !tensor.hasStaticShape() || tensor.getRank() < 1 || tensor.getRank() > 2)
    return llvm::createStringError("expects a static tensor of rank 1 or 2 in a weight's format");
  Weight weight;
  weight.format = *format;
  weight.columns = tensor.getShape().back();
  weight.rows = tensor.getRank() == 2 ? tensor.getDimSize(0) : 1;
  return weight;
}

WeightSource weightsOfFile(ModuleOp module, llvm::ArrayRef<uint8_t> file) {
  return [module, file](llvm::StringRef name,
                        const Weight &weight) -> llvm::Expected<llvm::ArrayRef<uint8_t>> {
    uint64_t offset = cast<llm::WeightOp>(SymbolTable::lookupSymbolIn(module, name)).getOffset();
    uint64_t bytes = weight.rows * formatInfo(weight.format).rowBytes(weight.columns);
    if (offset > file.size() || bytes > file.size() - offset)
      return llvm::createStringError(
          "expects weight '%s' in bytes [%llu, %llu) of the file, which has %llu",
          name.str().c_str(), static_cast<unsigned long long>(offset),
          static_cast<unsigned long long>(offset + bytes),
          static_cast<unsigned long long>(file.size()));
    return file.slice(offset, bytes);
  };
}

llvm::Expected<Weight> Interpreter::loadWeight(llvm::StringRef name, Type type) {
  llvm::Expected<Weight> weight = weightOfType(type);
  if (!weight)
    return weight.takeError();
  llvm::Expected<llvm::ArrayRef<uint8_t>> bytes = weights(name, *weight);
  if (!bytes)
    return bytes.takeError();
  weight->bytes = *bytes;
  return weight;
}

llvm::Error Interpreter::runAttention(llm::AttentionOp op, Environment &values) {
  llvm::Expected<Rows> result =
      attention(*rowsOf(values, op.getQ()), poolOf(values, op.getKv()),
                stepOf(values, op.getStep()), layerOf(op.getLayer()),
                op.getScale().convertToDouble(), accumulate, llm::windowOf(op.getWindow()));
  if (!result)
    return result.takeError();
  setRows(values, op.getResult(), std::move(*result));
  return llvm::Error::success();
}

llvm::Error Interpreter::runAttentionPart(llm::AttentionPartOp op, Environment &values) {
  auto result = attentionPart(*rowsOf(values, op.getQ()), poolOf(values, op.getKv()),
                              stepOf(values, op.getStep()), layerOf(op.getLayer()),
                              op.getScale().convertToDouble(), static_cast<int64_t>(op.getSplits()),
                              accumulate, llm::windowOf(op.getWindow()));
  if (!result)
    return result.takeError();
  setRows(values, op.getSums(), std::move(result->first));
  setRows(values, op.getState(), std::move(result->second));
  return llvm::Error::success();
}

llvm::Error Interpreter::runElementwise(Operation &op, Environment &values) {
  llvm::Expected<ScalarProgram> program = ScalarProgram::compile(op);
  if (!program)
    return program.takeError();
  SmallVector<std::shared_ptr<const Rows>> operands;
  for (mlir::Value operand : op.getOperands()) {
    if (!isa<RankedTensorType>(operand.getType()))
      return llvm::createStringError("expects tensors outside of an epilogue");
    operands.push_back(rowsOf(values, operand));
    if (operands.back()->values.size() != operands.front()->values.size())
      return llvm::createStringError("expects operands of one shape");
  }
  Rows result(operands.front()->rows, operands.front()->columns);
  SmallVector<float> elements(operands.size());
  for (size_t i = 0; i < result.values.size(); ++i) {
    for (auto [element, operand] : llvm::zip_equal(elements, operands))
      element = operand->values[i];
    result.values[i] = program->run(elements);
  }
  setRows(values, op.getResult(0), std::move(result));
  return llvm::Error::success();
}

/// Sets the result of an op that can fail.
static llvm::Error setChecked(Environment &values, mlir::Value result, llvm::Expected<Rows> rows) {
  if (!rows)
    return rows.takeError();
  setRows(values, result, std::move(*rows));
  return llvm::Error::success();
}

llvm::Error Interpreter::runLlmOp(Operation &op, Environment &values) {
  if (auto linear = dyn_cast<llm::LinearOp>(op))
    return runLinear(linear, values);
  if (auto attention = dyn_cast<llm::AttentionOp>(op))
    return runAttention(attention, values);
  if (auto part = dyn_cast<llm::AttentionPartOp>(op))
    return runAttentionPart(part, values);
  if (auto load = dyn_cast<llm::LoadWeightOp>(op)) {
    llvm::Expected<Weight> weight = loadWeight(load.getWeight(), load.getType());
    if (!weight)
      return weight.takeError();
    values[load] = std::move(*weight);
  } else if (auto lookup = dyn_cast<llm::EmbedOp>(op)) {
    return setChecked(values, lookup,
                      embed(stepOf(values, lookup.getStep()), weightOf(values, lookup.getTable())));
  } else if (auto norm = dyn_cast<llm::RmsNormOp>(op)) {
    setRows(values, norm,
            rmsNorm(*rowsOf(values, norm.getInput()), vectorOf(values, norm.getWeight()),
                    norm.getEps().convertToDouble(), accumulate));
  } else if (auto norm = dyn_cast<llm::AddRmsNormOp>(op)) {
    Rows sum = add(*rowsOf(values, norm.getA()), *rowsOf(values, norm.getB()));
    setRows(values, norm.getNorm(),
            rmsNorm(sum, vectorOf(values, norm.getWeight()), norm.getEps().convertToDouble(),
                    accumulate));
    setRows(values, norm.getSum(), std::move(sum));
  } else if (auto quantized = dyn_cast<llm::QuantizeOp>(op)) {
    setRows(values, quantized, *rowsOf(values, quantized.getInput()));
  } else if (auto activation = dyn_cast<llm::SiluOp>(op)) {
    Rows rows = *rowsOf(values, activation.getInput());
    llvm::transform(rows.values, rows.values.begin(), silu);
    setRows(values, activation, std::move(rows));
  } else if (auto rotation = dyn_cast<llm::RopeOp>(op)) {
    return setChecked(values, rotation,
                      rope(*rowsOf(values, rotation.getInput()), stepOf(values, rotation.getStep()),
                           rotationOf(rotation.getRope())));
  } else if (auto append = dyn_cast<llm::KvAppendOp>(op)) {
    llvm::Expected<Pool> pool =
        kvAppend(poolOf(values, append.getKv()), *rowsOf(values, append.getK()),
                 *rowsOf(values, append.getV()), stepOf(values, append.getStep()),
                 layerOf(append.getLayer()));
    if (!pool)
      return pool.takeError();
    setPool(values, append, std::move(*pool));
  } else if (auto merge = dyn_cast<llm::AttentionMergeOp>(op)) {
    setRows(values, merge,
            attentionMerge(*rowsOf(values, merge.getSums()), *rowsOf(values, merge.getState()),
                           static_cast<int64_t>(merge.getSplits()), merge.getHeads(), accumulate));
  } else if (auto best = dyn_cast<llm::TopKOp>(op)) {
    values[best] = std::make_shared<const Candidates>(
        topK(*rowsOf(values, best.getInput()), llm::columnsOf(best.getResult())));
  } else if (auto logits = dyn_cast<llm::LogitRowsOp>(op)) {
    return setChecked(
        values, logits,
        logitRows(*rowsOf(values, logits.getInput()), stepOf(values, logits.getStep())));
  } else {
    return llvm::createStringError("the interpreter does not know this op");
  }
  return llvm::Error::success();
}

llvm::Error Interpreter::runDispatch(rt::DispatchOp op, Environment &values) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<rt::KernelOp>(op, op.getKernelAttr());
  SmallVector<Value> arguments;
  for (mlir::Value input : op.getInputs())
    arguments.push_back(values.at(input));
  if (op.getLayer())
    dispatchLayer = static_cast<int64_t>(*op.getLayer());
  llvm::Expected<std::vector<Value>> results = runBlock(kernel.getBody().front(), arguments);
  dispatchLayer.reset();
  if (!results)
    return results.takeError();
  for (auto [output, result] : llvm::zip_equal(op.getOutputs(), *results))
    values[output] = std::move(result);
  return llvm::Error::success();
}

llvm::Error Interpreter::runOp(Operation &op, Environment &values) {
  if (auto dispatch = dyn_cast<rt::DispatchOp>(op))
    return runDispatch(dispatch, values);
  if (isa<arith::ArithDialect, math::MathDialect>(op.getDialect()))
    return runElementwise(op, values);
  return runLlmOp(op, values);
}

/// Adds the op and its location to what went wrong in it.
static llvm::Error errorIn(Operation &op, llvm::Error error) {
  std::string message;
  llvm::raw_string_ostream(message)
      << op.getLoc() << ": '" << op.getName() << "': " << llvm::toString(std::move(error));
  return llvm::createStringError(message);
}

llvm::Expected<std::vector<Value>> Interpreter::runBlock(Block &block,
                                                         llvm::ArrayRef<Value> arguments) {
  Environment values;
  for (auto [argument, value] : llvm::zip_equal(block.getArguments(), arguments))
    values[argument] = value;
  for (Operation &op : block.without_terminator())
    if (llvm::Error error = runOp(op, values))
      return errorIn(op, std::move(error));
  std::vector<Value> results;
  for (mlir::Value result : block.getTerminator()->getOperands())
    results.push_back(values.at(result));
  return results;
}

/// Whether `value` is what a value of `type` is while interpreted.
static bool hasKindOf(Type type, const Value &value) {
  return llvm::TypeSwitch<Type, bool>(type)
      .Case<llm::StepType>(
          [&](auto) { return std::holds_alternative<std::shared_ptr<const Step>>(value); })
      .Case<llm::KvType>([&](llm::KvType kv) {
        auto *pool = std::get_if<std::shared_ptr<const Pool>>(&value);
        return pool && (*pool)->heads == kv.getHeads() && (*pool)->headDim == kv.getHeadDim() &&
               static_cast<int64_t>((*pool)->layers.size()) == kv.getLayers();
      })
      .Case<RankedTensorType>([&](RankedTensorType tensor) {
        int64_t columns = tensor.getShape().back();
        if (auto *rows = std::get_if<std::shared_ptr<const Rows>>(&value))
          return isa<Float32Type, Float16Type>(tensor.getElementType()) &&
                 (*rows)->columns == columns;
        if (auto *rows = std::get_if<std::shared_ptr<const QuantizedRows>>(&value))
          return isa<llm::A8Type>(tensor.getElementType()) && (*rows)->columns == columns;
        auto *weight = std::get_if<Weight>(&value);
        return weight && llm::formatOf(tensor.getElementType()) == weight->format &&
               weight->columns == columns;
      })
      .Default([](Type) { return false; });
}

llvm::Expected<std::vector<Value>> Interpreter::run(func::FuncOp function,
                                                    llvm::ArrayRef<Value> arguments) {
  if (!function.getBody().hasOneBlock())
    return llvm::createStringError("expects a function of one block");
  if (arguments.size() != function.getNumArguments())
    return llvm::createStringError("expects %u arguments, found %zu", function.getNumArguments(),
                                   arguments.size());
  for (auto [index, argument] : llvm::enumerate(arguments))
    if (!hasKindOf(function.getArgumentTypes()[index], argument))
      return llvm::createStringError("expects another kind of value for argument %zu", index);
  return runBlock(function.getBody().front(), arguments);
}

} // namespace tawny::interpreter
