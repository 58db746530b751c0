#include "compiler/codegen/x86/Lower.h"

#include "compiler/codegen/MachineCode.h"
#include "compiler/codegen/SharedObject.h"
#include "compiler/codegen/x86/KernelFacts.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace tawny::x86 {
namespace {

/// Function attributes of the target. `no-builtins` keeps LLVM from turning loops into calls of a
/// libc that the shared object does not link.
void setTargetAttributes(ModuleOp module, const TargetInfo &target) {
  OpBuilder builder(module.getContext());
  auto pair = [&](StringRef key, StringRef value) { return builder.getStrArrayAttr({key, value}); };
  std::string bits = std::to_string(target.vectorBits);
  for (auto function : module.getOps<func::FuncOp>()) {
    SmallVector<Attribute> attributes;
    if (auto own = function->getAttrOfType<ArrayAttr>("passthrough"))
      llvm::append_range(attributes, own);
    attributes.append({pair("target-cpu", target.cpu), pair("prefer-vector-width", bits),
                       pair("min-legal-vector-width", bits), builder.getStringAttr("nounwind"),
                       builder.getStringAttr("no-builtins")});
    if (!target.features.empty())
      attributes.push_back(pair("target-features", target.features));
    function->setAttr("passthrough", builder.getArrayAttr(attributes));
  }
}

llvm::Error lowerToLlvmDialect(ModuleOp module, const TargetInfo &target,
                               const CodegenOptions &options) {
  setTargetAttributes(module, target);
  RewritePatternSet patterns(module.getContext());
  populateMathPolynomialApproximationPatterns(patterns,
                                              [](StringRef name) { return name == "math.exp"; });
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return llvm::createStringError("approximating math functions did not converge");
  PassManager passes(module.getContext());
  if (options.configure && failed(options.configure(passes)))
    return llvm::createStringError("bad pass manager options");
  passes.addPass(createCSEPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createConvertFuncToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(module)))
    return llvm::createStringError("lowering to the LLVM dialect failed; see above");
  return llvm::Error::success();
}

} // namespace

llvm::Error lowerAndLink(ModuleOp module, const TargetInfo &target, const CodegenOptions &options,
                         CodeObject &code) {
  if (auto error = lowerToLlvmDialect(module, target, options))
    return error;
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  auto translated = translateModuleToLLVMIR(module, context);
  if (!translated)
    return llvm::createStringError("translation to LLVM IR failed; see the diagnostics above");
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::TargetOptions machine;
  machine.EmitStackSizeSection = true; // for readKernelFacts
  auto emitted = emitMachineCode(
      *translated, target,
      {llvm::OptimizationLevel::O2, llvm::CodeGenOptLevel::Default, machine, /*reorders=*/false},
      options.stage);
  if (!emitted)
    return emitted.takeError();
  if (options.stage != CodegenStage::Object) {
    code = {.bytes = std::move(*emitted), .fallback = "", .kernels = {}, .probes = {}};
    return llvm::Error::success();
  }
  auto linked = linkSharedObject(*emitted, "elf_x86_64");
  if (!linked)
    return linked.takeError();
  code.bytes = std::move(*linked);
  return readKernelFacts(code);
}

} // namespace tawny::x86
