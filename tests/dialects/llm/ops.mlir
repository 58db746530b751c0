// Every op of the llm dialect prints as it parses. The examples are those of LlmOps.td.
// RUN: tawny-opt %s | tawny-opt | FileCheck %s

// Weights name bytes of the source file; the layout comes later and is optional.
// CHECK: llm.weight @blk.0.attn_q.weight : tensor<256x256x!llm.q4_k> at 91264
llm.weight @blk.0.attn_q.weight : tensor<256x256x!llm.q4_k> at 91264
// CHECK: llm.weight @norm : tensor<256xf32> at 0 layout "rows"
llm.weight @norm : tensor<256xf32> at 0 layout "rows"
// CHECK: llm.weight @table : tensor<1024x256x!llm.q6_k> at 1024
llm.weight @table : tensor<1024x256x!llm.q6_k> at 1024
// CHECK: llm.weight @old : tensor<4x64x!llm.q4_0> at 2048
llm.weight @old : tensor<4x64x!llm.q4_0> at 2048
// CHECK: llm.weight @large : tensor<4x64x!llm.q8_0> at 4096
llm.weight @large : tensor<4x64x!llm.q8_0> at 4096
// CHECK: llm.weight @q4_1 : tensor<4x64x!llm.q4_1> at 8192
llm.weight @q4_1 : tensor<4x64x!llm.q4_1> at 8192
// CHECK: llm.weight @q5_0 : tensor<4x64x!llm.q5_0> at 8192
llm.weight @q5_0 : tensor<4x64x!llm.q5_0> at 8192
// CHECK: llm.weight @q5_1 : tensor<4x64x!llm.q5_1> at 8192
llm.weight @q5_1 : tensor<4x64x!llm.q5_1> at 8192
// CHECK: llm.weight @q2_k : tensor<4x256x!llm.q2_k> at 8192
llm.weight @q2_k : tensor<4x256x!llm.q2_k> at 8192
// CHECK: llm.weight @q3_k : tensor<4x256x!llm.q3_k> at 8192
llm.weight @q3_k : tensor<4x256x!llm.q3_k> at 8192
// CHECK: llm.weight @q5_k : tensor<4x256x!llm.q5_k> at 8192
llm.weight @q5_k : tensor<4x256x!llm.q5_k> at 8192
// CHECK: llm.weight @iq4_nl : tensor<4x64x!llm.iq4_nl> at 8192
llm.weight @iq4_nl : tensor<4x64x!llm.iq4_nl> at 8192
// CHECK: llm.weight @iq4_xs : tensor<4x256x!llm.iq4_xs> at 8192
llm.weight @iq4_xs : tensor<4x256x!llm.iq4_xs> at 8192
// CHECK: llm.weight @mxfp4 : tensor<4x64x!llm.mxfp4> at 8192
llm.weight @mxfp4 : tensor<4x64x!llm.mxfp4> at 8192
// CHECK: llm.weight @bf16 : tensor<4x64xbf16> at 8192
llm.weight @bf16 : tensor<4x64xbf16> at 8192

// CHECK-LABEL: func.func @row_wise
func.func @row_wise(%step: !llm.step) -> tensor<?x256x!llm.a8> {
  // CHECK: %[[TABLE:.*]] = llm.load_weight @table : tensor<1024x256x!llm.q6_k>
  %table = llm.load_weight @table : tensor<1024x256x!llm.q6_k>
  // CHECK: %[[W:.*]] = llm.load_weight @norm : tensor<256xf32>
  %w = llm.load_weight @norm : tensor<256xf32>
  // CHECK: %[[X:.*]] = llm.embed %{{.*}}, %[[TABLE]] : tensor<1024x256x!llm.q6_k> -> tensor<?x256xf32>
  %x = llm.embed %step, %table : tensor<1024x256x!llm.q6_k> -> tensor<?x256xf32>
  // CHECK: %[[Y:.*]] = llm.rms_norm %[[X]], %[[W]] eps 1.000000e-05
  // CHECK-SAME: : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256xf32>
  %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256xf32>
  // The sum has the inputs' type, which is written once.
  // CHECK: %[[SUM:.*]], %{{.*}} = llm.add_rms_norm %[[X]], %[[Y]], %[[W]] eps 1.000000e-05
  // CHECK-SAME: : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256x!llm.a8>
  %sum, %norm = llm.add_rms_norm %x, %y, %w eps 1.0e-5
    : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256x!llm.a8>
  // CHECK: %[[S:.*]] = llm.silu %[[SUM]] : tensor<?x256xf32>
  %s = llm.silu %sum : tensor<?x256xf32>
  // CHECK: %[[L:.*]] = llm.logit_rows %[[S]], %{{.*}} : tensor<?x256xf32>
  %l = llm.logit_rows %s, %step : tensor<?x256xf32>
  // CHECK: llm.quantize %[[L]] : tensor<?x256xf32> -> tensor<?x256xf16>
  %half = llm.quantize %l : tensor<?x256xf32> -> tensor<?x256xf16>
  // CHECK: llm.quantize %[[L]] : tensor<?x256xf32> -> tensor<?x256x!llm.a8>
  %q = llm.quantize %l : tensor<?x256xf32> -> tensor<?x256x!llm.a8>
  return %q : tensor<?x256x!llm.a8>
}

