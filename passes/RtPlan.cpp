// rt-plan: a place for everything, and launches in the place of dispatches.
#include "passes/Passes.h"

#include "dialects/formats/Activations.h"
#include "dialects/rt/Rt.h"
#include "passes/MemoryPlan.h"
#include "passes/ProgramCosts.h"
#include "passes/RowExtents.h"
#include "passes/StepTable.h"
#include "passes/Weights.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_RTPLAN
#include "passes/Passes.h.inc"

namespace {

struct ContextBounds {
  int64_t maxContext;
  int64_t kvTokens;
  int64_t pageTokens;
};

/// A dispatch, its kernel, and what its rows count.
struct PlannedDispatch {
  rt::DispatchOp op;
  rt::KernelOp kernel;
  rt::Extent rows;

  bool reads(rt::Source source) {
    return llvm::any_of(kernel.getBindings().getAsRange<rt::ArgumentAttr>(),
                        [=](rt::ArgumentAttr argument) { return argument.getSource() == source; });
  }
};

/// Bytes between rows of an activation; UINT64_MAX for more columns than any arena can hold.
uint64_t rowBytesOf(RankedTensorType type) {
  uint64_t columns = type.getShape().back();
  if (columns > uint64_t(maxSpaceBytes))
    return UINT64_MAX;
  if (isa<llm::A8Type>(type.getElementType()))
    return ActivationRow{columns}.bytes();
  if (isa<llm::CandidateType>(type.getElementType()))
    return columns * (sizeof(float) + sizeof(int32_t));
  return columns * (type.getElementType().isF16() ? 2 : sizeof(float));
}

/// Plans one program function.
class Planner {
public:
  Planner(func::FuncOp function, SymbolTableCollection &symbols, const ContextBounds &bounds)
      : function(function), program(function->getAttrOfType<llm::ProgramAttr>("llm.program")),
        symbols(symbols), bounds(bounds) {}

  /// Puts an rt.program in the place of the function.
  LogicalResult run() {
    if (failed(collectDispatches()) || failed(layOutState()) || failed(findLogits()) ||
        failed(placeTensors()))
      return failure();
    FailureOr<ProgramCosts> costs = sumCosts();
    if (failed(costs))
      return failure();
    return emit(*costs);
  }

private:
  LogicalResult collectDispatches() {
    if (!function.getBody().hasOneBlock())
      return function.emitOpError("expects a body of one block");
    for (Operation &op : function.getBody().front().without_terminator()) {
      if (isa<llm::LoadWeightOp>(op))
        continue;
      auto dispatch = dyn_cast<rt::DispatchOp>(op);
      if (!dispatch)
        return op.emitOpError("is no dispatch: run rt-dispatch first");
      auto kernel = symbols.lookupNearestSymbolFrom<rt::KernelOp>(dispatch, dispatch.getKernel());
      PlannedDispatch planned{dispatch, kernel, rt::Extent::Tokens};
      FailureOr<rt::Extent> rows = extents.visit(dispatch, planned.reads(rt::Source::LogitRows));
      if (failed(rows))
        return failure();
      planned.rows = *rows;
      dispatches.push_back(planned);
      if (dispatch.getKernel().getRootReference() != executable())
        return dispatch.emitOpError("expects a kernel of ") << executable() << ", as the others";
    }
    if (dispatches.empty())
      return function.emitOpError("expects at least one rt.dispatch, found none");
    return success();
  }

  StringAttr executable() { return dispatches.front().op.getKernel().getRootReference(); }

  LogicalResult layOutState() {
    llm::KvType kv;
    for (Type type : function.getArgumentTypes())
      if (auto found = dyn_cast<llm::KvType>(type)) {
        if (kv)
          return function.emitOpError("expects one argument of !llm.kv, found two");
        kv = found;
      }
    if (!kv)
      return function.emitOpError("expects an argument of !llm.kv, found none");
    llvm::Expected<rt::StepLayoutAttr> table =
        layOutStepTable(program, bounds.maxContext, bounds.pageTokens);
    if (!table)
      return function.emitError(llvm::toString(table.takeError()));
    llvm::Expected<rt::KvGeometryAttr> pool = layOutKvPool(kv, bounds.kvTokens, bounds.pageTokens);
    if (!pool)
      return function.emitError(llvm::toString(pool.takeError()));
    stepLayout = *table;
    geometry = *pool;
    return success();
  }

