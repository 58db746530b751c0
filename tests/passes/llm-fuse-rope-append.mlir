// RUN: tawny-opt %s --llm-fuse-rope-append | FileCheck %s --enable-var-scope

!kv = !llm.kv<layers = 2, heads = 1, dim = 32>

// CHECK-LABEL: func @fuses
// CHECK-SAME: (%[[STEP:.*]]: !llm.step, %[[KV:.*]]: !llm.kv<{{.*}}>, %[[X:.*]]: tensor<?x64xf32>,
// CHECK-SAME: %[[WQ:.*]]: tensor<64x64xf16>, %[[WK:.*]]: tensor<32x64xf16>, %[[WV:.*]]: tensor<32x64xf32>,
// CHECK-SAME: %[[BK:.*]]: tensor<32xf32>)
func.func @fuses(%step: !llm.step, %kv: !kv, %x: tensor<?x64xf32>, %wq: tensor<64x64xf16>,
                 %wk: tensor<32x64xf16>, %wv: tensor<32x64xf32>, %bk: tensor<32xf32>)
    -> (tensor<?x64xf32>, !kv) {
  // CHECK-NEXT: %[[Q:.*]]:2 = llm.linear %[[X]] weights(%[[WQ]], %[[WK]], %[[WV]]) at [0, 64, 96]
  // CHECK-SAME:   bias(%[[BK]]) of [1] state(%[[STEP]], %[[KV]])
  // CHECK-SAME:   rope_append <head = 32, rotary = 16, {{.*}}, halves> layer 1
  // CHECK-NEXT: return %[[Q]]#0, %[[Q]]#1
  %q, %k, %v = llm.linear %x weights(%wq, %wk, %wv) at [0, 64, 96] bias(%bk) of [1]
    : (tensor<?x64xf32>, tensor<64x64xf16>, tensor<32x64xf16>, tensor<32x64xf32>, tensor<32xf32>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
  %qr = llm.rope %q, %step <head = 32, rotary = 16, base = 1.0e+04, halves> : tensor<?x64xf32>
  %kr = llm.rope %k, %step <head = 32, rotary = 16, base = 1.0e+04, halves> : tensor<?x32xf32>
  %kv1 = llm.kv_append %kv, %kr, %v, %step layer 1 : !kv, tensor<?x32xf32>
  return %qr, %kv1 : tensor<?x64xf32>, !kv
}

// Parts in another order are put in order, and their biases with them.
// CHECK-LABEL: func @reorders
// CHECK-SAME: %[[WK:[^:]*]]: tensor<32x64xf16>, %[[WV:[^:]*]]: tensor<32x64xf32>,
// CHECK-SAME: %[[WQ:[^:]*]]: tensor<64x64xf16>
func.func @reorders(%step: !llm.step, %kv: !kv, %x: tensor<?x64xf32>, %wk: tensor<32x64xf16>,
                    %wv: tensor<32x64xf32>, %wq: tensor<64x64xf16>, %bk: tensor<32xf32>,
                    %bq: tensor<64xf32>) -> (tensor<?x64xf32>, !kv) {
  // CHECK: weights(%[[WQ]], %[[WK]], %[[WV]]) at [0, 64, 96] bias(%{{.*}}, %{{.*}}) of [0, 1] state
  %k, %v, %q = llm.linear %x weights(%wk, %wv, %wq) at [0, 32, 64] bias(%bk, %bq) of [0, 2]
    : (tensor<?x64xf32>, tensor<32x64xf16>, tensor<32x64xf32>, tensor<64x64xf16>, tensor<32xf32>,
       tensor<64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x64xf32>)
  %kr = llm.rope %k, %step <head = 32, rotary = 32, base = 1.0e+04, adjacent> : tensor<?x32xf32>
  %qr = llm.rope %q, %step <head = 32, rotary = 32, base = 1.0e+04, adjacent> : tensor<?x64xf32>
  %kv1 = llm.kv_append %kv, %kr, %v, %step layer 0 : !kv, tensor<?x32xf32>
  return %qr, %kv1 : tensor<?x64xf32>, !kv
}

// One kernel cannot rotate q and k differently.
// CHECK-LABEL: func @different_rotations
// CHECK: llm.kv_append
func.func @different_rotations(%step: !llm.step, %kv: !kv, %x: tensor<?x64xf32>,
                               %wq: tensor<64x64xf16>, %wk: tensor<32x64xf16>, %wv: tensor<32x64xf16>)
    -> (tensor<?x64xf32>, !kv) {
  %q, %k, %v = llm.linear %x weights(%wq, %wk, %wv) at [0, 64, 96]
    : (tensor<?x64xf32>, tensor<64x64xf16>, tensor<32x64xf16>, tensor<32x64xf16>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
  %qr = llm.rope %q, %step <head = 32, rotary = 16, base = 1.0e+04, halves> : tensor<?x64xf32>
  %kr = llm.rope %k, %step <head = 32, rotary = 32, base = 1.0e+04, halves> : tensor<?x32xf32>
  %kv1 = llm.kv_append %kv, %kr, %v, %step layer 1 : !kv, tensor<?x32xf32>
  return %qr, %kv1 : tensor<?x64xf32>, !kv
}

// The fused op would hide v from its other reader.
// CHECK-LABEL: func @v_read_twice
// CHECK: llm.kv_append
func.func @v_read_twice(%step: !llm.step, %kv: !kv, %x: tensor<?x64xf32>, %wq: tensor<64x64xf16>,
                        %wk: tensor<32x64xf16>, %wv: tensor<32x64xf16>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, !kv) {
  %q, %k, %v = llm.linear %x weights(%wq, %wk, %wv) at [0, 64, 96]
    : (tensor<?x64xf32>, tensor<64x64xf16>, tensor<32x64xf16>, tensor<32x64xf16>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
  %qr = llm.rope %q, %step <head = 32, rotary = 32, base = 1.0e+04, halves> : tensor<?x64xf32>
  %kr = llm.rope %k, %step <head = 32, rotary = 32, base = 1.0e+04, halves> : tensor<?x32xf32>
  %kv1 = llm.kv_append %kv, %kr, %v, %step layer 1 : !kv, tensor<?x32xf32>
  return %qr, %v, %kv1 : tensor<?x64xf32>, tensor<?x32xf32>, !kv
}

// The rotated q is needed before the keys are appended.
// CHECK-LABEL: func @q_read_early
// CHECK: llm.kv_append
func.func @q_read_early(%step: !llm.step, %kv: !kv, %x: tensor<?x64xf32>, %wq: tensor<64x64xf16>,
                        %wk: tensor<32x64xf16>, %wv: tensor<32x64xf16>) -> (tensor<?x64xf32>, !kv) {
  %q, %k, %v = llm.linear %x weights(%wq, %wk, %wv) at [0, 64, 96]
    : (tensor<?x64xf32>, tensor<64x64xf16>, tensor<32x64xf16>, tensor<32x64xf16>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
  %qr = llm.rope %q, %step <head = 32, rotary = 32, base = 1.0e+04, halves> : tensor<?x64xf32>
  %s = llm.silu %qr : tensor<?x64xf32>
  %kr = llm.rope %k, %step <head = 32, rotary = 32, base = 1.0e+04, halves> : tensor<?x32xf32>
  %kv1 = llm.kv_append %kv, %kr, %v, %step layer 1 : !kv, tensor<?x32xf32>
  return %s, %kv1 : tensor<?x64xf32>, !kv
}

// Half a tile of 32 rows is no head: tiles that are stored whole would straddle heads.
// CHECK-LABEL: func @heads_of_half_a_tile
// CHECK: llm.linear
// CHECK-COUNT-2: llm.rope
// CHECK: llm.kv_append
func.func @heads_of_half_a_tile(%step: !llm.step, %kv: !llm.kv<layers = 2, heads = 2, dim = 16>,
                                %x: tensor<?x64xf32>, %wq: tensor<64x64xf16>,
                                %wk: tensor<32x64xf16>, %wv: tensor<32x64xf16>)
    -> (tensor<?x64xf32>, !llm.kv<layers = 2, heads = 2, dim = 16>) {
  %q, %k, %v = llm.linear %x weights(%wq, %wk, %wv) at [0, 64, 96]
    : (tensor<?x64xf32>, tensor<64x64xf16>, tensor<32x64xf16>, tensor<32x64xf16>)
    -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
  %qr = llm.rope %q, %step <head = 16, rotary = 16, base = 1.0e+04, halves> : tensor<?x64xf32>
  %kr = llm.rope %k, %step <head = 16, rotary = 16, base = 1.0e+04, halves> : tensor<?x32xf32>
  %kv1 = llm.kv_append %kv, %kr, %v, %step layer 1
    : !llm.kv<layers = 2, heads = 2, dim = 16>, tensor<?x32xf32>
  return %qr, %kv1 : tensor<?x64xf32>, !llm.kv<layers = 2, heads = 2, dim = 16>
}