// CHECK-LABEL: func.func @attention
func.func @attention(%step: !llm.step, %kv: !llm.kv<layers = 3, heads = 2, dim = 64>,
                     %x: tensor<?x256xf32>, %k: tensor<?x128xf32>, %v: tensor<?x128xf32>)
    -> tensor<?x256xf32> {
  // CHECK: %[[R:.*]] = llm.rope %{{.*}}, %{{.*}} <head = 64, rotary = 64, base = 1.000000e+04, adjacent> : tensor<?x256xf32>
  %r = llm.rope %x, %step <head = 64, rotary = 64, base = 1.0e+04, adjacent> : tensor<?x256xf32>
  // CHECK: llm.rope %{{.*}}, %{{.*}} <head = 64, rotary = 16, base = 1.000000e+06, halves>
  %r2 = llm.rope %k, %step <head = 64, rotary = 16, base = 1.0e+06, halves> : tensor<?x128xf32>
  // CHECK: %[[KV:.*]] = llm.kv_append %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} layer 0
  // CHECK-SAME: : <layers = 3, heads = 2, dim = 64>, tensor<?x128xf32>
  %kv1 = llm.kv_append %kv, %r2, %v, %step layer 0
    : !llm.kv<layers = 3, heads = 2, dim = 64>, tensor<?x128xf32>
  // CHECK: llm.attention %[[R]], %[[KV]], %{{.*}} layer 0 scale 1.250000e-01
  // CHECK-SAME: : tensor<?x256xf32>, <layers = 3, heads = 2, dim = 64> -> tensor<?x256xf32>
  %o = llm.attention %r, %kv1, %step layer 0 scale 1.25e-1
    : tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64> -> tensor<?x256xf32>
  return %o : tensor<?x256xf32>
}

// CHECK-LABEL: func.func @long_contexts
func.func @long_contexts(%step: !llm.step, %kv: !llm.kv<layers = 1, heads = 2, dim = 64>,
                         %x: tensor<?x256xf32>) -> tensor<?x256xf32> {
  // CHECK: llm.rope %{{.*}}, %{{.*}} <head = 64, rotary = 4, base = 1.000000e+04, adjacent, divisors = [1.000000e+00, 4.000000e+00] magnitude = 1.1386294361119891> : tensor<?x256xf32>
  %q = llm.rope %x, %step <head = 64, rotary = 4, base = 1.0e+04, adjacent,
                           divisors = [1.0, 4.0] magnitude = 1.1386294361119891>
    : tensor<?x256xf32>
  // CHECK: llm.attention %{{.*}} layer 0 scale 1.250000e-01 window 4096
  %o = llm.attention %q, %kv, %step layer 0 scale 1.25e-1 window 4096
    : tensor<?x256xf32>, !llm.kv<layers = 1, heads = 2, dim = 64> -> tensor<?x256xf32>
  // CHECK: llm.attention_part %{{.*}} layer 0 scale 1.250000e-01 window 4096 splits 1
  %sums, %state = llm.attention_part %q, %kv, %step layer 0 scale 1.25e-1 window 4096 splits 1
    : tensor<?x256xf32>, !llm.kv<layers = 1, heads = 2, dim = 64>
    -> tensor<?x256xf32>, tensor<?x8xf32>
  return %o : tensor<?x256xf32>
}

