#include "compiler/codegen/CompilePass.h"

#include "compiler/codegen/Codegen.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace tawny {
namespace {

struct CompilePass : PassWrapper<CompilePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CompilePass)

  CompilePass() = default;
  CompilePass(const CompilePass &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "tawny-compile"; }
  StringRef getDescription() const final {
    return "Compile every rt.executable for its target and write the result to a file";
  }

  Option<std::string> target{
      *this, "target", llvm::cl::desc("a row of the target table; empty: the executable's own")};
  Option<uint64_t> maxContext{*this, "max-context", llvm::cl::desc("positions of a sequence"),
                              llvm::cl::init(4096)};
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
    std::error_code code;
    llvm::ToolOutputFile file(output, code, llvm::sys::fs::OF_None);
    if (code)
      return llvm::createStringError(code, "cannot write %s: %s", output.c_str(),
                                     code.message().c_str());
    for (auto executable : getOperation().getOps<rt::ExecutableOp>())
      if (llvm::Error error = compile(executable, file.os()))
        return error;
    file.keep();
    return llvm::Error::success();
  }

  llvm::Error compile(rt::ExecutableOp executable, llvm::raw_ostream &os) {
    StringRef name = target.empty() ? executable.getTarget().getName().getValue() : target;
    llvm::Expected<const TargetInfo *> info = findTarget(name);
    if (!info)
      return info.takeError();
    Codegen codegen = CodegenTable{
        .x86 = compileX86, .amdgpu = compileAMDGPU, .nvptx = compileNVPTX}[(*info)->family];
    if (!codegen)
      return llvm::createStringError("no code generator for '%s'", name.str().c_str());
    CodegenOptions options;
    options.stage = stage;
    options.maxContext = maxContext;
    llvm::Expected<CodeObject> object = codegen(executable, **info, options);
    if (!object)
      return object.takeError();
    os << object->bytes;
    for (const KernelCode &kernel : object->kernels)
      executable.emitRemark() << kernel.name << ": " << kernel.threads << " threads, "
                              << kernel.vectorRegisters << " vector and " << kernel.scalarRegisters
                              << " scalar registers, " << kernel.spills << " spills, "
                              << kernel.scratchBytes << " bytes of scratch, " << kernel.sharedBytes
                              << " bytes shared, " << kernel.codeBytes << " bytes of code";
    return llvm::Error::success();
  }
};

} // namespace

void registerCompilePass() { PassRegistration<CompilePass>(); }

} // namespace tawny
