// Every op of the rt dialect prints as it parses. The examples are those of RtOps.td.
// RUN: tawny-opt %s | tawny-opt | FileCheck %s

// CHECK: rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "i8"> {
rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "i8"> {
  // CHECK: rt.kernel @add_rms_norm_256 grid <1 x tokens by 1>
  // CHECK-SAME: bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>,
  // CHECK-SAME: #rt.arg<result 1, write>] {
  // CHECK: rt.return %{{.*}}, %{{.*}} : tensor<?x256xf32>, tensor<?x256xf32>
  rt.kernel @add_rms_norm_256 grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>, #rt.arg<result 1, write>] {
  ^bb0(%a: tensor<?x256xf32>, %b: tensor<?x256xf32>, %w: tensor<256xf32>):
    %sum, %norm = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256xf32>
    rt.return %sum, %norm : tensor<?x256xf32>, tensor<?x256xf32>
  }
  // Resources are found when the code is made. The step table's arrays and the pool's pages are
  // bindings without an operand.
  // CHECK: rt.kernel @embed_256 grid <2 x tokens by 4>
  // CHECK-SAME: bindings [#rt.arg<tokens 0, read>,
  // CHECK-SAME: resources {code_bytes = 512 : i64} {
  rt.kernel @embed_256 grid <2 x tokens by 4>
      bindings [#rt.arg<tokens 0, read>, #rt.arg<row_count 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] resources {code_bytes = 512} {
  ^bb0(%step: !llm.step, %table: tensor<1024x256xf16>):
    %x = llm.embed %step, %table : tensor<1024x256xf16> -> tensor<?x256xf32>
    rt.return %x : tensor<?x256xf32>
  }
}

// CHECK-LABEL: func.func @dispatch
func.func @dispatch(%a: tensor<?x256xf32>, %b: tensor<?x256xf32>, %w: tensor<256xf32>)
    -> tensor<?x256xf32> {
  // CHECK: rt.dispatch @cpu::@add_rms_norm_256(%{{.*}}, %{{.*}}, %{{.*}}) label "blk.0.ffn_norm" layer 0 :
  // CHECK-SAME: (tensor<?x256xf32>, tensor<?x256xf32>, tensor<256xf32>) ->
  // CHECK-SAME: (tensor<?x256xf32>, tensor<?x256xf32>)
  %sum, %norm = rt.dispatch @cpu::@add_rms_norm_256(%a, %b, %w) label "blk.0.ffn_norm" layer 0
    : (tensor<?x256xf32>, tensor<?x256xf32>, tensor<256xf32>)
    -> (tensor<?x256xf32>, tensor<?x256xf32>)
  return %norm : tensor<?x256xf32>
}

llm.weight @norm : tensor<256xf32> at 0

// CHECK: rt.program @step on @cpu
// CHECK-SAME: program <step, tokens = 512, sequences = 32, logit_rows = 32, block_rows = 8>
// CHECK-SAME: step_layout <counts = 0, tokens = 64,
// CHECK-SAME: kv <layers = 3, heads = 2, headDim = 64, pageTokens = 16, pages = 256>
// CHECK-SAME: arena 1048576 logits 65536 costs {weight_bytes = 1024 : i64} {
rt.program @step on @cpu
    program <step, tokens = 512, sequences = 32, logit_rows = 32, block_rows = 8>
    step_layout <counts = 0, tokens = 64, positions = 2112, kvSlots = 4160,
                 attentionBlocks = 6208, blockTables = 7616, logitRows = 24000,
                 maxAttentionBlocks = 88, maxPages = 128, bytes = 24128>
    kv <layers = 3, heads = 2, headDim = 64, pageTokens = 16, pages = 256>
    arena 1048576 logits 65536 costs {weight_bytes = 1024} {
  // A weight is bound by its symbol; all other spaces by offset alone.
  // CHECK: rt.launch @cpu::@add_rms_norm_256 label "blk.0.ffn_norm" grid <1 x tokens by 1>
  // CHECK-SAME: [#rt.bind<step, 0, 64, read, 0, false>, #rt.bind<arena, 0, 524288, read, 1024, true>,
  // CHECK-SAME: #rt.bind<weight @norm, 0, 1024, read, 0, true>,
  rt.launch @cpu::@add_rms_norm_256 label "blk.0.ffn_norm" grid <1 x tokens by 1>
    [#rt.bind<step, 0, 64, read, 0, false>, #rt.bind<arena, 0, 524288, read, 1024, true>,
     #rt.bind<arena, 524288, 524288, read, 1024, true>,
     #rt.bind<weight @norm, 0, 1024, read, 0, true>,
     #rt.bind<arena, 0, 524288, write, 1024, true>,
     #rt.bind<arena, 524288, 524288, read_write, 1024, true>]
}
