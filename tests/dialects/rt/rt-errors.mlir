// What the verifiers of the rt dialect refuse; each case bears the label of RtOps.td.
// RUN: tawny-opt %s -verify-diagnostics -split-input-file

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  // expected-error@+1 {{expects 1 binding of operand 0 of type 'tensor<?x8xf32>', found 0}}
  rt.kernel @kernel_c1 grid <1 x tokens by 1> bindings [#rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  // expected-error@+1 {{expects 1 binding of result 0 of type 'tensor<?x8xf32>', found 2}}
  rt.kernel @kernel_c1_twice grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  // The step is bound by its arrays, not as an operand.
  // expected-error@+1 {{expects 0 binding of operand 0 of type '!llm.step', found 1}}
  rt.kernel @kernel_c1_step grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %x: tensor<?x8xf32>):
    %y = llm.logit_rows %x, %step : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  // expected-error@+1 {{expects bindings of its 1 operands, found #rt.arg<operand 1, read>}}
  rt.kernel @kernel_c1_index grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  // expected-error@+1 {{expects operands to be read, found #rt.arg<operand 0, write>}}
  rt.kernel @kernel_c2 grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, write>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  // expected-error@+1 {{expects results to be written, found #rt.arg<result 0, read>}}
  rt.kernel @kernel_c2_result grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, read>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}
func.func @dispatch_c1(%x: tensor<?x16xf32>) {
  // expected-error@+1 {{expects the kernel's operand types 'tensor<?x8xf32>', found 'tensor<?x16xf32>'}}
  %y = rt.dispatch @cpu::@silu(%x) label "silu" : (tensor<?x16xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @dispatch_c1_no_kernel(%x: tensor<?x16xf32>) {
  // expected-error@+1 {{expects @cpu::@silu to name an rt.kernel}}
  %y = rt.dispatch @cpu::@silu(%x) label "silu" : (tensor<?x16xf32>) -> tensor<?x16xf32>
  return
}

// -----

// expected-error@+1 {{expects logits inside the arena of 64 bytes, found offset 128}}
rt.program @program_c1 on @cpu
    program <decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 1, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 64 logits 128 costs {} {
}

// -----

// expected-error@+1 {{expects at most 64 candidates inside the arena of 64 bytes, found 40 at 128}}
rt.program @program_c1_candidates on @cpu
    program <decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 1, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 64 logits 0 candidates 40 at 128 costs {} {
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}
rt.program @launch_c1 on @cpu
    program <decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 1, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 64 logits 0 costs {} {
  // expected-error@+1 {{expects the kernel's 2 bindings, found 1}}
  rt.launch @cpu::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 32, read, 32, true>]
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}
rt.program @launch_c2 on @cpu
    program <decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 1, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 64 logits 0 costs {} {
  // expected-error@+1 {{expects a binding inside the arena of 64 bytes}}
  rt.launch @cpu::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 32, read, 32, true>, #rt.bind<arena, 48, 32, write, 32, true>]
}

// -----

rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "f32"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}
rt.program @launch_c3 on @cpu
    program <decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 1, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 64 logits 0 costs {} {
  // expected-error@+1 {{expects a symbol exactly where a weight is bound}}
  rt.launch @cpu::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<weight, 0, 32, read, 32, true>, #rt.bind<arena, 32, 32, write, 32, true>]
}

// -----

// expected-error@+1 {{expects a positive number of tiles and a positive divisor, found 1 and 0}}
func.func private @grid() attributes {grid = #rt.grid<1 x tokens by 0>}