  /// The one tensor that the function returns besides candidates.
  LogicalResult findLogits() {
    Operation *terminator = function.getBody().front().getTerminator();
    for (Value value : terminator->getOperands()) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type)
        continue;
      if (isa<llm::CandidateType>(type.getElementType()) && !candidates) {
        candidates = value;
        continue;
      }
      if (logits)
        return terminator->emitOpError("expects one tensor, the logits, found two");
      if (!value.getDefiningOp<rt::DispatchOp>() || !type.getElementType().isF32())
        return terminator->emitOpError("expects f32 logits that a dispatch makes, found ") << type;
      logits = value;
    }
    if (!logits)
      return terminator->emitOpError("expects one tensor, the logits, found none");
    bool perToken = extents.of(logits) == rt::Extent::Tokens;
    if (perToken && program.getTokens() != program.getLogitRows())
      return terminator->emitOpError("expects logits of ")
             << program.getLogitRows() << " rows, found a row for each of " << program.getTokens()
             << " tokens: select them with llm.logit_rows";
    return success();
  }

  uint64_t rowsOf(Value tensor) {
    return extents.of(tensor) == rt::Extent::LogitRows ? program.getLogitRows()
                                                       : program.getTokens();
  }

  LogicalResult placeTensors() {
    for (auto [step, planned] : llvm::enumerate(dispatches))
      for (Value result : planned.op.getOutputs()) {
        auto type = dyn_cast<RankedTensorType>(result.getType());
        if (!type)
          continue;
        unsigned last = step;
        for (Operation *user : result.getUsers())
          last = std::max(last, stepOf(user));
        bufferOf[result] = buffers.size();
        unsigned first = step;
        buffers.push_back(
            {first, last, llvm::SaturatingMultiply(rowsOf(result), rowBytesOf(type))});
      }
    arenaBytes = placeBuffers(buffers);
    if (arenaBytes > uint64_t(maxSpaceBytes))
      return function.emitError("expected an arena of at most ")
             << maxSpaceBytes << " bytes, found " << arenaBytes << ": lower max-tokens";
    return success();
  }

  /// The position of a dispatch in the program; the return comes after all.
  unsigned stepOf(Operation *user) {
    if (steps.empty())
      for (auto [step, planned] : llvm::enumerate(dispatches))
        steps[planned.op] = step;
    auto found = steps.find(user);
    return found == steps.end() ? dispatches.size() : found->second;
  }

  FailureOr<uint64_t> weightBytes(llm::LoadWeightOp load) {
    auto weight = symbols.lookupNearestSymbolFrom<llm::WeightOp>(load, load.getWeightAttr());
    std::optional<uint64_t> bytes = packedWeightBytes(weight);
    if (!bytes)
      return weight.emitOpError("expects a layout and at most ")
             << maxSpaceBytes << " packed bytes: run llm-layout first";
    return *bytes;
  }

  /// Packed bytes of those weights together.
  FailureOr<uint64_t> weightBytes(const llvm::SetVector<StringAttr> &names) {
    uint64_t sum = 0;
    llvm::DenseSet<StringAttr> seen;
    for (auto load : function.getOps<llm::LoadWeightOp>()) {
      StringAttr name = load.getWeightAttr().getAttr();
      if (!names.contains(name) || !seen.insert(name).second)
        continue;
      FailureOr<uint64_t> bytes = weightBytes(load);
      if (failed(bytes))
        return failure();
      sum = llvm::SaturatingAdd(sum, *bytes);
    }
    if (sum > uint64_t(maxSpaceBytes))
      return function.emitError("expected at most ")
             << maxSpaceBytes << " bytes of weights, found " << sum;
    return sum;
  }

  FailureOr<ProgramCosts> sumCosts() {
    llvm::SetVector<StringAttr> all, streamed;
    for (PlannedDispatch &planned : dispatches)
      for (Value input : planned.op.getInputs())
        if (auto load = input.getDefiningOp<llm::LoadWeightOp>()) {
          all.insert(load.getWeightAttr().getAttr());
          // Of an embedding table only the rows of the step's tokens are read.
          if (!planned.reads(rt::Source::Tokens))
            streamed.insert(load.getWeightAttr().getAttr());
        }
    FailureOr<uint64_t> resident = weightBytes(all);
    FailureOr<uint64_t> read = failed(resident) ? resident : weightBytes(streamed);
    if (failed(read))
      return failure();
    ProgramCosts costs;
    costs.weightBytes = *read;
    costs.peakBytes = *resident + geometry.bytes() + arenaBytes + stepLayout.getBytes();
    countOperations(costs);
    return costs;
  }

  void countOperations(ProgramCosts &costs) {
    for (PlannedDispatch &planned : dispatches) {
      if (planned.reads(rt::Source::Tokens))
        continue;
      // In a decode program the head's rows count tokens, each of which wants logits.
      bool perLogitRow = planned.rows == rt::Extent::LogitRows ||
                         llvm::is_contained(planned.op.getOutputs(), logits);
      int64_t &operations = perLogitRow ? costs.operationsPerLogitRow : costs.operationsPerToken;
      for (Value input : planned.op.getInputs())
        if (auto type = dyn_cast<RankedTensorType>(input.getType());
            type && type.getRank() == 2 && type.hasStaticShape())
          operations += 2 * type.getNumElements();
    }
  }

  FailureOr<rt::BindingAttr> bindTensor(Value value, rt::Access access) {
    MLIRContext *context = function.getContext();
    if (auto load = value.getDefiningOp<llm::LoadWeightOp>()) {
      FailureOr<uint64_t> bytes = weightBytes(load);
      if (failed(bytes))
        return failure();
      return rt::BindingAttr::get(context, rt::Space::Weight, load.getWeightAttr(), 0, *bytes,
                                  access, 0, false);
    }
    auto found = bufferOf.find(value);
    if (found == bufferOf.end())
      return function.emitOpError("expects tensors that weights or dispatches make, found ")
             << value;
    const Buffer &buffer = buffers[found->second];
    auto type = cast<RankedTensorType>(value.getType());
    return rt::BindingAttr::get(context, rt::Space::Arena, FlatSymbolRefAttr(), buffer.offset,
                                buffer.bytes, access, rowBytesOf(type),
                                type.getElementType().isF32());
  }

  FailureOr<rt::BindingAttr> bind(PlannedDispatch &planned, rt::ArgumentAttr argument) {
    rt::Source source = argument.getSource();
    auto state = [&](rt::Space space, ByteRange range) {
      return rt::BindingAttr::get(function.getContext(), space, FlatSymbolRefAttr(), range.offset,
                                  range.bytes, argument.getAccess(), 0, false);
    };
    switch (source) {
    case rt::Source::Operand:
      return bindTensor(planned.op.getInputs()[argument.getIndex()], argument.getAccess());
    case rt::Source::Result:
      return bindTensor(planned.op.getOutputs()[argument.getIndex()], argument.getAccess());
    case rt::Source::KeyPages:
    case rt::Source::ValuePages: {
      std::optional<uint64_t> layer = planned.op.getLayer();
      if (!layer || *layer >= uint64_t(geometry.getLayers()))
        return planned.op.emitOpError("expects a layer from 0 to ") << geometry.getLayers() - 1;
      return state(rt::Space::Kv, pageRange(source, *layer, geometry));
    }
    default:
      return state(rt::Space::Step, stepRange(source, planned.rows, program, stepLayout));
    }
  }

  LogicalResult emit(const ProgramCosts &costs) {
    OpBuilder builder(function);
    auto offsetOf = [&](Value tensor) {
      return builder.getI64IntegerAttr(buffers[bufferOf[tensor]].offset);
    };
    IntegerAttr candidateCount, candidateOffset;
    if (candidates) {
      candidateCount = builder.getI64IntegerAttr(llm::columnsOf(candidates));
      candidateOffset = offsetOf(candidates);
    }
    auto made = rt::ProgramOp::create(
        builder, function.getLoc(), function.getSymNameAttr(), FlatSymbolRefAttr::get(executable()),
        program, stepLayout, geometry, builder.getI64IntegerAttr(arenaBytes), offsetOf(logits),
        candidateCount, candidateOffset, costsAttribute(function.getContext(), costs));
    builder.setInsertionPointToStart(&made.getBody().emplaceBlock());
    for (PlannedDispatch &planned : dispatches) {
      SmallVector<Attribute> bindings;
      for (auto argument : planned.kernel.getBindings().getAsRange<rt::ArgumentAttr>()) {
        FailureOr<rt::BindingAttr> binding = bind(planned, argument);
        if (failed(binding))
          return failure();
        bindings.push_back(*binding);
      }
      rt::LaunchOp::create(builder, planned.op.getLoc(), planned.op.getKernel(),
                           planned.op.getLabelAttr(), planned.kernel.getGrid(),
                           builder.getArrayAttr(bindings));
    }
    function.erase();
    return success();
  }

  func::FuncOp function;
  llm::ProgramAttr program;
  SymbolTableCollection &symbols;
  const ContextBounds &bounds;

  RowExtents extents;
  SmallVector<PlannedDispatch> dispatches;
  llvm::DenseMap<Operation *, unsigned> steps;
  rt::StepLayoutAttr stepLayout;
  rt::KvGeometryAttr geometry;
  Value logits, candidates; ///< `candidates` may be null.
  SmallVector<Buffer> buffers;
  llvm::DenseMap<Value, unsigned> bufferOf;
  uint64_t arenaBytes = 0;
};

