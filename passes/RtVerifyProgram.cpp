// rt-verify-program: programs read only what they wrote, and inside its bounds.
#include "passes/Passes.h"

#include "dialects/rt/Rt.h"
#include "passes/Weights.h"

#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_RTVERIFYPROGRAM
#include "passes/Passes.h.inc"

namespace {

bool overlap(rt::BindingAttr a, rt::BindingAttr b) {
  return a.getOffset() < b.getOffset() + b.getBytes() &&
         b.getOffset() < a.getOffset() + a.getBytes();
}

bool sameBytes(rt::BindingAttr a, rt::BindingAttr b) {
  return a.getOffset() == b.getOffset() && a.getBytes() == b.getBytes() &&
         a.getRowBytes() == b.getRowBytes() && a.getF32() == b.getF32();
}

bool reads(rt::BindingAttr binding) { return binding.getAccess() != rt::Access::Write; }
bool writes(rt::BindingAttr binding) { return binding.getAccess() != rt::Access::Read; }

/// Bytes of an !llm.candidate.
constexpr int64_t candidateBytes = 8;

/// Something that a launch wrote to the arena.
struct Written {
  rt::LaunchOp launch;
  rt::BindingAttr binding;
};

/// Follows one program, launch by launch.
class ProgramVerifier {
public:
  ProgramVerifier(rt::ProgramOp program, SymbolTableCollection &symbols)
      : program(program), symbols(symbols) {}

  LogicalResult run() {
    for (auto launch : program.getBody().getOps<rt::LaunchOp>())
      if (failed(checkKernel(launch)) || failed(checkSpaces(launch)) || failed(checkArena(launch)))
        return failure();
    return success(succeeded(checkLogits()) && succeeded(checkCandidates()));
  }

private:
  static auto bindingsOf(rt::LaunchOp launch) {
    return launch.getBindings().getAsRange<rt::BindingAttr>();
  }

  LogicalResult checkKernel(rt::LaunchOp launch) {
    auto kernel = symbols.lookupNearestSymbolFrom<rt::KernelOp>(launch, launch.getKernel());
    if (launch.getGrid() != kernel.getGrid())
      return launch.emitOpError("expects the kernel's grid ")
             << kernel.getGrid() << ", found " << launch.getGrid();
    auto arguments = kernel.getBindings().getAsRange<rt::ArgumentAttr>();
    for (auto [index, binding, argument] : llvm::enumerate(bindingsOf(launch), arguments))
      if (binding.getAccess() != argument.getAccess())
        return launch.emitOpError("expects binding ")
               << index << " to be " << rt::stringifyAccess(argument.getAccess())
               << " as the kernel's, found " << binding;
    return success();
  }

  LogicalResult checkSpaces(rt::LaunchOp launch) {
    for (auto binding : bindingsOf(launch)) {
      int64_t bytes = 0;
      bool writable = false;
      switch (binding.getSpace()) {
      case rt::Space::Weight:
        if (failed(checkWeight(launch, binding)))
          return failure();
        bytes = binding.getBytes();
        break;
      case rt::Space::Arena:
        bytes = program.getArenaBytes();
        writable = true;
        break;
      case rt::Space::Kv:
        bytes = program.getKv().bytes();
        writable = true;
        break;
      case rt::Space::Step:
        bytes = program.getStepLayout().getBytes();
        break;
      case rt::Space::Resident:
        return launch.emitOpError("expects no resident memory, since there is no init program");
      }
      if (binding.getBytes() > bytes || binding.getOffset() > bytes - binding.getBytes())
        return launch.emitOpError("expects a binding inside the ")
               << bytes << " bytes of its space, found " << binding;
      if (writes(binding) && !writable)
        return launch.emitOpError("expects only reads of weights and of the step table, found ")
               << binding;
    }
    return success();
  }

