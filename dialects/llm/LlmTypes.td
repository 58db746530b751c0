// Types of the llm dialect: element types of the block formats, and the two opaque states.
#ifndef TAWNY_LLM_TYPES
#define TAWNY_LLM_TYPES

include "dialects/llm/LlmDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

class LlmType<string typeName, string typeMnemonic> : TypeDef<LlmDialect, typeName> {
  let mnemonic = typeMnemonic;
}

class LlmBlockFormat<string typeName, string typeMnemonic, string text>
    : LlmType<typeName, typeMnemonic> {
  let summary = text;
  let description = [{
    An element type of weight tensors. Its block geometry is the entry of the same name in the
    format table (`dialects/formats/Formats.h`); it lives from import until an emitter decodes it.
  }];
}

def LlmQ4_0 : LlmBlockFormat<"Q4_0", "q4_0", "4.5 bits: 32 codes of 4 bits and an f16 scale">;
def LlmQ4_1 : LlmBlockFormat<"Q4_1", "q4_1",
  "5 bits: 32 codes of 4 bits, an f16 scale and an f16 start">;
def LlmQ5_0 : LlmBlockFormat<"Q5_0", "q5_0", "5.5 bits: 32 codes of 5 bits and an f16 scale">;
def LlmQ5_1 : LlmBlockFormat<"Q5_1", "q5_1",
  "6 bits: 32 codes of 5 bits, an f16 scale and an f16 start">;
def LlmQ8_0 : LlmBlockFormat<"Q8_0", "q8_0", "8.5 bits: 32 codes of 8 bits and an f16 scale">;
def LlmQ2_K : LlmBlockFormat<"Q2_K", "q2_k",
  "2.625 bits: 16 groups of 16 codes of 2 bits, each with a 4-bit scale and minimum">;
def LlmQ3_K : LlmBlockFormat<"Q3_K", "q3_k",
  "3.4375 bits: 16 groups of 16 codes of 3 bits, each with a 6-bit scale">;
def LlmQ4_K : LlmBlockFormat<"Q4_K", "q4_k",
  "4.5 bits: 8 groups of 32 codes of 4 bits, each with a 6-bit scale and minimum">;
def LlmQ5_K : LlmBlockFormat<"Q5_K", "q5_k",
  "5.5 bits: 8 groups of 32 codes of 5 bits, each with a 6-bit scale and minimum">;
def LlmQ6_K : LlmBlockFormat<"Q6_K", "q6_k",
  "6.5625 bits: 16 groups of 16 codes of 6 bits, each with an 8-bit scale">;

def LlmIQ4_NL : LlmBlockFormat<"IQ4_NL", "iq4_nl",
  "4.5 bits: 32 indices into 16 uneven values, and an f16 scale">;
def LlmIQ4_XS : LlmBlockFormat<"IQ4_XS", "iq4_xs",
  "4.25 bits: 8 groups of 32 indices into 16 uneven values, each with a 6-bit scale">;
def LlmMXFP4 : LlmBlockFormat<"MXFP4", "mxfp4",
  "4.25 bits: 32 floats of 4 bits and a power of two as their scale">;

def LlmA8 : LlmType<"A8", "a8"> {
  let summary = "int8 activations with one scale per 32 consecutive inputs";
  let description = [{
    The element type of activations that linears multiply in int8: `x = scale * code`, codes in
    [-127, 127], `scale = max|x| / 127` of 32 consecutive inputs of a row. It appears in the
    `decide` phase and lives until kernels are emitted; `dialects/formats/Activations.h` has the
    bytes of a row.
  }];
}

def LlmCandidate : LlmType<"Candidate", "candidate"> {
  let summary = "a token that a row of logits favours: an f32 logit, then an i32 token";
  let description = [{
    8 bytes. It appears when a program of a GPU is specialised, and only where `llm.top_k` made it.
  }];
}

def LlmStep : LlmType<"Step", "step"> {
  let summary = "what a step is to do: tokens, positions, sequences, pages, wanted logits";
}

def LlmKv : LlmType<"Kv", "kv"> {
  let summary = "the state of the paged KV pool";
  let description = [{
    A value of this type is the whole pool at one point of the program, so that appends and reads
    are ordered by their data flow. Elements are f16, or f32 with `bits = 32`.
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$heads, "int64_t":$headDim,
                        DefaultValuedParameter<"int64_t", "16">:$bits);
  let assemblyFormat = [{
    `<` `layers` `=` $layers `,` `heads` `=` $heads `,` `dim` `=` $headDim
    (`,` `bits` `=` $bits^)? `>`
  }];
  let genVerifyDecl = 1;
}

#endif // TAWNY_LLM_TYPES
