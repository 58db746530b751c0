// RUN: tawny-opt %s --verify-diagnostics --rt-verify-program

llm.weight @w : tensor<16x8xf32> at 0 layout "simd16"

rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<tokens 0, read>,
      #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%table: tensor<16x8xf32>, %step: !llm.step):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// Nothing was written there.
rt.program @never_written on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
  // expected-error@+1 {{reads #rt.bind<arena, 64, 64, read, 32, true>, which no earlier launch wrote}}
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 64, 64, read, 32, true>, #rt.bind<arena, 128, 64, write, 32, true>]
}

// A buffer was put over half of another that is still needed: two live ranges overlap.
rt.program @overlapping on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
  // expected-note@+1 {{by 'over' with #rt.bind<arena, 32, 64, write, 32, true>}}
  rt.launch @kernels::@embed label "over" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 32, 64, write, 32, true>]
  // expected-error@+1 {{reads #rt.bind<arena, 0, 64, read, 32, true>, part of which was overwritten}}
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 64, read, 32, true>, #rt.bind<arena, 128, 64, write, 32, true>]
}

// Rows of another length are another buffer.
rt.program @other_rows on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-note@+1 {{by 'embed' with #rt.bind<arena, 0, 64, write, 32, true>}}
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
  // expected-error@+1 {{part of which was overwritten}}
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 64, read, 64, true>, #rt.bind<arena, 128, 64, write, 32, true>]
}

// No launch works in place.
rt.program @in_place on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
  // expected-error@+1 {{writes over what else it touches}}
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 64, read, 32, true>, #rt.bind<arena, 0, 64, write, 32, true>]
}

// The logits are gone before the end.
rt.program @lost_logits on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 64, read, 32, true>, #rt.bind<arena, 128, 64, write, 32, true>]
  // expected-error@+1 {{writes over the logits: #rt.bind<arena, 128, 64, write, 64, true>}}
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 64, read, 32, true>, #rt.bind<arena, 128, 64, write, 64, true>]
}

// The grid is the kernel's.
rt.program @grid on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-error@+1 {{expects the kernel's grid #rt.grid<1 x tokens by 1>, found #rt.grid<2 x tokens by 1>}}
  rt.launch @kernels::@embed label "embed" grid <2 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
}

// So is what a kernel does to a binding.
rt.program @access on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-error@+1 {{expects binding 2 to be write as the kernel's, found #rt.bind<arena, 0, 64, read, 32, true>}}
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, read, 32, true>]
}

// The step table has 448 bytes.
rt.program @outside on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-error@+1 {{expects a binding inside the 448 bytes of its space}}
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 448, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
}

// Only the arena and the pool can be written.
rt.program @read_only on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-error@+1 {{expects only reads of weights and of the step table}}
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<step, 0, 64, write, 32, true>]
}

// A weight is bound from its start to its end.
rt.program @part_of_a_weight on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-error@+1 {{expects all 512 bytes of the weight}}
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 256, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
}

// It has a name.
rt.program @no_weight on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-error@+1 {{expects the name of an llm.weight}}
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @v, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
}

// There is no program that fills resident memory.
rt.program @resident on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  // expected-error@+1 {{expects no resident memory, since there is no init program}}
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<resident, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
}

// The logits were never written.
// expected-error@+1 {{expects a launch that writes 2 rows of f32 logits at 128, found none}}
rt.program @no_logits on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
}

// The candidates were never written: nothing has rows of 3 times 8 bytes there.
// expected-error@+1 {{expects a launch that writes 2 rows of 3 candidates at 0, found none}}
rt.program @no_candidates on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 0 candidates 3 at 0 costs {} {
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
}
