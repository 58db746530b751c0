// llm-specialise: from one model function to the step program and the decode programs.
#include "passes/Passes.h"

#include "dialects/llm/Llm.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

#include <algorithm>

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_LLMSPECIALISE
#include "passes/Passes.h.inc"

namespace {

struct LlmSpecialise : impl::LlmSpecialiseBase<LlmSpecialise> {
  using LlmSpecialiseBase::LlmSpecialiseBase;

  void runOnOperation() override {
    FailureOr<func::FuncOp> model = findModel();
    if (failed(model) || failed(checkOptions()))
      return signalPassFailure();
    // The model's own name may be that of a program, so it goes before they come.
    model->getOperation()->remove();
    int64_t logitRows = std::min<int64_t>(maxTokens, std::max<int64_t>(maxLogitRows, sequences()));
    addProgram(*model, "step",
               llm::ProgramAttr::get(&getContext(), llm::ProgramKind::Step, maxTokens, sequences(),
                                     logitRows, blockRows(*model)));
    for (int64_t bucket = 1; bucket < maxBatch; bucket *= 2)
      addDecode(*model, bucket);
    addDecode(*model, maxBatch);
    model->erase();
  }

private:
  int64_t sequences() const { return maxSequences == 0 ? maxBatch : maxSequences; }

  /// Tokens of an attention block of the step program.
  int64_t blockRows(func::FuncOp model) const {
    if (attentionQueryRows == 0)
      return attentionBlockRows;
    int64_t group = 1;
    model.walk([&](llm::AttentionOp attention) {
      auto kv = cast<llm::KvType>(attention.getKv().getType());
      group = std::max(group, llm::columnsOf(attention.getQ()) / (kv.getHeads() * kv.getHeadDim()));
    });
    return std::clamp<int64_t>(attentionQueryRows / group, 1, maxTokens);
  }

  /// The one function that takes a step and is no program yet.
  FailureOr<func::FuncOp> findModel() {
    func::FuncOp model;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || function->hasAttr("llm.program") ||
          !llvm::any_of(function.getArgumentTypes(), llvm::IsaPred<llm::StepType>))
        continue;
      if (model)
        return function.emitOpError("is a second function that takes !llm.step; expected one model")
                   .attachNote(model.getLoc())
               << "the first is here";
      model = function;
    }
    if (!model)
      return getOperation().emitError(
          "expected a function that takes !llm.step: import a model first");
    return model;
  }

  LogicalResult checkOptions() {
    struct Bound {
      const char *name;
      int64_t value, least, most;
    };
    // Far above any use, and far from where the arithmetic of the plan would overflow.
    constexpr int64_t most = 1 << 20;
    const Bound bounds[] = {{"max-batch", maxBatch, 1, 1 << 16},
                            {"max-tokens", maxTokens, 1, most},
                            {"max-sequences", sequences(), 1, maxTokens},
                            {"max-logit-rows", maxLogitRows, 1, most},
                            {"attention-block-rows", attentionBlockRows, 1, maxTokens},
                            {"attention-query-rows", attentionQueryRows, 0, most},
                            {"candidates", candidates, 0, llm::TopKOp::mostCandidates}};
    for (const Bound &bound : bounds)
      if (bound.value < bound.least || bound.value > bound.most)
        return getOperation().emitError() << "expected " << bound.name << " from " << bound.least
                                          << " to " << bound.most << ", found " << bound.value;
    return success();
  }

  func::FuncOp addProgram(func::FuncOp model, const Twine &name, llm::ProgramAttr bounds) {
    func::FuncOp program = model.clone();
    program.setName(name.str());
    program->setAttr("llm.program", bounds);
    getOperation().push_back(program);
    if (candidates != 0)
      addCandidates(program);
    return program;
  }

  /// Returns the largest of the logits, too, which are the last tensor that the function returns.
  void addCandidates(func::FuncOp program) {
    Operation *terminator = program.getBody().front().getTerminator();
    for (Value logits : llvm::reverse(terminator->getOperands())) {
      auto type = dyn_cast<RankedTensorType>(logits.getType());
      if (!type)
        continue;
      OpBuilder builder(terminator);
      int64_t count = std::min<int64_t>(candidates, type.getShape().back());
      auto result = llm::rowsType(count, llm::CandidateType::get(&getContext()));
      Value best = llm::TopKOp::create(builder, terminator->getLoc(), result, logits);
      terminator->insertOperands(terminator->getNumOperands(), best);
      program.setFunctionType(builder.getFunctionType(
          program.getArgumentTypes(), llvm::to_vector(terminator->getOperandTypes())));
      return;
    }
  }

  void addDecode(func::FuncOp model, int64_t bucket) {
    func::FuncOp program =
        addProgram(model, "decode_" + Twine(bucket),
                   llm::ProgramAttr::get(&getContext(), llm::ProgramKind::Decode, bucket, bucket,
                                         bucket, /*blockRows=*/1));
    program.walk([](llm::LogitRowsOp rows) {
      rows.replaceAllUsesWith(rows.getInput());
      rows.erase();
    });
  }
};

} // namespace
} // namespace tawny
