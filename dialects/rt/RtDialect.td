// The rt dialect: the program.
#ifndef TAWNY_RT_DIALECT
#define TAWNY_RT_DIALECT

include "mlir/IR/OpBase.td"

def RtDialect : Dialect {
  let name = "rt";
  let cppNamespace = "::tawny::rt";
  let summary = "Programs: kernels, launches, and where everything lies in memory.";
  let description = [{
    `rt` says what the runtime executes. `rt-dispatch` makes it from `llm`: one `rt.executable`
    per target holds `rt.kernel`s whose bodies are `llm` ops, and each program calls them with
    `rt.dispatch` on tensors. `rt-plan` gives every tensor a place and turns each program into an
    `rt.program` of `rt.launch`es, which is what the artifact stores, one to one. Emitters replace a
    kernel's body with machine-level dialects at any time between the two. After the artifact is
    written nothing of `rt` is left but its encoding (`runtime/artifact.fbs`).
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::tawny::llm::LlmDialect"];
}

#endif // TAWNY_RT_DIALECT
