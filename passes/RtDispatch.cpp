// rt-dispatch: from ops to kernels and their dispatches.
#include "passes/Passes.h"

#include "dialects/rt/Rt.h"
#include "passes/KernelNames.h"
#include "passes/KernelShapes.h"
#include "passes/RowExtents.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_RTDISPATCH
#include "passes/Passes.h.inc"

namespace {

bool sameKernel(rt::KernelOp a, rt::KernelOp b) {
  return a.getGrid() == b.getGrid() && a.getBindings() == b.getBindings() &&
         a.getResourcesAttr() == b.getResourcesAttr() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// Fills an executable with the kernels of the ops it is shown.
class Kernels {
public:
  Kernels(rt::ExecutableOp executable, const LayoutInfo &layout)
      : executable(executable), layout(layout) {}

  /// The kernel that computes `op` for at most `mostRows` rows that count `rows`; made if there is
  /// none yet.
  rt::KernelOp get(Operation *op, rt::Extent rows, int64_t mostRows) {
    rt::KernelOp made = make(op, rows, mostRows);
    SmallVector<rt::KernelOp> &namesakes = kernels[made.getSymName()];
    for (rt::KernelOp kernel : namesakes)
      if (sameKernel(kernel, made)) {
        made.erase();
        return kernel;
      }
    std::string name = made.getSymName().str();
    namesakes.push_back(made);
    if (namesakes.size() > 1)
      made.setSymName(name + "_v" + std::to_string(namesakes.size()));
    return made;
  }

private:
  rt::KernelOp make(Operation *op, rt::Extent rows, int64_t mostRows) {
    OpBuilder builder = OpBuilder::atBlockEnd(&executable.getBody().front());
    KernelShape shape = kernelShape(op, layout, rows, mostRows);
    std::string name = kernelName(op, rows);
    if (shape.tile.tokens != 0)
      name += "_t" + std::to_string(shape.tile.tokens);
    auto kernel =
        rt::KernelOp::create(builder, op->getLoc(), builder.getStringAttr(name), shape.grid,
                             builder.getArrayAttr(shape.bindings), shape.resources);
    Block &body = kernel.getBody().emplaceBlock();
    // Operands stand for themselves even where two are the same value: each has its own binding.
    for (Value operand : op->getOperands())
      body.addArgument(operand.getType(), operand.getLoc());
    builder.setInsertionPointToEnd(&body);
    Operation *inner = builder.clone(*op);
    inner->setOperands(body.getArguments());
    // The dispatch says which layer; the kernel is that of all layers.
    if (inner->hasAttr("layer"))
      inner->setAttr("layer", builder.getI64IntegerAttr(0));
    rt::ReturnOp::create(builder, op->getLoc(), inner->getResults());
    return kernel;
  }

  rt::ExecutableOp executable;
  const LayoutInfo &layout;
  llvm::StringMap<SmallVector<rt::KernelOp>> kernels; ///< By the name that kernelName gives.
};

/// A linear's quantised weights are dequantised where llm-decide said, and nowhere else: without
/// that, a weight might be expanded in memory and nobody would have asked for it.
LogicalResult checkDecided(Operation &op) {
  auto linear = dyn_cast<llm::LinearOp>(op);
  if (!linear)
    return success();
  auto decision = linear->getAttrOfType<StringAttr>("llm.dequant");
  for (Value weight : linear.getWeights()) {
    Type element = cast<RankedTensorType>(weight.getType()).getElementType();
    std::optional<Format> format = llm::formatOf(element);
    if (!format || formatInfo(*format).isFloat() || (decision && decision.getValue() == "fused"))
      continue;
    InFlightDiagnostic error = linear.emitOpError()
                               << "expects llm.dequant = \"fused\" beside weights of " << element
                               << ", found ";
    if (decision)
      return error << decision << ", which no kernel does";
    return error << "none: run llm-decide first, no weight is expanded undecided";
  }
  return success();
}

/// Whether an op computes activations and so becomes a kernel.
bool isComputation(Operation &op) {
  if (isa<llm::LlmDialect>(op.getDialect()))
    return true;
  return isa<arith::ArithDialect, math::MathDialect>(op.getDialect()) && op.getNumOperands() > 0 &&
         op.getNumResults() == 1 && isa<RankedTensorType>(op.getResult(0).getType());
}

struct RtDispatch : impl::RtDispatchBase<RtDispatch> {
  using RtDispatchBase::RtDispatchBase;

  void runOnOperation() override {
    if (failed(run(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult run(ModuleOp module) {
    std::optional<LayoutInfo> matrices = layoutByName(layout);
    if (!matrices || matrices->tileRows == 0)
      return module.emitError() << "expected layout to be simd16 or simt32, found '" << layout
                                << "'";
    if (!llvm::is_contained({"f32", "f16", "i8"}, StringRef(activations)))
      return module.emitError() << "expected activations to be f32, f16 or i8, found '"
                                << activations << "'";
    SmallVector<func::FuncOp> programs;
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr("llm.program"))
        programs.push_back(function);
    if (programs.empty())
      return module.emitError("expected functions with llm.program: run llm-specialise first");

    rt::ExecutableOp executable = makeExecutable(programs.front());
    Kernels kernels(executable, *matrices);
    for (func::FuncOp program : programs)
      if (failed(outline(program, executable, kernels)))
        return failure();
    return success();
  }

  rt::ExecutableOp makeExecutable(Operation *before) {
    OpBuilder builder(before);
    auto target = rt::TargetAttr::get(&getContext(), builder.getStringAttr(StringRef(this->target)),
                                      builder.getStringAttr(StringRef(layout)),
                                      builder.getStringAttr(StringRef(activations)));
    auto executable = rt::ExecutableOp::create(builder, getOperation().getLoc(),
                                               builder.getStringAttr("kernels"), target);
    executable.getBody().emplaceBlock();
    SymbolTable(getOperation()).insert(executable, before->getIterator());
    return executable;
  }

  LogicalResult outline(func::FuncOp program, rt::ExecutableOp executable, Kernels &kernels) {
    if (!program.getBody().hasOneBlock())
      return program.emitOpError("expects a body of one block");
    RowExtents extents;
    SmallVector<std::pair<Operation *, rt::Extent>> computations;
    for (Operation &op : program.getBody().front()) {
      if (isa<llm::LoadWeightOp, func::ReturnOp>(op))
        continue;
      if (!isComputation(op))
        return op.emitOpError("cannot become a kernel: expected llm ops, and arith and math on "
                              "tensors");
      if (failed(checkDecided(op)))
        return failure();
      FailureOr<rt::Extent> rows = extents.visit(&op, isa<llm::LogitRowsOp>(op));
      if (failed(rows))
        return failure();
      computations.emplace_back(&op, *rows);
    }
    auto bounds = program->getAttrOfType<llm::ProgramAttr>("llm.program");
    for (auto [op, rows] : computations) {
      int64_t most = rows == rt::Extent::LogitRows ? bounds.getLogitRows() : bounds.getTokens();
      replace(op, executable, kernels.get(op, rows, most));
    }
    return success();
  }

  static void replace(Operation *op, rt::ExecutableOp executable, rt::KernelOp kernel) {
    OpBuilder builder(op);
    auto symbol = SymbolRefAttr::get(executable.getSymNameAttr(), {FlatSymbolRefAttr::get(kernel)});
    auto dispatch = rt::DispatchOp::create(
        builder, op->getLoc(), op->getResultTypes(), symbol, op->getOperands(),
        builder.getStringAttr(dispatchLabel(op)), op->getAttrOfType<IntegerAttr>("layer"));
    op->replaceAllUsesWith(dispatch);
    op->erase();
  }
};

} // namespace
} // namespace tawny
