// The llm dialect: the model.
#ifndef TAWNY_LLM_DIALECT
#define TAWNY_LLM_DIALECT

include "mlir/IR/OpBase.td"

def LlmDialect : Dialect {
  let name = "llm";
  let cppNamespace = "::tawny::llm";
  let summary = "Language models: one op per thing a model author would name.";
  let description = [{
    `llm` describes what a model computes, with tensor semantics and no target in sight. An
    importer (`models/`) writes it, one `func.func` per model; the passes fuse, specialise and
    decide in it; `rt-dispatch` outlines its ops into `rt` kernels, whose bodies are still `llm`
    until an emitter replaces them with machine-level dialects.

    The leading dimension of every activation is the number of rows (tokens, or the tokens that
    want logits) of the step and is dynamic; everything else is static. Weights are symbols that
    say where their bytes lie in the source file: no weight byte ever enters the IR.

    Arithmetic between activations is upstream's (`arith.addf`, `arith.mulf` on tensors); the
    residual stream is f32.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif // TAWNY_LLM_DIALECT
