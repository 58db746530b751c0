// Attributes of the llm dialect.
#ifndef TAWNY_LLM_ATTRS
#define TAWNY_LLM_ATTRS

include "dialects/llm/LlmDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def LlmRotaryPairs : I32EnumAttr<"RotaryPairs", "which two elements of a head rotate together", [
  I32EnumAttrCase<"Adjacent", 0, "adjacent">,   // 2i and 2i + 1
  I32EnumAttrCase<"Halves", 1, "halves">        // i and i + rotary_dim / 2
]> {
  let cppNamespace = "::tawny::llm";
}

/// A double, stored as an APFloat because that is what can be hashed and compared bit by bit.
def LlmDouble : AttrOrTypeParameter<"::llvm::APFloat", "an f64"> {
  let comparator = "$_lhs.bitwiseIsEqual($_rhs)";
  let parser = "::tawny::llm::parseDouble($_parser)";
}

/// A factor, 1 where nothing is said.
def LlmMagnitude : AttrOrTypeParameter<"::llvm::APFloat", "an f64"> {
  let comparator = LlmDouble.comparator;
  let parser = LlmDouble.parser;
  let defaultValue = "::llvm::APFloat(1.0)";
}

def LlmRope : AttrDef<LlmDialect, "Rope"> {
  let mnemonic = "rope";
  let summary = "rotary position embedding";
  let description = [{
    Pair `i` of a head turns by `position * base^(-2i / rotaryDim)` radians (Su et al.,
    RoFormer, arXiv:2104.09864). Elements from `rotaryDim` on stay as they are.

    A model for contexts longer than it was first trained on turns slower: what its kind of scaling
    makes of each pair stands in `divisors`, one for each pair, which divide the angles, and in
    `magnitude`, which multiplies the rotated pairs. An importer computes both; nothing after it
    knows the kinds.
    ```mlir
    #llm.rope<head = 64, rotary = 4, base = 1.0e+04, adjacent, divisors = [1.0, 4.0]
              magnitude = 1.1386294361119891>
    ```
  }];
  let parameters = (ins "int64_t":$headDim, "int64_t":$rotaryDim, LlmDouble:$theta,
                        "::tawny::llm::RotaryPairs":$pairs,
                        OptionalParameter<"::mlir::DenseF64ArrayAttr">:$divisors,
                        LlmMagnitude:$scale);
  let builders = [AttrBuilder<(ins "int64_t":$headDim, "int64_t":$rotaryDim, "double":$base,
                                   "::tawny::llm::RotaryPairs":$pairs,
                                   CArg<"::llvm::ArrayRef<double>", "{}">:$divisors,
                                   CArg<"double", "1">:$magnitude), [{
    auto array = divisors.empty() ? ::mlir::DenseF64ArrayAttr()
                                  : ::mlir::DenseF64ArrayAttr::get($_ctxt, divisors);
    return $_get($_ctxt, headDim, rotaryDim, ::llvm::APFloat(base), pairs, array,
                 ::llvm::APFloat(magnitude));
  }]>];
  let assemblyFormat = [{
    `<` `head` `=` $headDim `,` `rotary` `=` $rotaryDim `,` `base` `=` $theta `,` $pairs
    (`,` `divisors` `=` $divisors^)? (`magnitude` `=` $scale^)? `>`
  }];
  let extraClassDeclaration = [{
    double getBase() const { return getTheta().convertToDouble(); }
    double getMagnitude() const { return getScale().convertToDouble(); }
    /// Radians by which a pair turns from one position to the next.
    double getFrequency(int64_t pair) const;
  }];
  let genVerifyDecl = 1;
}

def LlmProgramKind : I32EnumAttr<"ProgramKind", "what kind of step a program runs", [
  I32EnumAttrCase<"Step", 0, "step">,
  I32EnumAttrCase<"Decode", 1, "decode">
]> {
  let cppNamespace = "::tawny::llm";
}

def LlmProgram : AttrDef<LlmDialect, "Program"> {
  let mnemonic = "program";
  let summary = "the bounds of one program";
  let description = [{
    `step` runs a ragged batch of at most `tokens` new tokens of at most `sequences` sequences, of
    which `logitRows` want logits; `decode` runs one token of each of at most `sequences`.
    `blockRows` is how many consecutive tokens of a sequence an attention tile takes at most.
  }];
  let parameters = (ins "::tawny::llm::ProgramKind":$kind, "int64_t":$tokens,
                        "int64_t":$sequences, "int64_t":$logitRows, "int64_t":$blockRows);
  let assemblyFormat = [{
    `<` $kind `,` `tokens` `=` $tokens `,` `sequences` `=` $sequences `,`
    `logit_rows` `=` $logitRows `,` `block_rows` `=` $blockRows `>`
  }];
  let genVerifyDecl = 1;
}

#endif // TAWNY_LLM_ATTRS