struct RtPlan : impl::RtPlanBase<RtPlan> {
  using RtPlanBase::RtPlanBase;

  void runOnOperation() override {
    if (failed(checkOptions()))
      return signalPassFailure();
    ContextBounds bounds{maxContext, kvTokens == 0 ? maxContext : kvTokens, pageTokens};
    SmallVector<func::FuncOp> programs;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttrOfType<llm::ProgramAttr>("llm.program"))
        programs.push_back(function);
    if (programs.empty()) {
      getOperation().emitError("expected functions with llm.program: run llm-specialise first");
      return signalPassFailure();
    }
    SymbolTableCollection symbols;
    for (func::FuncOp program : programs)
      if (failed(Planner(program, symbols, bounds).run()))
        return signalPassFailure();
  }

private:
  LogicalResult checkOptions() {
    struct Bound {
      const char *name;
      int64_t value, least, most;
    };
    const Bound bounds[] = {{"max-context", maxContext, 1, int64_t{1} << 28},
                            {"kv-tokens", kvTokens, 0, int64_t{1} << 40},
                            {"page-tokens", pageTokens, 1, 1 << 16}};
    for (const Bound &bound : bounds)
      if (bound.value < bound.least || bound.value > bound.most)
        return getOperation().emitError() << "expected " << bound.name << " from " << bound.least
                                          << " to " << bound.most << ", found " << bound.value;
    return success();
  }
};

} // namespace
} // namespace tawny
