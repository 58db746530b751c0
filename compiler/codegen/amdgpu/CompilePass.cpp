#include "compiler/codegen/amdgpu/CompilePass.h"

#include "compiler/codegen/Codegen.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace tawny {
namespace {

struct CompileAmdgpuPass : PassWrapper<CompileAmdgpuPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CompileAmdgpuPass)

  CompileAmdgpuPass() = default;
  CompileAmdgpuPass(const CompileAmdgpuPass &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "tawny-compile-amdgpu"; }
  StringRef getDescription() const final {
    return "Compile every rt.executable for an AMD GPU and write the result to a file";
  }

  Option<std::string> chip{*this, "chip", llvm::cl::desc("a row of the target table"),
                           llvm::cl::init("gfx1151")};
  Option<CodegenStage> stage{
      *this, "emit", llvm::cl::desc("what to write"), llvm::cl::init(CodegenStage::Assembly),
      llvm::cl::values(clEnumValN(CodegenStage::Kernels, "kernels", "the emitted MLIR"),
                       clEnumValN(CodegenStage::Llvm, "llvm", "optimised LLVM IR"),
                       clEnumValN(CodegenStage::Assembly, "asm", "assembly"),
                       clEnumValN(CodegenStage::Object, "object", "a linked code object"))};
  Option<std::string> output{*this, "output", llvm::cl::desc("file to write"), llvm::cl::init("-")};

  void runOnOperation() final {
    if (llvm::Error error = compileAll()) {
      getOperation().emitError(llvm::toString(std::move(error)));
      signalPassFailure();
    }
  }

  llvm::Error compileAll() {
    llvm::Expected<const TargetInfo *> target = findTarget(chip);
    if (!target)
      return target.takeError();
    if ((*target)->family != TargetFamily::AMDGPU)
      return llvm::createStringError("'%s' is no AMD GPU", chip.c_str());
    std::error_code code;
    llvm::ToolOutputFile file(output, code, llvm::sys::fs::OF_None);
    if (code)
      return llvm::createStringError(code, "cannot write %s: %s", output.c_str(),
                                     code.message().c_str());
    CodegenOptions options;
    options.stage = stage;
    for (auto executable : getOperation().getOps<rt::ExecutableOp>()) {
      llvm::Expected<CodeObject> object = compileAMDGPU(executable, **target, options);
      if (!object)
        return object.takeError();
      file.os() << object->bytes;
      for (const KernelCode &kernel : object->kernels)
        executable.emitRemark() << kernel.name << ": " << kernel.threads << " threads, "
                                << kernel.vectorRegisters << " vector and "
                                << kernel.scalarRegisters << " scalar registers, " << kernel.spills
                                << " spills, " << kernel.scratchBytes << " bytes of scratch, "
                                << kernel.sharedBytes << " bytes shared, " << kernel.codeBytes
                                << " bytes of code";
    }
    file.keep();
    return llvm::Error::success();
  }
};

} // namespace

void registerAmdgpuPasses() { PassRegistration<CompileAmdgpuPass>(); }

} // namespace tawny
