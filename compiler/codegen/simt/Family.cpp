#include "compiler/codegen/simt/Family.h"

#include "compiler/codegen/simt/Kernel.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/Module.h"

using namespace mlir;

namespace tawny::simt {
namespace {

/// The conversions ask each dialect how its ops become LLVM's; these are the dialects that emitters
/// and the families' patterns use.
void registerConversions(MLIRContext &context) {
  DialectRegistry registry;
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertFuncToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  registerConvertMemRefToLLVMInterface(registry);
  ub::registerConvertUBToLLVMInterface(registry);
  vector::registerConvertVectorToLLVMInterface(registry);
  context.appendDialectRegistry(registry);
}

llvm::Error lower(const Family &family, ModuleOp module, const TargetInfo &target,
                  const CodegenOptions &options) {
  if (llvm::Error error = family.prepare(module, target))
    return error;
  registerConversions(*module.getContext());
  PassManager passes(module.getContext());
  if (options.configure && failed(options.configure(passes)))
    return llvm::createStringError("bad pass manager options");
  OpPassManager &kernels = passes.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  family.addConversions(kernels, target);
  kernels.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(module)))
    return llvm::createStringError("lowering for '%s' failed; see the diagnostics above",
                                   target.name.str().c_str());
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::Module>> translate(const Family &family,
                                                        gpu::GPUModuleOp module,
                                                        const TargetInfo &target,
                                                        llvm::LLVMContext &context) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerGPUDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, context);
  if (!translated)
    return llvm::createStringError("translation to LLVM IR failed; see the diagnostics above");
  for (const llvm::Function &function : *translated)
    if (function.isDeclaration() && !function.isIntrinsic())
      return llvm::createStringError("a kernel calls '%s', for which there is no code on %s",
                                     function.getName().str().c_str(), family.name().str().c_str());
  family.finish(*translated, target);
  return translated;
}

/// A kernel that spills is right but slow, so it is worth a word.
void warnOfSpills(rt::ExecutableOp executable, const CodeObject &code) {
  for (const KernelCode &kernel : code.kernels)
    if (kernel.spills != 0 || kernel.scratchBytes != 0)
      mlir::emitWarning(SymbolTable::lookupSymbolIn(executable, kernel.name)->getLoc())
          << "kernel '" << kernel.name << "' spills " << kernel.spills << " registers and has "
          << kernel.scratchBytes << " bytes of scratch memory per lane";
}

} // namespace

llvm::Expected<CodeObject> compile(const Family &family, rt::ExecutableOp executable,
                                   const TargetInfo &target, const CodegenOptions &options) {
  MLIRContext *context = executable.getContext();
  context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                       gpu::GPUDialect, LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect,
                       scf::SCFDialect, vector::VectorDialect>();
  family.loadDialects(*context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(executable.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto kernels = gpu::GPUModuleOp::create(builder, executable.getLoc(), executable.getSymName());
  // Text is for reading and may be in part; a code object is for running.
  Missing missing = options.stage == CodegenStage::Object ? Missing::Refuse : Missing::Skip;
  auto emitted =
      emitKernels(executable, target, family.backend(), options.maxContext, missing, kernels);
  if (!emitted)
    return emitted.takeError();
  CodeObject code;
  ProbeCode probes = emitProbes(executable, target, family.backend(), kernels);
  if (failed(verify(*module)))
    return llvm::createStringError("the GPU emitters made invalid IR; see the diagnostics above");
  if (options.stage == CodegenStage::Kernels) {
    llvm::raw_string_ostream(code.bytes) << *module << "\n";
    return code;
  }
  if (llvm::Error error = lower(family, *module, target, options))
    return error;
  llvm::LLVMContext llvmContext;
  auto translated = translate(family, kernels, target, llvmContext);
  if (!translated)
    return translated.takeError();
  llvm::Expected<std::string> text = family.emit(**translated, target, options.stage);
  if (!text)
    return text.takeError();
  if (options.stage != CodegenStage::Object) {
    code.bytes = std::move(*text);
    return code;
  }
  for (const EmittedKernel &kernel : *emitted)
    code.kernels.push_back({.name = kernel.name,
                            .symbol = kernel.name,
                            .sharedBytes = static_cast<uint64_t>(kernel.sharedBytes),
                            .threads = kernel.threads});
  code.probes = std::move(probes);
  if (llvm::Error error = family.link(std::move(*text), target, code))
    return error;
  warnOfSpills(executable, code);
  return code;
}

} // namespace tawny::simt
