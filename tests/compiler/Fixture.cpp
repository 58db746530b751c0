#include "tests/compiler/Fixture.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

namespace tawny::test {

std::string sampleModel() { return TAWNY_SOURCE_DIR "/models/samples/alice-llama-Q4_K_M.gguf"; }

std::string readFile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

std::vector<std::string> filesIn(llvm::StringRef folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; it != end && !code;
       it.increment(code))
    names.push_back(llvm::sys::path::filename(it->path()).str());
  llvm::sort(names);
  return names;
}

llvm::Expected<CodeObject> fakeCodegen(rt::ExecutableOp executable, const TargetInfo &target,
                                       const CodegenOptions &options) {
  CodeObject object;
  object.bytes = ("code for " + target.name).str();
  if (target.device == "cuda")
    object.fallback = ("fallback for " + target.name).str();
  if (options.stage != CodegenStage::Object)
    return object;
  for (auto kernel : executable.getBody().getOps<rt::KernelOp>()) {
    KernelCode code;
    code.name = kernel.getSymName();
    code.symbol = "tawny_" + code.name;
    code.codeBytes = 100 + object.kernels.size();
    object.kernels.push_back(code);
  }
  object.probes = ProbeCode{};
  object.probes->read.name = object.probes->read.symbol = "probe_read";
  object.probes->readTileBytes = 4096;
  object.probes->peak.name = object.probes->peak.symbol = "probe_peak";
  object.probes->peakTileOperations = 1000;
  object.probes->peakUnit = "fake";
  return object;
}

llvm::Expected<CodeObject> failingCodegen(rt::ExecutableOp, const TargetInfo &target,
                                          const CodegenOptions &) {
  return llvm::createStringError("no code for '%s'", target.name.str().c_str());
}

void CompileTest::SetUp() {
  std::error_code code = llvm::sys::fs::createUniqueDirectory("tawny-compile", folder);
  ASSERT_FALSE(code) << code.message();
}

void CompileTest::TearDown() { llvm::sys::fs::remove_directories(folder); }

std::string CompileTest::path(llvm::StringRef name) const {
  llvm::SmallString<128> path = folder;
  llvm::sys::path::append(path, name);
  return path.str().str();
}

CompileOptions CompileTest::sampleOptions(llvm::StringRef name) const {
  CompileOptions options;
  options.input = sampleModel();
  options.output = path(name);
  options.targets = {"x86-64-v3"};
  return options;
}

CompileResult CompileTest::compile(const CompileOptions &options) {
  CompileEnvironment environment;
  environment.codegen.x86 = fakeCodegen;
  environment.codegen.amdgpu = fakeCodegen;
  environment.codegen.nvptx = fakeCodegen;
  mlir::MLIRContext context;
  llvm::Expected<CompileResult> result = compileModel(context, options, environment);
  if (result)
    return std::move(*result);
  ADD_FAILURE() << llvm::toString(result.takeError());
  return {};
}

std::string CompileTest::errorOf(const CompileOptions &options, Codegen codegen) {
  CompileEnvironment environment;
  environment.codegen.x86 = codegen;
  mlir::MLIRContext context;
  llvm::Expected<CompileResult> result = compileModel(context, options, environment);
  return result ? "" : llvm::toString(result.takeError());
}

} // namespace tawny::test
