#include "compiler/codegen/MachineCode.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Target/TargetMachine.h"

#include <optional>

namespace tawny {
namespace {

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const TargetInfo &target,
                                                                const MachineOptions &options) {
  llvm::Triple triple(target.triple);
  std::string message;
  const llvm::Target *registered = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!registered)
    return llvm::createStringError("target %s: %s", target.name.str().c_str(), message.c_str());
  return std::unique_ptr<llvm::TargetMachine>(
      registered->createTargetMachine(triple, target.cpu, target.features, options.target,
                                      llvm::Reloc::PIC_, std::nullopt, options.codegen));
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine, llvm::OptimizationLevel level) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(level).run(module, modules);
}

/// While it lives, LLVM does not schedule machine instructions before it gives them registers. An
/// option of the process says so, which is enough where one thread makes code;
/// TargetPassConfig::disablePass would take a copy of what addPassesToEmitFile does.
class OrderKept {
public:
  OrderKept() { scheduling->addOccurrence(0, scheduling->ArgStr, "false"); }
  ~OrderKept() { scheduling->reset(); }

private:
  llvm::cl::Option *scheduling = llvm::cl::getRegisteredOptions().lookup("enable-misched");
};

} // namespace

llvm::Expected<std::string> emitMachineCode(llvm::Module &module, const TargetInfo &target,
                                            const MachineOptions &options, CodegenStage stage) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = machineFor(target, options);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  optimise(module, **machine, options.optimisation);
  if (stage == CodegenStage::Llvm) {
    std::string text;
    llvm::raw_string_ostream(text) << module;
    return text;
  }
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  auto type = stage == CodegenStage::Assembly ? llvm::CodeGenFileType::AssemblyFile
                                              : llvm::CodeGenFileType::ObjectFile;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, type))
    return llvm::createStringError("the backend of %s cannot emit this kind of file",
                                   target.name.str().c_str());
  std::optional<OrderKept> orderKept;
  if (!options.reorders)
    orderKept.emplace();
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

} // namespace tawny