  LogicalResult checkWeight(rt::LaunchOp launch, rt::BindingAttr binding) {
    auto weight = binding.getWeight()
                      ? symbols.lookupNearestSymbolFrom<llm::WeightOp>(launch, binding.getWeight())
                      : llm::WeightOp();
    if (!weight)
      return launch.emitOpError("expects the name of an llm.weight, found ") << binding;
    std::optional<uint64_t> bytes = packedWeightBytes(weight);
    if (!bytes || binding.getOffset() != 0 || uint64_t(binding.getBytes()) != *bytes)
      return launch.emitOpError("expects all ")
             << bytes.value_or(0) << " bytes of the weight, found " << binding;
    return success();
  }

  LogicalResult checkArena(rt::LaunchOp launch) {
    SmallVector<rt::BindingAttr> touched;
    for (auto binding : bindingsOf(launch)) {
      if (binding.getSpace() != rt::Space::Arena)
        continue;
      if (reads(binding) && failed(checkRead(launch, binding)))
        return failure();
      for (rt::BindingAttr other : touched)
        if (overlap(binding, other) && (writes(binding) || writes(other)))
          return launch.emitOpError("writes over what else it touches: ")
                 << binding << " and " << other;
      touched.push_back(binding);
    }
    for (rt::BindingAttr binding : touched)
      if (writes(binding))
        written.push_back({launch, binding});
    return success();
  }

  /// What was last written to any byte that is read must be all that is read. Anything else means
  /// that another buffer was put over it while it was needed, or that nothing was written.
  LogicalResult checkRead(rt::LaunchOp launch, rt::BindingAttr read) {
    for (Written &last : llvm::reverse(written)) {
      if (!overlap(last.binding, read))
        continue;
      if (sameBytes(last.binding, read))
        return success();
      return (launch.emitOpError("reads ") << read << ", part of which was overwritten")
                 .attachNote(last.launch.getLoc())
             << "by '" << last.launch.getLabel() << "' with " << last.binding;
    }
    return launch.emitOpError("reads ") << read << ", which no earlier launch wrote";
  }

  LogicalResult checkLogits() {
    int64_t logitRows = program.getProgram().getLogitRows(), offset = program.getLogitsOffset();
    for (Written &last : llvm::reverse(written)) {
      rt::BindingAttr binding = last.binding;
      if (binding.getOffset() == offset && binding.getF32() &&
          binding.getBytes() / logitRows == binding.getRowBytes())
        return checkNotOverwritten(last, "the logits");
    }
    return program.emitOpError("expects a launch that writes ")
           << logitRows << " rows of f32 logits at " << offset << ", found none";
  }

  LogicalResult checkCandidates() {
    if (!program.getCandidates())
      return success();
    int64_t logitRows = program.getProgram().getLogitRows();
    int64_t rowBytes = static_cast<int64_t>(*program.getCandidates()) * candidateBytes;
    auto offset = static_cast<int64_t>(*program.getCandidatesOffset());
    for (Written &last : llvm::reverse(written)) {
      rt::BindingAttr binding = last.binding;
      if (binding.getOffset() == offset && binding.getRowBytes() == rowBytes &&
          binding.getBytes() == logitRows * rowBytes)
        return checkNotOverwritten(last, "the candidates");
    }
    return program.emitOpError("expects a launch that writes ")
           << logitRows << " rows of " << *program.getCandidates() << " candidates at " << offset
           << ", found none";
  }

  LogicalResult checkNotOverwritten(Written &result, const char *what) {
    for (Written &other : llvm::reverse(written)) {
      if (other.launch == result.launch)
        return success();
      if (overlap(other.binding, result.binding))
        return other.launch.emitOpError("writes over ") << what << ": " << other.binding;
    }
    return success();
  }

  rt::ProgramOp program;
  SymbolTableCollection &symbols;
  SmallVector<Written> written;
};

struct RtVerifyProgram : impl::RtVerifyProgramBase<RtVerifyProgram> {
  void runOnOperation() override {
    SymbolTableCollection symbols;
    for (auto program : getOperation().getOps<rt::ProgramOp>())
      if (failed(ProgramVerifier(program, symbols).run()))
        signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace tawny
