// RUN: tawny-opt %s --rt-print-costs -o /dev/null 2>&1 | FileCheck %s

// Launches are counted and their activations summed; what launches no longer tell is the plan's.
// CHECK: decode_1: 3 launches of 2 kernels, 100 weight bytes, 224 activation bytes per token,
// CHECK-SAME: 20 operations per token, 30 operations per logit row, 256 arena bytes, 4000 peak bytes

rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    %y = llm.silu %x : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
  rt.kernel @write grid <1 x tokens by 1>
      bindings [#rt.arg<tokens 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%table: tensor<8x8xf32>, %step: !llm.step):
    %y = llm.embed %step, %table : tensor<8x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

rt.program @decode_1 on @kernels
    program <decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 1, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 256 logits 0
    costs {operations_per_logit_row = 30 : i64, operations_per_token = 20 : i64,
           peak_bytes = 4000 : i64, weight_bytes = 100 : i64} {
  // A row in and a row out of 32 bytes each, twice, and a row of 96 out. Weights are not activations.
  rt.launch @kernels::@write label "a" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 4, read, 0, false>, #rt.bind<weight @w, 0, 100, read, 0, false>,
     #rt.bind<arena, 64, 96, write, 96, true>]
  rt.launch @kernels::@silu label "b" grid <1 x tokens by 1>
    [#rt.bind<arena, 64, 32, read, 32, true>, #rt.bind<arena, 0, 32, write, 32, true>]
  rt.launch @kernels::@silu label "c" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 32, read, 32, true>, #rt.bind<arena, 64, 32, write, 32, true>]
}
