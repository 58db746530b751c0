// Operations of the llm dialect. Constraint labels (linear_c2, …) stand here, in the verifier and
// in tests/dialects/llm/*-errors.mlir.
#ifndef TAWNY_LLM_OPS
#define TAWNY_LLM_OPS

include "dialects/llm/LlmAttrs.td"
include "dialects/llm/LlmTypes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class LlmOp<string mnemonic, list<Trait> traits = []> : Op<LlmDialect, mnemonic, traits>;

/// Activations: rows x columns, rows dynamic.
def LlmRows : TensorRankOf<[F32, F16, LlmA8], [2]>;
def LlmRowsF32 : TensorRankOf<[F32], [2]>;
def LlmWeightTensor : TensorOf<[F32, F16, BF16, LlmQ4_0, LlmQ4_1, LlmQ5_0, LlmQ5_1, LlmQ8_0,
                                 LlmQ2_K, LlmQ3_K, LlmQ4_K, LlmQ5_K, LlmQ6_K, LlmIQ4_NL, LlmIQ4_XS,
                                 LlmMXFP4]>;

def Llm_WeightOp : LlmOp<"weight", [Symbol]> {
  let summary = "Names a weight and says where its bytes lie in the source file.";
  let description = [{
    ```mlir
    llm.weight @blk.0.attn_q.weight : tensor<256x256x!llm.q4_k> at 91264
    ```
    1. weight_c1: the type has a static shape of rank 1 or 2.
    2. weight_c2: a row is a whole number of the format's blocks.
    3. weight_c3: the offset is not negative.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<LlmWeightTensor>:$type,
                       I64Attr:$offset, OptionalAttr<StrAttr>:$layout);
  let assemblyFormat = "$sym_name `:` $type `at` $offset (`layout` $layout^)? attr-dict";
  let hasVerifier = 1;
}

def Llm_LoadWeightOp : LlmOp<"load_weight", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Reads a weight.";
  let description = [{
    ```mlir
    %w = llm.load_weight @blk.0.attn_q.weight : tensor<256x256x!llm.q4_k>
    ```
    1. load_weight_c1: the symbol names an `llm.weight` of the same type.
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs LlmWeightTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Llm_EmbedOp : LlmOp<"embed", [Pure]> {
  let summary = "Looks up the embedding of each token of the step.";
  let description = [{
    ```mlir
    %x = llm.embed %step, %table : tensor<1024x256x!llm.q6_k> -> tensor<?x256xf32>
    ```
    1. embed_c1: the result has as many columns as the table.
  }];
  let arguments = (ins LlmStep:$step, LlmWeightTensor:$table);
  let results = (outs LlmRowsF32:$result);
  let assemblyFormat = "$step `,` $table attr-dict `:` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def Llm_RmsNormOp : LlmOp<"rms_norm", [Pure]> {
  let summary = "Divides each row by its root mean square and multiplies by a weight.";
  let description = [{
    `y = x / sqrt(mean(x^2) + eps) * w` (Zhang and Sennrich, arXiv:1910.07467). A result of type
    `!llm.a8` or f16 is that, quantised.
    ```mlir
    %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256xf32>
    ```
    1. rms_norm_c1: input, weight and result have the same columns.
    2. rms_norm_c2: eps is positive and finite.
  }];
  let arguments = (ins LlmRowsF32:$input, TensorRankOf<[F32], [1]>:$weight, F64Attr:$eps);
  let results = (outs LlmRows:$result);
  let assemblyFormat = [{
    $input `,` $weight `eps` $eps attr-dict `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_AddRmsNormOp : LlmOp<"add_rms_norm", [Pure, AllTypesMatch<["a", "b", "sum"]>]> {
  let summary = "Adds to the residual stream and normalises the sum.";
  let description = [{
    `sum = a + b; norm = rms_norm(sum, w)`, in one pass over the row.
    ```mlir
    %sum, %norm = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256x!llm.a8>
    ```
    1. add_rms_norm_c1: the weight and the norm have the inputs' columns.
    2. add_rms_norm_c2: eps is positive and finite.
  }];
  let arguments = (ins LlmRowsF32:$a, LlmRowsF32:$b, TensorRankOf<[F32], [1]>:$weight,
                       F64Attr:$eps);
  let results = (outs LlmRowsF32:$sum, LlmRows:$norm);
  let assemblyFormat = [{
    $a `,` $b `,` $weight `eps` $eps attr-dict `:` type($a) `,` type($weight)
    `->` type($norm)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$a, "::mlir::Value":$b, "::mlir::Value":$weight,
                                 "::mlir::FloatAttr":$eps, "::mlir::Type":$norm)>];
  let hasVerifier = 1;
}

def Llm_QuantizeOp : LlmOp<"quantize", [Pure]> {
  let summary = "Rounds activations to f16, or to int8 with one scale per 32 inputs.";
  let description = [{
    f16 saturates: what is beyond 65504 becomes 65504, what is not a number stays so.
    ```mlir
    %q = llm.quantize %x : tensor<?x256xf32> -> tensor<?x256x!llm.a8>
    ```
    1. quantize_c1: input and result have the same columns; for int8 a multiple of 32.
  }];
  let arguments = (ins LlmRowsF32:$input);
  let results = (outs TensorRankOf<[F16, LlmA8], [2]>:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Llm_LinearOp : LlmOp<"linear", [Pure, AttrSizedOperandSegments, IsolatedFromAbove]> {
  let summary = "Multiplies activations by one or more weights that share them.";
  let description = [{
    Part `p` is a weight of `n_p` rows that makes output rows `[first_p, first_p + n_p)`:
    `acc_p[t, r] = sum_k x[t, k] * w_p[r, k] + bias_p[r]`.

    Either all parts cover the same output rows (*paired*: gate and up) or they tile the rows one
    after another (*concatenated*: q, k and v). A concatenated linear has one result per part. A
    paired one has a single result and an epilogue: a region of scalar `arith` and `math` that gets
    one accumulator per part, then the element of each `reads` tensor at the same index, and yields
    the element to store. A linear of one part may have an epilogue too.

    ```mlir
    %y = llm.linear %x weights(%gate, %up) at [0, 0] epilogue {
    ^bb0(%g: f32, %u: f32):
      %e = math.exp %g : f32 ...
      llm.yield %h : f32
    } : (tensor<?x256x!llm.a8>, tensor<512x256x!llm.q4_k>, tensor<512x256x!llm.q4_k>)
      -> tensor<?x512x!llm.a8>
    ```

    What needs more than one index is a named epilogue, which constrains the rows of a tile. With
    `rope_append` the parts are q, k and v; q and k are rotated, k and v are appended to layer
    `layer` of the KV pool, and the results are the rotated q and the pool:

    ```mlir
    %q, %kv1 = llm.linear %x weights(%wq, %wk, %wv) at [0, 256, 384] state(%step, %kv)
      rope_append <head = 64, rotary = 64, base = 1.0e+04, adjacent> layer 0
      : (tensor<?x256xf32>, tensor<256x256xf16>, tensor<128x256xf16>, tensor<128x256xf16>,
         !llm.step, !llm.kv<layers = 3, heads = 2, dim = 64>)
      -> (tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64>)
    ```

    1. linear_c1: one first row per part; a weight has as many columns as the input.
    2. linear_c2: parts cover the same rows from 0, or tile the rows from 0 without a gap.
    3. linear_c3: bias `i` has as many elements as part `bias_parts[i]` has rows; `bias_parts`
       ascends.
    4. linear_c4: parts that cover the same rows have an epilogue; a concatenated linear has none.
    5. linear_c5: the epilogue has one block with an f32 per part and per `reads` tensor, holds only
       scalar `arith` and `math`, and yields one f32.
    6. linear_c6: `reads` tensors are f32 and have the shape of the result.
    7. linear_c7: without a named epilogue, results are one per part (paired: one), with the rows of
       the part as columns; a concatenated linear's are f32.
    8. linear_c8: `rope_append` has three concatenated parts, no epilogue, `state` of step and pool,
       and the part rows fit the pool's heads: k and v have `heads * dim` rows, q a multiple of
       `dim` times `heads`; the results are q and the pool.
    9. linear_c9: `layer` is a layer of the pool, and stands exactly where `rope_append` stands.
  }];
  let arguments = (ins LlmRows:$input, Variadic<LlmWeightTensor>:$weights,
                       DenseI64ArrayAttr:$first_rows,
                       Variadic<TensorRankOf<[F32], [1]>>:$biases,
                       OptionalAttr<DenseI64ArrayAttr>:$bias_parts,
                       Variadic<LlmRowsF32>:$reads,
                       Variadic<AnyTypeOf<[LlmStep, LlmKv]>>:$state,
                       OptionalAttr<LlmRope>:$rope_append,
                       OptionalAttr<I64Attr>:$layer);
  let results = (outs Variadic<AnyTypeOf<[LlmRows, LlmKv]>>:$results);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    $input `weights` `(` $weights `)` `at` $first_rows
    (`bias` `(` $biases^ `)` `of` $bias_parts)?
    (`reads` `(` $reads^ `)`)?
    (`state` `(` $state^ `)`)?
    (`rope_append` $rope_append^ `layer` $layer)?
    (`epilogue` $epilogue^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// True if all parts cover the same output rows.
    bool isPaired();
    /// Rows of part `part`.
    int64_t partRows(unsigned part);
    /// Output rows: of one part if paired, of all parts together otherwise.
    int64_t outputRows();
    /// The bias of part `part`, or null.
    ::mlir::Value biasOf(unsigned part);
  }];
  let builders = [
    // One part, no bias, no epilogue.
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$weight, "::mlir::Value":$bias)>
  ];
  let hasVerifier = 1;
}

def Llm_YieldOp : LlmOp<"yield", [Pure, Terminator, ReturnLike, HasParent<"LinearOp">]> {
  let summary = "Ends an epilogue with the element to store.";
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Llm_SiluOp : LlmOp<"silu", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "x / (1 + exp(-x)).";
  let description = [{
    Element by element (Elfwing et al., arXiv:1702.03118). In an epilogue it is written out in
    scalar `arith` and `math`.
    ```mlir
    %y = llm.silu %x : tensor<?x512xf32>
    ```
  }];
  let arguments = (ins LlmRowsF32:$input);
  let results = (outs LlmRowsF32:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

def Llm_RopeOp : LlmOp<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "Rotates each head of each row by the row's position.";
  let description = [{
    ```mlir
    %r = llm.rope %x, %step <head = 64, rotary = 64, base = 1.0e+04, adjacent> : tensor<?x256xf32>
    ```
    1. rope_c1: the columns are a whole number of heads.
  }];
  let arguments = (ins LlmRowsF32:$input, LlmStep:$step, LlmRope:$rope);
  let results = (outs LlmRowsF32:$result);
  let assemblyFormat = "$input `,` $step $rope attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Llm_KvAppendOp : LlmOp<"kv_append", [Pure, AllTypesMatch<["kv", "result"]>,
                                        AllTypesMatch<["k", "v"]>]> {
  let summary = "Appends the keys and values of the step's tokens to a layer of the pool.";
  let description = [{
    Elements are rounded to f16.
    ```mlir
    %kv1 = llm.kv_append %kv, %k, %v, %step layer 0
      : !llm.kv<layers = 3, heads = 2, dim = 64>, tensor<?x128xf32>
    ```
    1. kv_append_c1: k and v have `heads * dim` columns.
    2. kv_append_c2: the layer is one of the pool's.
  }];
  let arguments = (ins LlmKv:$kv, LlmRowsF32:$k, LlmRowsF32:$v, LlmStep:$step, I64Attr:$layer);
  let results = (outs LlmKv:$result);
  let assemblyFormat = [{
    $kv `,` $k `,` $v `,` $step `layer` $layer attr-dict `:` type($kv) `,` type($k)
  }];
  let hasVerifier = 1;
}

def Llm_AttentionOp : LlmOp<"attention", [Pure]> {
  let summary = "Causal attention of the step's tokens over their sequences' keys and values.";
  let description = [{
    Query head `h` reads KV head `h / (queryHeads / kvHeads)`. The token at position `p` of a
    sequence sees positions `0..p` of it, with a window of `w` only the last `w` of them:
    `softmax(scale * q k^T) v`. A result of type `!llm.a8` or f16 is that, quantised.
    ```mlir
    %o = llm.attention %q, %kv, %step layer 0 scale 1.25e-1 window 4096
      : tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64> -> tensor<?x256xf32>
    ```
    1. attention_c1: q and the result have the same columns, a multiple of the pool's
       `heads * dim`.
    2. attention_c2: the layer is one of the pool's.
    3. attention_c3: the scale is positive and finite.
    4. attention_c4: the window, if there is one, is positive.
  }];
  let arguments = (ins LlmRowsF32:$q, LlmKv:$kv, LlmStep:$step, I64Attr:$layer, F64Attr:$scale,
                       OptionalAttr<I64Attr>:$window);
  let results = (outs LlmRows:$result);
  let assemblyFormat = [{
    $q `,` $kv `,` $step `layer` $layer `scale` $scale (`window` $window^)? attr-dict
    `:` type($q) `,` type($kv) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_AttentionPartOp : LlmOp<"attention_part", [Pure]> {
  let summary = "Attention of the step's tokens over ranges of their contexts, each on its own.";
  let description = [{
    As `llm.attention`, but the positions that a row sees are cut into `splits` ranges, and the
    softmax of each stays apart: with `x = log2(e) * scale * q k^T` and `max` the largest `x` of a
    range, its weights are `2^(x - max)`. `sums` has the sum of weights times values, as
    [range][query head][head element]; `state` has `max` and the sum of weights, as
    [range][query head][2]. Ranges behind the others may be empty: `max` is then the lowest finite
    f32, the sum of weights is 0, and their `sums` may be anything. Where a row's positions are cut
    is the kernel's business and depends on the row's own position alone.
    ```mlir
    %sums, %state = llm.attention_part %q, %kv, %step layer 0 scale 1.25e-1 splits 2
      : tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64>
      -> tensor<?x512xf32>, tensor<?x16xf32>
    ```
    1. attention_part_c1: q's columns are a multiple of the pool's `heads * dim`.
    2. attention_part_c2: the layer is one of the pool's.
    3. attention_part_c3: the scale is positive and finite.
    4. attention_part_c4: there are 1 to 256 splits.
    5. attention_part_c5: `sums` has `splits` times q's columns; `state` has two columns for each
       split and query head.
    6. attention_part_c6: the window, if there is one, is positive.
  }];
  let arguments = (ins LlmRowsF32:$q, LlmKv:$kv, LlmStep:$step, I64Attr:$layer, F64Attr:$scale,
                       OptionalAttr<I64Attr>:$window, I64Attr:$splits);
  let results = (outs LlmRowsF32:$sums, LlmRowsF32:$state);
  let assemblyFormat = [{
    $q `,` $kv `,` $step `layer` $layer `scale` $scale (`window` $window^)? `splits` $splits
    attr-dict
    `:` type($q) `,` type($kv) `->` type($sums) `,` type($state)
  }];
  let builders = [
    // The parts of a plain attention.
    OpBuilder<(ins "::tawny::llm::AttentionOp":$attention, "int64_t":$splits)>
  ];
  let hasVerifier = 1;
}

def Llm_AttentionMergeOp : LlmOp<"attention_merge", [Pure]> {
  let summary = "Attention of the whole contexts from that of their ranges.";
  let description = [{
    With the ranges' `sums`, `max` and `weights` as `llm.attention_part` makes them, and `top` the
    largest `max`, a head is `sum_s 2^(max_s - top) sums_s / sum_s 2^(max_s - top) weights_s`. A
    result of type `!llm.a8` or f16 is that, quantised. Empty ranges add nothing.
    ```mlir
    %o = llm.attention_merge %sums, %state splits 2
      : tensor<?x512xf32>, tensor<?x16xf32> -> tensor<?x256xf32>
    ```
    1. attention_merge_c1: there are 1 to 256 splits.
    2. attention_merge_c2: `sums` has `splits` times the result's columns.
    3. attention_merge_c3: `state` has two columns for each split and head, and the result's columns
       are a whole number of heads.
  }];
  let arguments = (ins LlmRowsF32:$sums, LlmRowsF32:$state, I64Attr:$splits);
  let results = (outs LlmRows:$result);
  let assemblyFormat = [{
    $sums `,` $state `splits` $splits attr-dict `:` type($sums) `,` type($state) `->` type($result)
  }];
  let extraClassDeclaration = [{
    /// Query heads of a row.
    int64_t getHeads();
  }];
  let hasVerifier = 1;
}

def Llm_LogitRowsOp : LlmOp<"logit_rows", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "Keeps the rows of the tokens that want logits, in the step's order.";
  let description = [{
    ```mlir
    %y = llm.logit_rows %x, %step : tensor<?x256xf32>
    ```
  }];
  let arguments = (ins LlmRowsF32:$input, LlmStep:$step);
  let results = (outs LlmRowsF32:$result);
  let assemblyFormat = "$input `,` $step attr-dict `:` type($result)";
}

def Llm_TopKOp : LlmOp<"top_k", [Pure]> {
  let summary = "Finds the largest logits of each row, with their tokens, the largest first.";
  let description = [{
    Among equals the lower token comes first; NaN never comes. Where a row has fewer numbers than
    the result has columns, the rest is -infinity with the token -1.
    ```mlir
    %c = llm.top_k %logits : tensor<?x1024xf32> -> tensor<?x40x!llm.candidate>
    ```
    1. top_k_c1: the result has 1 to 64 columns, and no more than the input.
  }];
  let arguments = (ins LlmRowsF32:$input);
  let results = (outs TensorRankOf<[LlmCandidate], [2]>:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let extraClassDeclaration = [{
    /// Most columns of a result.
    static constexpr int64_t mostCandidates = 64;
  }];
  let hasVerifier = 1;
}

#endif // TAWNY_LLM_OPS
