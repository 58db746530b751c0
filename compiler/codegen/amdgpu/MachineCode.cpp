// LLVM's part: optimiser and backend, in process.
#include "compiler/codegen/amdgpu/Lower.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

namespace tawny::amdgpu {
namespace {

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const TargetInfo &target) {
  LLVMInitializeAMDGPUTargetInfo();
  LLVMInitializeAMDGPUTarget();
  LLVMInitializeAMDGPUTargetMC();
  LLVMInitializeAMDGPUAsmPrinter();
  LLVMInitializeAMDGPUAsmParser(); // for the barriers, which upstream lowers to inline assembly
  llvm::Triple triple(target.triple);
  std::string message;
  const llvm::Target *registered = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!registered)
    return llvm::createStringError("target %s: %s", target.name.str().c_str(), message.c_str());
  return std::unique_ptr<llvm::TargetMachine>(registered->createTargetMachine(
      triple, target.cpu, target.features, llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

/// Runs the whole O3 pipeline: without it kernels keep hidden arguments that nothing supplies.
void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = false; // a lane is scalar code
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

} // namespace

llvm::Expected<std::string> emitMachineCode(llvm::Module &module, const TargetInfo &target,
                                            CodegenStage stage) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = machineFor(target);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  optimise(module, **machine);
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
    return llvm::createStringError("the AMDGPU backend cannot emit this kind of file");
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

} // namespace tawny::amdgpu
