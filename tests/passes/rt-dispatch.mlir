// RUN: tawny-opt %s --split-input-file --rt-dispatch="target=t activations=i8" \
// RUN:   | FileCheck %s --enable-var-scope

// Two layers and two programs share their kernels. Kernels say layer 0; dispatches say which.

!kv = !llm.kv<layers = 2, heads = 2, dim = 8>
#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>
#decode = #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>

llm.weight @blk.0.attn_q.weight : tensor<32x32xf16> at 0
llm.weight @blk.0.attn_k.weight : tensor<16x32xf16> at 2048
llm.weight @blk.0.attn_v.weight : tensor<16x32xf16> at 3072
llm.weight @blk.1.attn_q.weight : tensor<32x32xf16> at 4096
llm.weight @blk.1.attn_k.weight : tensor<16x32xf16> at 6144
llm.weight @blk.1.attn_v.weight : tensor<16x32xf16> at 7168

// CHECK: rt.executable @kernels target <"t", layout = "simd16", activations = "i8"> {

// A tile is one head of 8 rows: 4 of q, 2 of k, 2 of v.
// CHECK-NEXT: rt.kernel @linear_f16_f16_f16_64x32_rope grid <8 x one by 1>
// CHECK-SAME:   [#rt.arg<row_count 0, read>, #rt.arg<positions 0, read>, #rt.arg<kv_slots 0, read>,
// CHECK-SAME:    #rt.arg<key_pages 0, read_write>, #rt.arg<value_pages 0, read_write>,
// CHECK-SAME:    #rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>,
// CHECK-SAME:    #rt.arg<operand 3, read>, #rt.arg<result 0, write>]
// CHECK-SAME:   resources {tile_rows = 8 : i64}
// CHECK:   layer 0 :

// A tile is one KV head of one block of a sequence's tokens.
// CHECK: rt.kernel @attention_32_a8 grid <2 x attention_blocks by 1>
// CHECK-SAME: [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
// CHECK-SAME:  #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
// CHECK-SAME:  #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
// CHECK:   layer 0 scale
// CHECK-NOT: rt.kernel

// CHECK-LABEL: func @step
func.func @step(%step: !llm.step, %kv: !kv, %x: tensor<?x32xf32>)
    -> (tensor<?x32x!llm.a8>, tensor<?x32x!llm.a8>, !kv) attributes {llm.program = #step} {
  %wq0 = llm.load_weight @blk.0.attn_q.weight : tensor<32x32xf16>
  %wk0 = llm.load_weight @blk.0.attn_k.weight : tensor<16x32xf16>
  %wv0 = llm.load_weight @blk.0.attn_v.weight : tensor<16x32xf16>
  // CHECK: %[[Q0:.*]]:2 = rt.dispatch @kernels::@linear_f16_f16_f16_64x32_rope(
  // CHECK-SAME: label "blk.0.attn_qkv" layer 0
  %q0, %kv1 = llm.linear %x weights(%wq0, %wk0, %wv0) at [0, 32, 48] state(%step, %kv)
    rope_append <head = 8, rotary = 8, base = 1.0e+04, adjacent> layer 0
    : (tensor<?x32xf32>, tensor<32x32xf16>, tensor<16x32xf16>, tensor<16x32xf16>, !llm.step, !kv)
    -> (tensor<?x32xf32>, !kv)
  // CHECK: rt.dispatch @kernels::@attention_32_a8(%[[Q0]]#0, %[[Q0]]#1, %{{[a-z0-9]+}})
  // CHECK-SAME: label "attention.0" layer 0
  %a0 = llm.attention %q0, %kv1, %step layer 0 scale 1.0
    : tensor<?x32xf32>, !kv -> tensor<?x32x!llm.a8>
  %wq1 = llm.load_weight @blk.1.attn_q.weight : tensor<32x32xf16>
  %wk1 = llm.load_weight @blk.1.attn_k.weight : tensor<16x32xf16>
  %wv1 = llm.load_weight @blk.1.attn_v.weight : tensor<16x32xf16>
  // CHECK: rt.dispatch @kernels::@linear_f16_f16_f16_64x32_rope(
  // CHECK-SAME: label "blk.1.attn_qkv" layer 1
  %q1, %kv2 = llm.linear %x weights(%wq1, %wk1, %wv1) at [0, 32, 48] state(%step, %kv1)
    rope_append <head = 8, rotary = 8, base = 1.0e+04, adjacent> layer 1
    : (tensor<?x32xf32>, tensor<32x32xf16>, tensor<16x32xf16>, tensor<16x32xf16>, !llm.step, !kv)
    -> (tensor<?x32xf32>, !kv)
  // CHECK: rt.dispatch @kernels::@attention_32_a8({{.*}} label "attention.1" layer 1
  %a1 = llm.attention %q1, %kv2, %step layer 1 scale 1.0
    : tensor<?x32xf32>, !kv -> tensor<?x32x!llm.a8>
  return %a0, %a1, %kv2 : tensor<?x32x!llm.a8>, tensor<?x32x!llm.a8>, !kv
}

