// What the interpreter makes of the same model written in its two forms: before fusion and after.
// The outputs must be equal digit by digit, since both round to f32 at the same places.
// RUN: split-file %s %t
// RUN: tawny-interpret %t/plain.mlir --tokens=3,1,2,5 --full > %t/plain.txt
// RUN: tawny-interpret %t/fused.mlir --tokens=3,1,2,5 --full > %t/fused.txt
// RUN: cmp %t/plain.txt %t/fused.txt
// RUN: FileCheck %s < %t/plain.txt

// So must a chunked run be, whose pool is handed from step to step.
// RUN: tawny-interpret %t/plain.mlir --tokens=3,1,2,5 --full --chunk=1 > %t/chunked.txt
// RUN: grep row %t/plain.txt | sed "s/row .://" > %t/plain-rows.txt
// RUN: grep row %t/chunked.txt | sed "s/row .://" > %t/chunked-rows.txt
// RUN: cmp %t/plain-rows.txt %t/chunked-rows.txt

// One row for each token, then the pool with a key and a value for each.
// CHECK: result 0: 4x16 f32
// CHECK-NEXT: row 0: {{.*}} | mean square
// CHECK: row 3:
// CHECK: result 1: kv
// CHECK-NEXT: layer 0 sequence 0: 4 tokens

//--- plain.mlir
llm.weight @table : tensor<8x32xf16> at 0
llm.weight @norm : tensor<32xf32> at 0
llm.weight @q : tensor<32x32x!llm.q8_0> at 0
llm.weight @k : tensor<16x32x!llm.q4_0> at 0
llm.weight @v : tensor<16x32xf16> at 0
llm.weight @k_bias : tensor<16xf32> at 0
llm.weight @o : tensor<32x32xf32> at 0
llm.weight @gate : tensor<64x32xf16> at 0
llm.weight @up : tensor<64x32x!llm.q8_0> at 0
llm.weight @down : tensor<32x64x!llm.q4_0> at 0
llm.weight @head : tensor<16x32xf16> at 0

func.func @model(%step: !llm.step, %kv: !llm.kv<layers = 1, heads = 2, dim = 8>)
    -> (tensor<?x16xf32>, !llm.kv<layers = 1, heads = 2, dim = 8>) {
  %table = llm.load_weight @table : tensor<8x32xf16>
  %norm = llm.load_weight @norm : tensor<32xf32>
  %x = llm.embed %step, %table : tensor<8x32xf16> -> tensor<?x32xf32>
  %h = llm.rms_norm %x, %norm eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %wq = llm.load_weight @q : tensor<32x32x!llm.q8_0>
  %wk = llm.load_weight @k : tensor<16x32x!llm.q4_0>
  %wv = llm.load_weight @v : tensor<16x32xf16>
  %bk = llm.load_weight @k_bias : tensor<16xf32>
  %q = llm.linear %h weights(%wq) at [0]
    : (tensor<?x32xf32>, tensor<32x32x!llm.q8_0>) -> tensor<?x32xf32>
  %k = llm.linear %h weights(%wk) at [0] bias(%bk) of [0]
    : (tensor<?x32xf32>, tensor<16x32x!llm.q4_0>, tensor<16xf32>) -> tensor<?x16xf32>
  %v = llm.linear %h weights(%wv) at [0]
    : (tensor<?x32xf32>, tensor<16x32xf16>) -> tensor<?x16xf32>
  %rq = llm.rope %q, %step <head = 8, rotary = 8, base = 1.0e4, adjacent> : tensor<?x32xf32>
  %rk = llm.rope %k, %step <head = 8, rotary = 8, base = 1.0e4, adjacent> : tensor<?x16xf32>
  %kv1 = llm.kv_append %kv, %rk, %v, %step layer 0
    : !llm.kv<layers = 1, heads = 2, dim = 8>, tensor<?x16xf32>
  %a = llm.attention %rq, %kv1, %step layer 0 scale 0.35355339
    : tensor<?x32xf32>, !llm.kv<layers = 1, heads = 2, dim = 8> -> tensor<?x32xf32>
  %wo = llm.load_weight @o : tensor<32x32xf32>
  %o = llm.linear %a weights(%wo) at [0]
    : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %x1 = arith.addf %x, %o : tensor<?x32xf32>
  %h1 = llm.rms_norm %x1, %norm eps 1.0e-5
    : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %wg = llm.load_weight @gate : tensor<64x32xf16>
  %wu = llm.load_weight @up : tensor<64x32x!llm.q8_0>
  %g = llm.linear %h1 weights(%wg) at [0]
    : (tensor<?x32xf32>, tensor<64x32xf16>) -> tensor<?x64xf32>
  %u = llm.linear %h1 weights(%wu) at [0]
    : (tensor<?x32xf32>, tensor<64x32x!llm.q8_0>) -> tensor<?x64xf32>
  %s = llm.silu %g : tensor<?x64xf32>
  %p = arith.mulf %s, %u : tensor<?x64xf32>
  %p8 = llm.quantize %p : tensor<?x64xf32> -> tensor<?x64x!llm.a8>
  %wd = llm.load_weight @down : tensor<32x64x!llm.q4_0>
  %d = llm.linear %p8 weights(%wd) at [0]
    : (tensor<?x64x!llm.a8>, tensor<32x64x!llm.q4_0>) -> tensor<?x32xf32>
  %x2 = arith.addf %x1, %d : tensor<?x32xf32>
  %l = llm.logit_rows %x2, %step : tensor<?x32xf32>
  %wh = llm.load_weight @head : tensor<16x32xf16>
  %logits = llm.linear %l weights(%wh) at [0]
    : (tensor<?x32xf32>, tensor<16x32xf16>) -> tensor<?x16xf32>
  return %logits, %kv1 : tensor<?x16xf32>, !llm.kv<layers = 1, heads = 2, dim = 8>
}

