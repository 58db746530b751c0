// The compiler's command line: see tools/tawnyc/CommandLine.cpp for what it takes.
#include "compiler/Compile.h"
#include "compiler/UsageError.h"
#include "runtime/support/Progress.h"
#include "tools/tawnyc/CommandLine.h"
#include "tools/tawnyc/Signals.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"

#include <chrono>

using namespace tawny;

namespace {

constexpr int failed = 1;
constexpr int usage = 2;

/// Prints an error as every tool does and picks the exit status.
int report(llvm::Error error) {
  int status = error.isA<UsageError>() ? usage : failed;
  llvm::errs() << "error: " << llvm::toString(std::move(error)) << '\n';
  return status;
}

llvm::Error printText(llvm::StringRef text, llvm::StringRef path) {
  std::error_code code;
  llvm::ToolOutputFile file(path.empty() ? "-" : path, code, llvm::sys::fs::OF_None);
  if (code)
    return llvm::createFileError(path, code);
  file.os() << text;
  file.os().flush();
  if (file.os().has_error()) {
    code = file.os().error();
    file.os().clear_error();
    return llvm::createFileError(path.empty() ? "standard output" : path, code);
  }
  file.keep();
  return llvm::Error::success();
}

void printSummary(const CompileResult &result, llvm::StringRef path, double seconds) {
  constexpr double mebibyte = 1 << 20, kibibyte = 1 << 10;
  llvm::raw_ostream &out = llvm::errs();
  for (const CompileResult::Target &target : result.targets)
    out << target.name << ": " << target.kernels << " kernels, "
        << llvm::format("%.1f", target.codeBytes / kibibyte) << " KiB of code, " << target.programs
        << " programs\n";
  out << path << ": " << result.model.name << ", "
      << llvm::format("%.1f MiB, %.1f s", result.size.file / mebibyte, seconds) << '\n';
}

llvm::Error run(const CommandLine &command) {
  auto start = std::chrono::steady_clock::now();
  mlir::DefaultTimingManager timingManager;
  mlir::applyDefaultTimingManagerCLOptions(timingManager);
  mlir::TimingScope timing = timingManager.getRootScope();
  std::optional<Progress> bar;
  CompileEnvironment environment;
  environment.codegen = {.x86 = compileX86, .amdgpu = compileAMDGPU, .nvptx = compileNVPTX};
  environment.configure = [&](mlir::PassManager &manager) {
    manager.enableTiming(timing);
    return mlir::applyPassManagerCLOptions(manager);
  };
  environment.progress = [&](uint64_t done, uint64_t total) {
    if (!bar)
      bar.emplace("packing", total, command.quiet);
    bar->update(done);
  };
  mlir::MLIRContext context;
  llvm::Expected<CompileResult> result = compileModel(context, command.compile, environment);
  bar.reset();
  if (!result)
    return result.takeError();
  if (command.compile.stage != Stage::Artifact)
    return printText(result->text, command.compile.output);
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (!command.quiet)
    printSummary(*result, command.compile.output, elapsed.count());
  return llvm::Error::success();
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  installSignalHandlers();
  llvm::Expected<CommandLine> command = parseCommandLine(argc, argv);
  if (!command)
    return report(command.takeError());
  if (llvm::Error error = run(*command))
    return report(std::move(error));
  return 0;
}
