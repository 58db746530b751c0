// mlir-opt with this project's dialects and passes.
#include "compiler/codegen/CompilePass.h"
#include "dialects/rt/Rt.h"
#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<tawny::llm::LlmDialect, tawny::rt::RtDialect>();
  mlir::registerAllPasses();
  tawny::registerTawnyPasses();
  tawny::registerCompilePass();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Tawny's optimizer driver\n", registry));
}
