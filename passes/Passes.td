// Every pass between an imported model and its program, in the order in which they run.
#ifndef TAWNY_PASSES
#define TAWNY_PASSES

include "mlir/Pass/PassBase.td"

def LlmFuseNorm : Pass<"llm-fuse-norm", "::mlir::func::FuncOp"> {
  let summary = "Fuses an addition to the residual stream with the norm of its sum.";
  let description = [{
    One kernel then reads the two terms once and writes the sum and the norm. Other users of the sum
    take the fused op's. If several norms read the sum, the first takes it.

    Before:
    ```mlir
    %x = arith.addf %a, %b : tensor<?x256xf32>
    %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256xf32>
    ```
    After:
    ```mlir
    %x, %y = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256xf32>
    ```
  }];
  let dependentDialects = ["::tawny::llm::LlmDialect"];
}

def LlmFuseLinears : Pass<"llm-fuse-linears", "::mlir::func::FuncOp"> {
  let summary = "Makes one linear of those that share their input.";
  let description = [{
    First gate and up: `silu(gate) * up`, each used only there, is one linear of two parts that
    cover the same rows, with the product in its epilogue. Then every other plain linear of the same
    input becomes a part of one concatenated linear, in order of appearance. Activations are read
    once, and one launch takes the place of several.

    Before:
    ```mlir
    %g = llm.linear %x weights(%wg) at [0]
      : (tensor<?x32xf32>, tensor<64x32xf16>) -> tensor<?x64xf32>
    %u = llm.linear %x weights(%wu) at [0]
      : (tensor<?x32xf32>, tensor<64x32xf16>) -> tensor<?x64xf32>
    %s = llm.silu %g : tensor<?x64xf32>
    %y = arith.mulf %s, %u : tensor<?x64xf32>
    ```
    After:
    ```mlir
    %y = llm.linear %x weights(%wg, %wu) at [0, 0] epilogue {
    ^bb0(%g: f32, %u: f32):
      %one = arith.constant 1.0 : f32
      %n = arith.negf %g : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %s = arith.divf %g, %d : f32
      %p = arith.mulf %s, %u : f32
      llm.yield %p : f32
    } : (tensor<?x32xf32>, tensor<64x32xf16>, tensor<64x32xf16>) -> tensor<?x64xf32>
    ```
  }];
  let options = [
    Option<"fuseResidual", "fuse-residual", "bool", "false",
           "Move the addition of a residual into the epilogue of the linear it follows. Off since "
           "llm-fuse-norm takes these additions where a norm follows.">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::tawny::llm::LlmDialect"];
}

def LlmFuseRopeAppend : Pass<"llm-fuse-rope-append", "::mlir::func::FuncOp"> {
  let summary = "Rotates q and k and appends k and v where a linear makes them.";
  let description = [{
    Applies to a concatenated linear of exactly q, k and v, each used once, whose q and k are
    rotated alike; the parts are reordered if the linear has them in another order. Heads must be
    whole tiles of rows of every layout, that is multiples of 32.

    Before:
    ```mlir
    %q, %k, %v = llm.linear %x weights(%wq, %wk, %wv) at [0, 64, 96] : ...
    %qr = llm.rope %q, %step <head = 32, ...> : tensor<?x64xf32>
    %kr = llm.rope %k, %step <head = 32, ...> : tensor<?x32xf32>
    %kv1 = llm.kv_append %kv, %kr, %v, %step layer 0 : ...
    ```
    After:
    ```mlir
    %qr, %kv1 = llm.linear %x weights(%wq, %wk, %wv) at [0, 64, 96] state(%step, %kv)
      rope_append <head = 32, ...> layer 0 : ...
    ```
  }];
  let dependentDialects = ["::tawny::llm::LlmDialect"];
}

def LlmSpecialise : Pass<"llm-specialise", "::mlir::ModuleOp"> {
  let summary = "Makes the programs of a model: one general step and a decode for each bucket.";
  let description = [{
    The model is the one function that takes a `!llm.step`. Its copies @step and @decode_<b> carry
    their bounds as the attribute `llm.program`; the original is erased. Buckets are the powers of
    two below `max-batch`, and `max-batch`. In a decode program every token wants logits, in order,
    so `llm.logit_rows` is its input.

    Before:
    ```mlir
    func.func @model(%step: !llm.step, ...) { ... llm.logit_rows %x, %step ... }
    ```
    After, with max-batch=2:
    ```mlir
    func.func @step(...) attributes {llm.program = #llm.program<step, tokens = 512, sequences = 2,
        logit_rows = 64, block_rows = 16>} { ... llm.logit_rows %x, %step ... }
    func.func @decode_1(...) attributes {llm.program = #llm.program<decode, tokens = 1,
        sequences = 1, logit_rows = 1, block_rows = 1>} { ... }
    func.func @decode_2(...) attributes { ... } { ... }
    ```
  }];
  let options = [
    Option<"maxBatch", "max-batch", "int64_t", "32", "Sequences of the largest decode program.">,
    Option<"maxTokens", "max-tokens", "int64_t", "512", "New tokens of one step at most.">,
    Option<"maxSequences", "max-sequences", "int64_t", "0",
           "Sequences of one step at most; 0 is max-batch.">,
    Option<"maxLogitRows", "max-logit-rows", "int64_t", "64",
           "Tokens of one step that may want logits; raised to max-sequences, cut to max-tokens.">,
    Option<"attentionBlockRows", "attention-block-rows", "int64_t", "16",
           "Consecutive tokens of a sequence that one attention tile of a step takes at most.">,
    Option<"attentionQueryRows", "attention-query-rows", "int64_t", "0",
           "If not 0, such a tile takes as many tokens as make so many rows of query heads that "
           "share a KV head, in place of attention-block-rows.">,
    Option<"candidates", "candidates", "int64_t", "0",
           "Programs also return so many of the largest logits of each row (llm.top_k); 0: none.">];
  let dependentDialects = ["::tawny::llm::LlmDialect"];
}

def LlmDecide : Pass<"llm-decide", "::mlir::func::FuncOp"> {
  let summary = "Decides what linears compute in and where weights are dequantised.";
  let description = [{
    Every linear gets `llm.dequant`. With `activations=i8`, linears whose weights are all quantised
    read int8: an `llm.quantize` goes in front, one for all that share the input, and becomes the
    result type of the op that makes that input if nothing else reads it and the op can write int8
    (norms, attention whose heads are multiples of 32, linears with an epilogue). Inputs whose
    columns are no multiple of 32 stay f32.
    With `activations=f16` all linears read f16, by the same rules but without conditions on heads
    and columns. The residual stream stays f32.
    With `kv=f32` the pool's elements are f32: a cache in f16 alone moves the log-probability of an
    uncertain token by more than 1e-3, which f32 activations promise to keep.

    Before:
    ```mlir
    %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
    %z = llm.linear %y weights(%m) at [0]
      : (tensor<?x32xf32>, tensor<8x32x!llm.q8_0>) -> tensor<?x8xf32>
    ```
    After, with activations=i8:
    ```mlir
    %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32x!llm.a8>
    %z = llm.linear %y weights(%m) at [0] {llm.dequant = "fused"}
      : (tensor<?x32x!llm.a8>, tensor<8x32x!llm.q8_0>) -> tensor<?x8xf32>
    ```
  }];
  let options = [
    Option<"activations", "activations", "std::string", "\"f32\"",
           "What linears compute in: f32, f16 or i8.">,
    Option<"kv", "kv", "std::string", "\"f16\"", "Elements of the KV pool: f16 or f32.">,
    Option<"dequant", "dequant", "std::string", "\"fused\"",
           "Where weights are dequantised: fused (in the kernel that reads them).">];
  let dependentDialects = ["::tawny::llm::LlmDialect"];
}

def LlmSplitAttention : Pass<"llm-split-attention", "::mlir::func::FuncOp"> {
  let summary = "Cuts the contexts of decode programs into ranges that are attended side by side.";
  let description = [{
    One new token of one sequence is as many tiles of attention as there are KV heads, too few for a
    GPU, and each walks through the whole context. In decode programs the context is cut into
    ranges, a power of two of them, that bring a step of the program's sequences to `tiles` tiles,
    but no more than make ranges of `range-tokens` positions of the longest context. An attention
    that has enough tiles becomes one range: so the kernel of `llm.attention_part` is for rows that
    stand alone, that of `llm.attention` for blocks of them. Other programs stay as they are. With
    `same-ranges`, all decode programs have the ranges of `llm::contextRanges`, however many tiles
    that makes: for targets whose kernels of both ops add up the same ranges.

    Before:
    ```mlir
    func.func @decode_1(...) attributes {llm.program = #llm.program<decode, ...>} {
      %o = llm.attention %q, %kv, %step layer 0 scale 1.25e-1
        : tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64> -> tensor<?x256xf16>
    ```
    After, with tiles=16:
    ```mlir
      %sums, %state = llm.attention_part %q, %kv, %step layer 0 scale 1.25e-1 splits 8
        : tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64>
        -> tensor<?x2048xf32>, tensor<?x64xf32>
      %o = llm.attention_merge %sums, %state splits 8
        : tensor<?x2048xf32>, tensor<?x64xf32> -> tensor<?x256xf16>
    ```
  }];
  let options = [
    Option<"tiles", "tiles", "int64_t", "1", "Tiles that keep the target busy.">,
    Option<"rangeTokens", "range-tokens", "int64_t", "128",
           "Positions of the shortest range that is worth a tile of its own.">,
    Option<"sameRanges", "same-ranges", "bool", "false",
           "Have the same ranges in all programs, of a length that maxContext decides.">,
    Option<"maxContext", "max-context", "int64_t", "4096", "Tokens of one sequence at most.">];
  let dependentDialects = ["::tawny::llm::LlmDialect"];
}

def LlmLayout : Pass<"llm-layout", "::mlir::ModuleOp"> {
  let summary = "Gives every weight a layout.";
  let description = [{
    Matrices get the option's layout, vectors `rows` (`dialects/formats/Layouts.h`).

    Before:
    ```mlir
    llm.weight @output.weight : tensor<512x256x!llm.q4_k> at 0
    ```
    After:
    ```mlir
    llm.weight @output.weight : tensor<512x256x!llm.q4_k> at 0 layout "simd16"
    ```
  }];
  let options = [Option<"layout", "layout", "std::string", "\"simd16\"",
                        "The layout of matrices: simd16 or simt32.">];
  let dependentDialects = ["::tawny::llm::LlmDialect"];
}

def RtDispatch : Pass<"rt-dispatch", "::mlir::ModuleOp"> {
  let summary = "Outlines every op of the programs to a kernel and calls it.";
  let description = [{
    Equal bodies are one kernel: across layers, since the kernel's own `layer` is 0 and the
    dispatch carries the real one, and across programs. Whatever a fusion left over is a kernel of
    its own, so an unfused model works too. Bindings, grids and tile rows are those of
    `passes/KernelShapes.h`. Labels come from the weights' common name. A linear of quantised
    weights without a decision of `llm-decide` is an error: no weight is expanded by accident.

    Before:
    ```mlir
    func.func @step(...) attributes {llm.program = ...} {
      %w = llm.load_weight @blk.1.ffn_norm.weight : tensor<256xf32>
      %y = llm.rms_norm %x, %w eps 1.0e-5 : ...
    ```
    After:
    ```mlir
    rt.executable @kernels target <"x86-64-v4", layout = "simd16", activations = "f32"> {
      rt.kernel @rms_norm_256 grid <1 x tokens by 1>
          bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, ...] { ... }
    }
    func.func @step(...) attributes {llm.program = ...} {
      %w = llm.load_weight @blk.1.ffn_norm.weight : tensor<256xf32>
      %y = rt.dispatch @kernels::@rms_norm_256(%x, %w) label "blk.1.ffn_norm" : ...
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "The target's name.">,
    Option<"layout", "layout", "std::string", "\"simd16\"",
           "The matrix layout the target's kernels read; its tiles shape the grids.">,
    Option<"activations", "activations", "std::string", "\"f32\"",
           "What linears compute in: f32, f16 or i8.">];
  let dependentDialects = ["::tawny::llm::LlmDialect", "::tawny::rt::RtDialect"];
}

def RtPlan : Pass<"rt-plan", "::mlir::ModuleOp"> {
  let summary = "Gives everything a place: turns program functions into rt.programs.";
  let description = [{
    Every tensor gets arena bytes for as long as a later dispatch reads it, the step table and the
    KV pool get their geometry, and every dispatch becomes a launch with bindings. An op's results
    never lie over its inputs. `costs` sums what a step moves and does:
    - `weight_bytes`: packed bytes of the weights that a step reads, each once. An embedding table
      does not count, since only the tokens' rows of it are read, unless it is the head's too;
    - `operations_per_token`, `operations_per_logit_row`: 2 * rows * columns of the linears that
      have a row per token, and of those, such as the head, that have one per wanted logit;
    - `peak_bytes`: all weights, KV pool, arena and step table together.

    Before:
    ```mlir
    func.func @decode_1(...) attributes {llm.program = ...} {
      %w = llm.load_weight @output.weight : tensor<512x256x!llm.q4_k>
      %y = rt.dispatch @kernels::@linear_q4_k_512x256(%x, %w) label "output" : ...
    ```
    After:
    ```mlir
    rt.program @decode_1 on @kernels program <decode, ...> step_layout <...> kv <...>
        arena 4096 logits 1024 costs {operations_per_logit_row = 262144, ...} {
      rt.launch @kernels::@linear_q4_k_512x256 label "output" grid <32 x one by 1>
        [#rt.bind<step, 0, 4, read, 0, false>, #rt.bind<arena, 0, 1024, read, 1024, true>,
         #rt.bind<weight @output.weight, 0, 73728, read, 0, false>,
         #rt.bind<arena, 1024, 2048, write, 2048, true>]
    ```
  }];
  let options = [
    Option<"maxContext", "max-context", "int64_t", "4096", "Tokens of one sequence at most.">,
    Option<"kvTokens", "kv-tokens", "int64_t", "0",
           "Tokens that the KV pool holds; 0 is max-context.">,
    Option<"pageTokens", "page-tokens", "int64_t", "16", "Tokens of one page of the KV pool.">];
  let dependentDialects = ["::tawny::rt::RtDialect"];
}

def RtVerifyProgram : Pass<"rt-verify-program", "::mlir::ModuleOp"> {
  let summary = "Checks that programs read only what they wrote, and inside its bounds.";
  let description = [{
    Changes nothing. For each launch of each program:
    1. a binding has the access of its kernel's argument, and the grid is the kernel's;
    2. a binding lies inside its space, and all of a weight is bound;
    3. what is read from the arena was last written, all of it, by one earlier launch: so live
       ranges of buffers do not overlap;
    4. what a launch writes lies apart from what else it touches;
    5. the logits were written, and nothing wrote over them; so were candidates, if there are any.
  }];
}

def RtPrintCosts : Pass<"rt-print-costs", "::mlir::ModuleOp"> {
  let summary = "Prints what each program launches, moves and does.";
  let description = [{
    Changes nothing; prints one line per program to standard error, from `passes/ProgramCosts.h`:
    ```
    decode_1: 12 launches of 7 kernels, 1048576 weight bytes, 18432 activation bytes per token, ...
    ```
  }];
}

#endif // TAWNY_PASSES
