// RUN: tawny-opt %s --rt-verify-program | FileCheck %s

// Buffers at 0, 64 and 128 follow each other; each is read as it was written, and the last is the
// logits. Nothing is changed.
// CHECK: rt.program @p
// CHECK-COUNT-3: rt.launch

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

rt.program @p on @kernels
    program <decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
    step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
                 blockTables = 320, logitRows = 384, maxAttentionBlocks = 2, maxPages = 1,
                 bytes = 448>
    kv <layers = 1, heads = 1, headDim = 8, pageTokens = 16, pages = 1>
    arena 192 logits 128 costs {} {
  rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
    [#rt.bind<step, 64, 8, read, 0, false>, #rt.bind<weight @w, 0, 512, read, 0, false>, #rt.bind<arena, 0, 64, write, 32, true>]
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 0, 64, read, 32, true>, #rt.bind<arena, 64, 64, write, 32, true>]
  rt.launch @kernels::@silu label "silu" grid <1 x tokens by 1>
    [#rt.bind<arena, 64, 64, read, 32, true>, #rt.bind<arena, 128, 64, write, 32, true>]
}
