#include "compiler/RtModule.h"

#include "llvm/ADT/STLExtras.h"

namespace tawny {

llvm::Expected<RtModule> readRtModule(mlir::ModuleOp module) {
  RtModule rt{module, nullptr, {}};
  auto executables = llvm::to_vector(module.getOps<rt::ExecutableOp>());
  if (executables.size() != 1)
    return llvm::createStringError("expected one rt.executable in the lowered module, found %zu",
                                   executables.size());
  rt.executable = executables.front();
  rt.programs = llvm::to_vector(module.getOps<rt::ProgramOp>());
  auto isStep = [](rt::ProgramOp program) {
    return program.getProgram().getKind() == llm::ProgramKind::Step;
  };
  llvm::sort(rt.programs, [&](rt::ProgramOp a, rt::ProgramOp b) {
    if (isStep(a) != isStep(b))
      return isStep(a);
    return a.getProgram().getSequences() < b.getProgram().getSequences();
  });
  auto steps = llvm::count_if(rt.programs, isStep);
  if (steps != 1)
    return llvm::createStringError("expected one step program in the lowered module, found %td",
                                   steps);
  return rt;
}

} // namespace tawny