// CHECK-LABEL: func @decode_2
func.func @decode_2(%step: !llm.step, %kv: !kv, %q: tensor<?x32xf32>) -> tensor<?x32x!llm.a8>
    attributes {llm.program = #decode} {
  // CHECK: rt.dispatch @kernels::@attention_32_a8(
  %a = llm.attention %q, %kv, %step layer 1 scale 1.0
    : tensor<?x32xf32>, !kv -> tensor<?x32x!llm.a8>
  return %a : tensor<?x32x!llm.a8>
}

// -----

// Each op of an unfused model is a kernel, with one tile per row unless it is a linear. Rows are
// tokens up to llm.logit_rows and wanted logits from there on.

!kv = !llm.kv<layers = 1, heads = 1, dim = 32>
#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

llm.weight @token_embd.weight : tensor<40x32x!llm.q8_0> at 0
llm.weight @norm.weight : tensor<32xf32> at 2048

// CHECK: rt.kernel @embed_q8_0_40x32 grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
// CHECK-SAME: #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
// CHECK: rt.kernel @rms_norm_32 grid <1 x tokens by 1>
// CHECK: rt.kernel @rope_32 grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
// CHECK-SAME: #rt.arg<positions 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
// CHECK: rt.kernel @kv_append_32 grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
// CHECK-SAME: #rt.arg<kv_slots 0, read>, #rt.arg<key_pages 0, read_write>,
// CHECK-SAME: #rt.arg<value_pages 0, read_write>, #rt.arg<operand 1, read>,
// CHECK-SAME: #rt.arg<operand 2, read>] {
// CHECK: rt.kernel @silu_32 grid <1 x tokens by 1>
// An operand that is there twice is bound twice.
// CHECK: rt.kernel @mulf_32 grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
// CHECK-SAME: #rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
// CHECK: rt.kernel @logit_rows_32 grid <1 x logit_rows by 1> bindings [#rt.arg<row_count 0, read>,
// CHECK-SAME: #rt.arg<logit_rows 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
// The same norm, with another grid.
// CHECK: rt.kernel @rms_norm_32_logits grid <1 x logit_rows by 1>
// Another epsilon is another kernel of the same name.
// CHECK: rt.kernel @rms_norm_32_logits_v2 grid <1 x logit_rows by 1>
// CHECK: rt.kernel @quantize_32_logits_a8 grid <1 x logit_rows by 1>
// The last of two tiles is a quarter full.
// CHECK: rt.kernel @linear_q8_0_40x32 grid <2 x one by 1>
// CHECK-SAME: resources {tile_rows = 32 : i64}

