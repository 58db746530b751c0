// rt-print-costs: one line of costs per program.
#include "passes/Passes.h"

#include "dialects/rt/Rt.h"
#include "passes/ProgramCosts.h"

using namespace mlir;

namespace tawny {

#define GEN_PASS_DEF_RTPRINTCOSTS
#include "passes/Passes.h.inc"

namespace {

struct RtPrintCosts : impl::RtPrintCostsBase<RtPrintCosts> {
  void runOnOperation() override {
    for (auto program : getOperation().getOps<rt::ProgramOp>())
      llvm::errs() << program.getSymName() << ": " << programCosts(program) << '\n';
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace tawny