//--- fused.mlir
llm.weight @head : tensor<16x32xf16> at 0
llm.weight @down : tensor<32x64x!llm.q4_0> at 0
llm.weight @up : tensor<64x32x!llm.q8_0> at 0
llm.weight @gate : tensor<64x32xf16> at 0
llm.weight @o : tensor<32x32xf32> at 0
llm.weight @k_bias : tensor<16xf32> at 0
llm.weight @v : tensor<16x32xf16> at 0
llm.weight @k : tensor<16x32x!llm.q4_0> at 0
llm.weight @q : tensor<32x32x!llm.q8_0> at 0
llm.weight @norm : tensor<32xf32> at 0
llm.weight @table : tensor<8x32xf16> at 0

// One kernel stands for what tawny-dispatch outlines.
rt.executable @cpu target <"x86-64-v3", layout = "simd16", activations = "i8"> {
  rt.kernel @add_rms_norm grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>, #rt.arg<result 1, write>] {
  ^bb0(%a: tensor<?x32xf32>, %b: tensor<?x32xf32>, %w: tensor<32xf32>):
    %sum, %norm = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
    rt.return %sum, %norm : tensor<?x32xf32>, tensor<?x32xf32>
  }
}

func.func @model(%step: !llm.step, %kv: !llm.kv<layers = 1, heads = 2, dim = 8>)
    -> (tensor<?x16xf32>, !llm.kv<layers = 1, heads = 2, dim = 8>) {
  %table = llm.load_weight @table : tensor<8x32xf16>
  %norm = llm.load_weight @norm : tensor<32xf32>
  %x = llm.embed %step, %table : tensor<8x32xf16> -> tensor<?x32xf32>
  %h = llm.rms_norm %x, %norm eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %wq = llm.load_weight @q : tensor<32x32x!llm.q8_0>
  %wk = llm.load_weight @k : tensor<16x32x!llm.q4_0>
  %wv = llm.load_weight @v : tensor<16x32xf16>
  %bk = llm.load_weight @k_bias : tensor<16xf32>
  %rq, %kv1 = llm.linear %h weights(%wq, %wk, %wv) at [0, 32, 48] bias(%bk) of [1]
    state(%step, %kv) rope_append <head = 8, rotary = 8, base = 1.0e4, adjacent> layer 0
    : (tensor<?x32xf32>, tensor<32x32x!llm.q8_0>, tensor<16x32x!llm.q4_0>, tensor<16x32xf16>,
       tensor<16xf32>, !llm.step, !llm.kv<layers = 1, heads = 2, dim = 8>)
    -> (tensor<?x32xf32>, !llm.kv<layers = 1, heads = 2, dim = 8>)
  %a = llm.attention %rq, %kv1, %step layer 0 scale 0.35355339
    : tensor<?x32xf32>, !llm.kv<layers = 1, heads = 2, dim = 8> -> tensor<?x32xf32>
  %wo = llm.load_weight @o : tensor<32x32xf32>
  %o = llm.linear %a weights(%wo) at [0]
    : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %x1, %h1 = rt.dispatch @cpu::@add_rms_norm(%x, %o, %norm) label "ffn_norm"
    : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<32xf32>)
    -> (tensor<?x32xf32>, tensor<?x32xf32>)
  %wg = llm.load_weight @gate : tensor<64x32xf16>
  %wu = llm.load_weight @up : tensor<64x32x!llm.q8_0>
  %p8 = llm.linear %h1 weights(%wg, %wu) at [0, 0] epilogue {
  ^bb0(%g: f32, %u: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %g : f32
    %e = math.exp %n : f32
    %f = arith.addf %e, %one : f32
    %s = arith.divf %g, %f : f32
    %p = arith.mulf %s, %u : f32
    llm.yield %p : f32
  } : (tensor<?x32xf32>, tensor<64x32xf16>, tensor<64x32x!llm.q8_0>) -> tensor<?x64x!llm.a8>
  %wd = llm.load_weight @down : tensor<32x64x!llm.q4_0>
  %x2 = llm.linear %p8 weights(%wd) at [0] reads(%x1) epilogue {
  ^bb0(%d: f32, %r: f32):
    %sum = arith.addf %d, %r : f32
    llm.yield %sum : f32
  } : (tensor<?x64x!llm.a8>, tensor<32x64x!llm.q4_0>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %l = llm.logit_rows %x2, %step : tensor<?x32xf32>
  %wh = llm.load_weight @head : tensor<16x32xf16>
  %logits = llm.linear %l weights(%wh) at [0]
    : (tensor<?x32xf32>, tensor<16x32xf16>) -> tensor<?x16xf32>
  return %logits, %kv1 : tensor<?x16xf32>, !llm.kv<layers = 1, heads = 2, dim = 8>
}