// CHECK-LABEL: func @step
// CHECK: label "token_embd"
// CHECK: label "norm"
// CHECK: label "rope"
// CHECK: label "kv_append.0" layer 0
// CHECK: label "silu"
// CHECK: label "mulf"
// CHECK: label "logit_rows"
// CHECK: label "quantize"
// CHECK: label "token_embd"
func.func @step(%step: !llm.step, %kv: !kv) -> (tensor<?x40xf32>, !kv)
    attributes {llm.program = #step} {
  %table = llm.load_weight @token_embd.weight : tensor<40x32x!llm.q8_0>
  %w = llm.load_weight @norm.weight : tensor<32xf32>
  %x = llm.embed %step, %table : tensor<40x32x!llm.q8_0> -> tensor<?x32xf32>
  %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %r = llm.rope %y, %step <head = 32, rotary = 32, base = 1.0e+04, halves> : tensor<?x32xf32>
  %kv1 = llm.kv_append %kv, %r, %y, %step layer 0 : !kv, tensor<?x32xf32>
  %s = llm.silu %y : tensor<?x32xf32>
  %m = arith.mulf %s, %s : tensor<?x32xf32>
  %l = llm.logit_rows %m, %step : tensor<?x32xf32>
  %n = llm.rms_norm %l, %w eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %o = llm.rms_norm %n, %w eps 1.0e-6 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %q = llm.quantize %o : tensor<?x32xf32> -> tensor<?x32x!llm.a8>
  %z = llm.linear %q weights(%table) at [0] {llm.dequant = "fused"}
    : (tensor<?x32x!llm.a8>, tensor<40x32x!llm.q8_0>) -> tensor<?x40xf32>
  return %z, %kv1 : tensor<?x40xf32>, !kv
}

// -----

// Tiles of linears: parts do not share one, paired parts do, and int8 is written 32 rows at a time.

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

llm.weight @blk.3.ffn_gate.weight : tensor<64x4xf32> at 0
llm.weight @blk.3.ffn_up.weight : tensor<64x4xf32> at 1024
llm.weight @blk.3.a.weight : tensor<20x4xf32> at 2048
llm.weight @blk.3.b.weight : tensor<17x4xf32> at 4096
llm.weight @blk.3.b.bias : tensor<17xf32> at 8192

// CHECK: rt.kernel @linear_f32_f32_64x4_paired_a8 grid <2 x one by 1>
// CHECK-SAME: resources {tile_rows = 32 : i64}
// CHECK: rt.kernel @linear_f32_f32_37x4_bias grid <4 x one by 1>
// CHECK-SAME: resources {tile_rows = 16 : i64}
// CHECK: label "blk.3.ffn_gate_up"
// CHECK: label "blk.3.ab"
func.func @step(%x: tensor<?x4xf32>) -> (tensor<?x64x!llm.a8>, tensor<?x17xf32>)
    attributes {llm.program = #step} {
  %wg = llm.load_weight @blk.3.ffn_gate.weight : tensor<64x4xf32>
  %wu = llm.load_weight @blk.3.ffn_up.weight : tensor<64x4xf32>
  %h = llm.linear %x weights(%wg, %wu) at [0, 0] epilogue {
  ^bb0(%g: f32, %u: f32):
    %p = arith.mulf %g, %u : f32
    llm.yield %p : f32
  } : (tensor<?x4xf32>, tensor<64x4xf32>, tensor<64x4xf32>) -> tensor<?x64x!llm.a8>
  %wa = llm.load_weight @blk.3.a.weight : tensor<20x4xf32>
  %wb = llm.load_weight @blk.3.b.weight : tensor<17x4xf32>
  %bias = llm.load_weight @blk.3.b.bias : tensor<17xf32>
  %a, %b = llm.linear %x weights(%wa, %wb) at [0, 20] bias(%bias) of [1]
    : (tensor<?x4xf32>, tensor<20x4xf32>, tensor<17x4xf32>, tensor<17xf32>)
    -> (tensor<?x20xf32>, tensor<?x17xf32>)
  return %h, %b : tensor<?x64x!llm.a8>, tensor<?x17xf32>
}
