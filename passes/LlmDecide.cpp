// llm-decide: what linears compute in, and where weights are dequantised.
#include "passes/Passes.h"

#include "dialects/formats/Activations.h"
#include "dialects/formats/Formats.h"
#include "dialects/llm/Llm.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMDECIDE
#include "passes/Passes.h.inc"

namespace {

bool isQuantised(Value weight) {
  auto format =
      formatByName(llm::formatName(cast<RankedTensorType>(weight.getType()).getElementType()));
  return format && !formatInfo(*format).isFloat();
}

/// Whether a linear can read `element`, f16 or int8, and does not yet.
bool wants(Type element, llm::LinearOp linear) {
  auto input = cast<RankedTensorType>(linear.getInput().getType());
  if (!input.getElementType().isF32())
    return false;
  return element.isF16() || (input.getShape().back() % ActivationRow::groupElements == 0 &&
                             llvm::all_of(linear.getWeights(), isQuantised));
}

/// Whether the op that makes `value` can write it as `element`, f16 or int8.
bool canWrite(Type element, Value value) {
  Operation *producer = value.getDefiningOp();
  if (!producer)
    return false;
  return llvm::TypeSwitch<Operation *, bool>(producer)
      .Case([](llm::RmsNormOp) { return true; })
      .Case([&](llm::AttentionOp op) {
        // Heads are computed apart, so none may share a group's scale with another.
        int64_t headDim = cast<llm::KvType>(op.getKv().getType()).getHeadDim();
        return element.isF16() || headDim % ActivationRow::groupElements == 0;
      })
      .Case([&](llm::AddRmsNormOp op) { return value == op.getNorm(); })
      .Case([](llm::LinearOp op) { return !op.getEpilogue().empty(); })
      .Default([](Operation *) { return false; });
}

struct LlmDecide : impl::LlmDecideBase<LlmDecide> {
  using LlmDecideBase::LlmDecideBase;

  void runOnOperation() override {
    if (failed(checkOptions()))
      return signalPassFailure();
    auto fused = StringAttr::get(&getContext(), dequant);
    getOperation().walk([&](llm::LinearOp linear) { linear->setAttr("llm.dequant", fused); });
    if (kv == "f32")
      widenPool();
    if (activations == "f32")
      return;
    Type element = Float16Type::get(&getContext());
    if (activations == "i8")
      element = llm::A8Type::get(&getContext());
    insertQuantize(element);
    getOperation().walk([](llm::QuantizeOp quantize) { moveIntoProducer(quantize); });
  }

private:
  LogicalResult checkOptions() {
    if (!llvm::is_contained({"f32", "f16", "i8"}, StringRef(activations)))
      return getOperation().emitError()
             << "expected activations to be f32, f16 or i8, found '" << activations << "'";
    if (kv != "f16" && kv != "f32")
      return getOperation().emitError() << "expected kv to be f16 or f32, found '" << kv << "'";
    if (dequant != "fused")
      return getOperation().emitError()
             << "expected dequant to be fused, found '" << dequant << "'";
    return success();
  }

  /// Gives every value that is the pool elements of f32.
  void widenPool() {
    auto widen = [](Type type) -> Type {
      auto pool = dyn_cast<llm::KvType>(type);
      return pool ? llm::KvType::get(type.getContext(), pool.getLayers(), pool.getHeads(),
                                     pool.getHeadDim(), /*bits=*/32)
                  : type;
    };
    func::FuncOp function = getOperation();
    auto widenAll = [&](auto values) {
      for (Value value : values)
        value.setType(widen(value.getType()));
    };
    function.walk([&](Block *block) { widenAll(block->getArguments()); });
    function.walk([&](Operation *op) { widenAll(op->getResults()); });
    auto type = function.getFunctionType();
    function.setType(type.clone(llvm::map_to_vector(type.getInputs(), widen),
                                llvm::map_to_vector(type.getResults(), widen)));
  }

  /// Linears that share their input share its rounded form.
  void insertQuantize(Type element) {
    llvm::DenseMap<Value, Value> quantised;
    getOperation().walk([&](llm::LinearOp linear) {
      if (!wants(element, linear))
        return;
      Value &rounded = quantised[linear.getInput()];
      if (!rounded) {
        OpBuilder builder(linear);
        auto type = cast<RankedTensorType>(linear.getInput().getType()).clone(element);
        rounded = llm::QuantizeOp::create(builder, linear.getLoc(), type, linear.getInput());
      }
      linear.getInputMutable().assign(rounded);
    });
  }

  static void moveIntoProducer(llm::QuantizeOp quantize) {
    Value input = quantize.getInput();
    auto type = cast<RankedTensorType>(quantize.getResult().getType());
    if (!input.hasOneUse() || !canWrite(type.getElementType(), input))
      return;
    input.setType(type);
    quantize.replaceAllUsesWith(input);
    quantize.erase();
  }
};

} // namespace
} // namespace tawny