// CHECK-LABEL: func.func @attention_in_parts
func.func @attention_in_parts(%step: !llm.step, %kv: !llm.kv<layers = 3, heads = 2, dim = 64>,
                              %q: tensor<?x256xf32>) -> tensor<?x256xf16> {
  // CHECK: %[[SUMS:.*]], %[[STATE:.*]] = llm.attention_part %{{.*}}, %{{.*}}, %{{.*}} layer 2 scale 1.250000e-01 splits 3
  // CHECK-SAME: : tensor<?x256xf32>, <layers = 3, heads = 2, dim = 64> -> tensor<?x768xf32>, tensor<?x24xf32>
  %sums, %state = llm.attention_part %q, %kv, %step layer 2 scale 1.25e-1 splits 3
    : tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64>
    -> tensor<?x768xf32>, tensor<?x24xf32>
  // CHECK: llm.attention_merge %[[SUMS]], %[[STATE]] splits 3
  // CHECK-SAME: : tensor<?x768xf32>, tensor<?x24xf32> -> tensor<?x256xf16>
  %o = llm.attention_merge %sums, %state splits 3
    : tensor<?x768xf32>, tensor<?x24xf32> -> tensor<?x256xf16>
  return %o : tensor<?x256xf16>
}

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x256x!llm.a8>, %gate: tensor<512x256x!llm.q4_k>,
                  %up: tensor<512x256x!llm.q4_k>, %bias: tensor<512xf32>, %r: tensor<?x512xf32>)
    -> (tensor<?x512xf32>, tensor<?x512xf32>, tensor<?x512x!llm.a8>, tensor<?x512xf32>) {
  // Concatenated parts have a result each.
  // CHECK: %{{.*}}:2 = llm.linear %{{.*}} weights(%{{.*}}, %{{.*}}) at [0, 512] bias(%{{.*}}) of [1] :
  %a:2 = llm.linear %x weights(%gate, %up) at [0, 512] bias(%bias) of [1]
    : (tensor<?x256x!llm.a8>, tensor<512x256x!llm.q4_k>, tensor<512x256x!llm.q4_k>,
       tensor<512xf32>) -> (tensor<?x512xf32>, tensor<?x512xf32>)
  // Paired parts meet in an epilogue.
  // CHECK: llm.linear %{{.*}} weights(%{{.*}}, %{{.*}}) at [0, 0] epilogue {
  // CHECK-NEXT: ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
  // CHECK-NEXT: %[[E:.*]] = math.exp %[[G]] : f32
  // CHECK-NEXT: %[[H:.*]] = arith.mulf %[[E]], %[[U]] : f32
  // CHECK-NEXT: llm.yield %[[H]] : f32
  // CHECK-NEXT: } : (tensor<?x256x!llm.a8>
  %b = llm.linear %x weights(%gate, %up) at [0, 0] epilogue {
  ^bb0(%g: f32, %u: f32):
    %e = math.exp %g : f32
    %h = arith.mulf %e, %u : f32
    llm.yield %h : f32
  } : (tensor<?x256x!llm.a8>, tensor<512x256x!llm.q4_k>, tensor<512x256x!llm.q4_k>)
    -> tensor<?x512x!llm.a8>
  // CHECK: llm.linear %{{.*}} weights(%{{.*}}) at [0] reads(%{{.*}}) epilogue {
  %c = llm.linear %x weights(%gate) at [0] reads(%r) epilogue {
  ^bb0(%acc: f32, %residual: f32):
    %h = arith.addf %acc, %residual : f32
    llm.yield %h : f32
  } : (tensor<?x256x!llm.a8>, tensor<512x256x!llm.q4_k>, tensor<?x512xf32>) -> tensor<?x512xf32>
  return %a#0, %a#1, %b, %c
    : tensor<?x512xf32>, tensor<?x512xf32>, tensor<?x512x!llm.a8>, tensor<?x512xf32>
}

// CHECK-LABEL: func.func @rope_append
func.func @rope_append(%x: tensor<?x256xf32>, %wq: tensor<256x256xf16>, %wk: tensor<128x256xf16>,
                       %wv: tensor<128x256xf16>, %step: !llm.step,
                       %kv: !llm.kv<layers = 3, heads = 2, dim = 64>) -> tensor<?x256xf32> {
  // CHECK: llm.linear %{{.*}} weights(%{{.*}}, %{{.*}}, %{{.*}}) at [0, 256, 384]
  // CHECK-SAME: state(%{{.*}}, %{{.*}}) rope_append <head = 64, rotary = 64, base = 1.000000e+04, adjacent> layer 0 :
  %q, %kv1 = llm.linear %x weights(%wq, %wk, %wv) at [0, 256, 384] state(%step, %kv)
    rope_append <head = 64, rotary = 64, base = 1.0e+04, adjacent> layer 0
    : (tensor<?x256xf32>, tensor<256x256xf16>, tensor<128x256xf16>, tensor<128x256xf16>,
       !llm.step, !llm.kv<layers = 3, heads = 2, dim = 64>)
    -> (tensor<?x256xf32>, !llm.kv<layers = 3, heads = 2, dim = 64>)
  return %q : tensor<?x256xf32>
}

// The bounds of a program are an attribute of its function.
// CHECK: llm.program = #llm.program<decode, tokens = 8, sequences = 8, logit_rows = 8, block_rows = 1>
func.func private @decode() attributes {
  llm.program = #llm.program<decode, tokens = 8, sequences = 8, logit_rows = 8, block_rows = 1>
}

// Elements of the pool are f16 unless it says otherwise.
// CHECK: func.func private @pools(!llm.kv<layers = 1, heads = 2, dim = 16>,
// CHECK-SAME: !llm.kv<layers = 1, heads = 2, dim = 16, bits = 32>)
func.func private @pools(!llm.kv<layers = 1, heads = 2, dim = 16, bits = 16>,
                         !llm.kv<layers = 1, heads = 2, dim = 16, bits = 32>)

// The best logits of each row, with their tokens.
// CHECK-LABEL: func.func @top_k
func.func @top_k(%logits: tensor<?x1024xf32>) -> tensor<?x40x!llm.candidate> {
  // CHECK: llm.top_k %{{.*}} : tensor<?x1024xf32> -> tensor<?x40x!llm.candidate>
  %c = llm.top_k %logits : tensor<?x1024xf32> -> tensor<?x40x!llm.candidate>
  return %c : tensor<?x40x!llm.candidate>
}
