// rt.program: every launch reads and writes its bindings' bytes, so that a wrong plan gives wrong
// numbers. Kernels run by their llm bodies.
#include "dialects/formats/Activations.h"
#include "dialects/formats/ScalarDecode.h"
#include "dialects/interpreter/Interpreter.h"

#include <cstring>
#include <numeric>

using namespace mlir;

namespace tawny::interpreter {

/// What a program works on.
struct Interpreter::ProgramState {
  rt::ProgramOp program;
  std::shared_ptr<const Step> step;
  std::shared_ptr<const Pool> pool;
  /// Begins as NaNs (all bits set), which whatever reads an unwritten element spreads.
  std::vector<uint8_t> arena;
};

static Value readRows(const uint8_t *bytes, int64_t rows, int64_t rowBytes, RankedTensorType type) {
  int64_t columns = type.getShape().back();
  if (type.getElementType().isF32()) {
    auto result = std::make_shared<Rows>(rows, columns);
    for (int64_t r = 0; r < rows; ++r)
      std::memcpy(result->row(r).data(), bytes + r * rowBytes, columns * sizeof(float));
    return std::shared_ptr<const Rows>(std::move(result));
  }
  if (type.getElementType().isF16()) {
    auto result = std::make_shared<Rows>(rows, columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        uint16_t bits;
        std::memcpy(&bits, bytes + r * rowBytes + c * sizeof(bits), sizeof(bits));
        result->row(r)[c] = halfToFloat(bits);
      }
    return std::shared_ptr<const Rows>(std::move(result));
  }
  ActivationRow layout{static_cast<uint64_t>(columns)};
  int64_t groups = columns / ActivationRow::groupElements;
  auto result = std::make_shared<QuantizedRows>();
  result->rows = rows;
  result->columns = columns;
  result->codes.resize(rows * columns);
  result->scales.resize(rows * groups);
  for (int64_t r = 0; r < rows; ++r) {
    const uint8_t *row = bytes + r * rowBytes;
    std::memcpy(&result->codes[r * columns], row, columns);
    std::memcpy(&result->scales[r * groups], row + layout.scalesOffset(), groups * sizeof(float));
  }
  return std::shared_ptr<const QuantizedRows>(std::move(result));
}

/// Writes the planes of dialects/formats/Activations.h.
static void writeQuantizedRow(const QuantizedRows &rows, int64_t r, uint8_t *bytes) {
  ActivationRow layout{static_cast<uint64_t>(rows.columns)};
  int64_t groupSize = ActivationRow::groupElements;
  const int8_t *codes = &rows.codes[r * rows.columns];
  const float *scales = &rows.scales[r * rows.columns / groupSize];
  auto put = [&](uint64_t offset, int64_t index, auto value) {
    std::memcpy(bytes + offset + index * sizeof(value), &value, sizeof(value));
  };
  auto putSum = [&](uint64_t scaled, uint64_t negated, int64_t index, float scale, int32_t sum) {
    put(scaled, index, scale * static_cast<float>(sum));
    put(negated, index, -sum);
  };
  std::memcpy(bytes, codes, rows.columns);
  for (int64_t group = 0; group < rows.columns / groupSize; ++group) {
    const int8_t *first = codes + group * groupSize, *middle = first + groupSize / 2;
    int low = std::accumulate(first, middle, 0);
    int high = std::accumulate(middle, first + groupSize, 0);
    float scale = scales[group];
    put(layout.scalesOffset(), group, scale);
    putSum(layout.sums32Offset(), layout.offsets32Offset(), group, scale, low + high);
    putSum(layout.sums16Offset(), layout.offsets16Offset(), 2 * group, scale, low);
    putSum(layout.sums16Offset(), layout.offsets16Offset(), 2 * group + 1, scale, high);
  }
}

/// Writes a row whose values are those of f16.
static void writeHalfRow(llvm::ArrayRef<float> row, uint8_t *bytes) {
  for (auto [c, value] : llvm::enumerate(row)) {
    uint16_t bits = floatToHalf(value);
    std::memcpy(bytes + c * sizeof(bits), &bits, sizeof(bits));
  }
}

static llvm::Error writeCandidates(rt::BindingAttr binding, const Candidates &candidates,
                                   std::vector<uint8_t> &arena) {
  int64_t rowBytes = candidates.columns * static_cast<int64_t>(sizeof(Candidates::Candidate));
  if (binding.getSpace() != rt::Space::Arena || binding.getRowBytes() != rowBytes ||
      candidates.rows * rowBytes > binding.getBytes())
    return llvm::createStringError("expects %lld rows of %lld bytes in the arena as a result",
                                   static_cast<long long>(candidates.rows),
                                   static_cast<long long>(rowBytes));
  std::memcpy(arena.data() + binding.getOffset(), candidates.values.data(),
              static_cast<size_t>(candidates.rows * rowBytes));
  return llvm::Error::success();
}

/// Rows of a kernel's activations: what its row count binding points at.
static int64_t rowsOfLaunch(rt::LaunchOp op, rt::KernelOp kernel, const Step &step) {
  int64_t counts = op->getParentOfType<rt::ProgramOp>().getStepLayout().getCounts();
  for (auto [argument, binding] :
       llvm::zip_equal(kernel.getBindings().getAsRange<rt::ArgumentAttr>(),
                       op.getBindings().getAsRange<rt::BindingAttr>()))
    // The third count is that of logit rows (runtime/artifact.fbs).
    if (argument.getSource() == rt::Source::RowCount && binding.getOffset() == counts + 8)
      return static_cast<int64_t>(step.logitRows.size());
  return step.rows();
}

llvm::Expected<Value> Interpreter::readBinding(rt::BindingAttr binding, RankedTensorType type,
                                               int64_t rows, const ProgramState &state) {
  if (binding.getSpace() == rt::Space::Weight) {
    llvm::Expected<Weight> weight = loadWeight(binding.getWeight().getValue(), type);
    if (!weight)
      return weight.takeError();
    return Value(std::move(*weight));
  }
  if (binding.getSpace() != rt::Space::Arena || rows * binding.getRowBytes() > binding.getBytes())
    return llvm::createStringError("expects a weight or %lld rows in the arena as an operand",
                                   static_cast<long long>(rows));
  return readRows(state.arena.data() + binding.getOffset(), rows, binding.getRowBytes(), type);
}

llvm::Error Interpreter::writeBinding(rt::BindingAttr binding, const Value &value, Type type,
                                      ProgramState &state) {
  if (auto *candidates = std::get_if<std::shared_ptr<const Candidates>>(&value))
    return writeCandidates(binding, **candidates, state.arena);
  auto *plain = std::get_if<std::shared_ptr<const Rows>>(&value);
  auto *quantized = std::get_if<std::shared_ptr<const QuantizedRows>>(&value);
  if (binding.getSpace() != rt::Space::Arena || (!plain && !quantized))
    return llvm::createStringError("expects rows in the arena as a result");
  int64_t rows = plain ? (*plain)->rows : (*quantized)->rows;
  int64_t columns = plain ? (*plain)->columns : (*quantized)->columns;
  const bool isHalf = cast<RankedTensorType>(type).getElementType().isF16();
  int64_t needed = plain ? columns * (isHalf ? 2 : 4)
                         : static_cast<int64_t>(ActivationRow{uint64_t(columns)}.bytes());
  if (binding.getRowBytes() < needed || rows * binding.getRowBytes() > binding.getBytes())
    return llvm::createStringError("expects %lld rows of at least %lld bytes as a result",
                                   static_cast<long long>(rows), static_cast<long long>(needed));
  for (int64_t r = 0; r < rows; ++r) {
    uint8_t *row = state.arena.data() + binding.getOffset() + r * binding.getRowBytes();
    if (plain && isHalf)
      writeHalfRow((*plain)->row(r), row);
    else if (plain)
      std::memcpy(row, (*plain)->row(r).data(), needed);
    else
      writeQuantizedRow(**quantized, r, row);
  }
  return llvm::Error::success();
}

llvm::Error Interpreter::runLaunch(rt::LaunchOp op, ProgramState &state) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<rt::KernelOp>(op, op.getKernelAttr());
  Block &body = kernel.getBody().front();
  SmallVector<rt::BindingAttr> operands(body.getNumArguments());
  SmallVector<rt::BindingAttr> results(body.getTerminator()->getNumOperands());
  int64_t rows = rowsOfLaunch(op, kernel, *state.step);
  for (auto [argument, binding] :
       llvm::zip_equal(kernel.getBindings().getAsRange<rt::ArgumentAttr>(),
                       op.getBindings().getAsRange<rt::BindingAttr>())) {
    if (argument.getSource() == rt::Source::Operand)
      operands[argument.getIndex()] = binding;
    else if (argument.getSource() == rt::Source::Result)
      results[argument.getIndex()] = binding;
    else if (argument.getSource() == rt::Source::KeyPages)
      dispatchLayer = binding.getOffset() / state.program.getKv().layerBytes();
    else if (argument.getSource() == rt::Source::LogitRows)
      rows = state.step->rows(); // It picks among the rows of all tokens.
  }
  std::vector<Value> arguments;
  for (auto [type, binding] : llvm::zip_equal(body.getArgumentTypes(), operands)) {
    if (isa<llm::StepType>(type)) {
      arguments.push_back(state.step);
    } else if (isa<llm::KvType>(type)) {
      arguments.push_back(state.pool);
    } else {
      llvm::Expected<Value> value = readBinding(binding, cast<RankedTensorType>(type), rows, state);
      if (!value)
        return value.takeError();
      arguments.push_back(std::move(*value));
    }
  }
  llvm::Expected<std::vector<Value>> values = runBlock(body, arguments);
  dispatchLayer.reset();
  if (!values)
    return values.takeError();
  for (auto [binding, value, type] :
       llvm::zip_equal(results, *values, body.getTerminator()->getOperandTypes())) {
    if (auto *pool = std::get_if<std::shared_ptr<const Pool>>(&value))
      state.pool = *pool;
    else if (llvm::Error error = writeBinding(binding, value, type, state))
      return error;
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<Value>> Interpreter::runProgram(rt::ProgramOp program,
                                                           std::shared_ptr<const Step> step,
                                                           std::shared_ptr<const Pool> pool) {
  llm::ProgramAttr bounds = program.getProgram();
  if (step->rows() > bounds.getTokens() ||
      static_cast<int64_t>(step->logitRows.size()) > bounds.getLogitRows())
    return llvm::createStringError(
        "expects at most %lld tokens and %lld logit rows in a step of this program",
        static_cast<long long>(bounds.getTokens()), static_cast<long long>(bounds.getLogitRows()));
  ProgramState state{program, std::move(step), std::move(pool),
                     std::vector<uint8_t>(program.getArenaBytes(), 0xFF)};
  int64_t rowBytes = 0;
  for (auto launch : program.getBody().front().getOps<rt::LaunchOp>()) {
    if (llvm::Error error = runLaunch(launch, state))
      return llvm::createStringError("launch '" + launch.getLabel() +
                                     "': " + llvm::toString(std::move(error)));
    for (auto binding : launch.getBindings().getAsRange<rt::BindingAttr>())
      if (binding.getSpace() == rt::Space::Arena && binding.getAccess() != rt::Access::Read &&
          binding.getOffset() == static_cast<int64_t>(program.getLogitsOffset()))
        rowBytes = binding.getRowBytes();
  }
  int64_t rows = static_cast<int64_t>(state.step->logitRows.size());
  int64_t offset = static_cast<int64_t>(program.getLogitsOffset());
  if (rowBytes <= 0 || rows * rowBytes > static_cast<int64_t>(state.arena.size()) - offset)
    return llvm::createStringError("expects a launch that writes the logits");
  int64_t columns = rowBytes / static_cast<int64_t>(sizeof(float));
  Type type = llm::rowsType(columns, Float32Type::get(program.getContext()));
  return std::vector<Value>{
      readRows(state.arena.data() + offset, rows, rowBytes, cast<RankedTensorType>(type)),
      state.pool};
}

} // namespace tawny::interpreter
