// The NVPTX code generator: kernels of an executable to PTX and, where ptxas is found, a cubin.
#include "compiler/codegen/MachineCode.h"
#include "compiler/codegen/SharedObject.h"
#include "compiler/codegen/nvptx/Lower.h"
#include "compiler/codegen/nvptx/Ptxas.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace tawny {
namespace nvptx {
namespace {

/// Barrier 0 orders global memory too, but waits for no load that nobody has used: PTX has none
/// that is weaker, and no scheduler that needs fences, since ptxas schedules.
void emitSharedBarrier(OpBuilder &builder, Location loc) { NVVM::Barrier0Op::create(builder, loc); }

constexpr simt::Backend nvidiaBackend{
    .sharedBarrier = emitSharedBarrier, .scheduleFence = nullptr, .hasLaunchedSharedMemory = true};

class NvidiaFamily : public simt::Family {
public:
  StringRef name() const final { return "NVIDIA GPUs"; }
  const simt::Backend &backend() const final { return nvidiaBackend; }

  void loadDialects(MLIRContext &context) const final {
    context.loadDialect<NVVM::NVVMDialect>();
    registerNVVMDialectTranslation(context);
  }

  llvm::Error prepare(ModuleOp module, const TargetInfo &target) const final {
    return prepareForNvvm(module, target);
  }

  void addConversions(OpPassManager &kernels, const TargetInfo &) const final {
    addNvvmConversions(kernels);
  }

  void finish(llvm::Module &, const TargetInfo &) const final {}

  llvm::Expected<std::string> emit(llvm::Module &module, const TargetInfo &target,
                                   CodegenStage stage) const final {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    // PTX is what LLVM ends with: assembly and object are one.
    return emitMachineCode(
        module, target,
        {llvm::OptimizationLevel::O3, llvm::CodeGenOptLevel::Aggressive, llvm::TargetOptions()},
        stage == CodegenStage::Object ? CodegenStage::Assembly : stage);
  }

  llvm::Error link(std::string emitted, const TargetInfo &target, CodeObject &code) const final {
    std::optional<std::string> ptxas = findPtxas();
    if (!ptxas) {
      emitted.push_back('\0'); // as the driver wants it
      code.bytes = std::move(emitted);
      return llvm::Error::success();
    }
    llvm::Expected<std::string> cubin = assemble(*ptxas, emitted, target.cpu, code);
    if (!cubin)
      return cubin.takeError();
    code.bytes = std::move(*cubin);
    emitted.push_back('\0');
    code.fallback = std::move(emitted);
    return readSymbolSizes(code);
  }
};

} // namespace
} // namespace nvptx

llvm::Expected<CodeObject> compileNVPTX(rt::ExecutableOp executable, const TargetInfo &target,
                                        const CodegenOptions &options) {
  return simt::compile(nvptx::NvidiaFamily(), executable, target, options);
}

} // namespace tawny
