// RUN: tawny-opt %s --llm-fuse-linears | FileCheck %s --enable-var-scope
// RUN: tawny-opt %s --llm-fuse-linears=fuse-residual=true \
// RUN:   | FileCheck %s --enable-var-scope --check-prefix=RESIDUAL

// Gate and up meet in the epilogue, whatever the order of the product.
// CHECK-LABEL: func @gate_and_up
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[WG:.*]]: tensor<8x4xf16>, %[[WU:.*]]: tensor<8x4xf32>)
func.func @gate_and_up(%x: tensor<?x4xf32>, %wg: tensor<8x4xf16>, %wu: tensor<8x4xf32>)
    -> tensor<?x8xf32> {
  // CHECK-NEXT: %[[Y:.*]] = llm.linear %[[X]] weights(%[[WG]], %[[WU]]) at [0, 0] epilogue {
  // CHECK-NEXT: ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
  // CHECK-NEXT:   %[[ONE:.*]] = arith.constant 1.0{{.*}} : f32
  // CHECK-NEXT:   %[[N:.*]] = arith.negf %[[G]]
  // CHECK-NEXT:   %[[E:.*]] = math.exp %[[N]]
  // CHECK-NEXT:   %[[D:.*]] = arith.addf %[[E]], %[[ONE]]
  // CHECK-NEXT:   %[[S:.*]] = arith.divf %[[G]], %[[D]]
  // CHECK-NEXT:   %[[P:.*]] = arith.mulf %[[S]], %[[U]]
  // CHECK-NEXT:   llm.yield %[[P]]
  // CHECK-NEXT: } : {{.*}} -> tensor<?x8xf32>
  // CHECK-NEXT: return %[[Y]]
  %u = llm.linear %x weights(%wu) at [0]
    : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %g = llm.linear %x weights(%wg) at [0]
    : (tensor<?x4xf32>, tensor<8x4xf16>) -> tensor<?x8xf32>
  %s = llm.silu %g : tensor<?x8xf32>
  %y = arith.mulf %u, %s : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Biases go with their parts.
// CHECK-LABEL: func @bias_of_up
// CHECK: at [0, 0] bias(%{{.*}}) of [1] epilogue
func.func @bias_of_up(%x: tensor<?x4xf32>, %wg: tensor<8x4xf16>, %wu: tensor<8x4xf32>,
                      %bias: tensor<8xf32>) -> tensor<?x8xf32> {
  %g = llm.linear %x weights(%wg) at [0]
    : (tensor<?x4xf32>, tensor<8x4xf16>) -> tensor<?x8xf32>
  %u = llm.linear %x weights(%wu) at [0] bias(%bias) of [0]
    : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %s = llm.silu %g : tensor<?x8xf32>
  %y = arith.mulf %s, %u : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A silu that something else reads keeps its op; gate and up are then parts like any others.
// CHECK-LABEL: func @silu_read_twice
func.func @silu_read_twice(%x: tensor<?x4xf32>, %wg: tensor<8x4xf16>, %wu: tensor<8x4xf16>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK: %[[GU:.*]]:2 = llm.linear {{.*}} at [0, 8] :
  // CHECK: %[[S:.*]] = llm.silu %[[GU]]#0
  // CHECK: arith.mulf %[[S]], %[[GU]]#1
  %g = llm.linear %x weights(%wg) at [0]
    : (tensor<?x4xf32>, tensor<8x4xf16>) -> tensor<?x8xf32>
  %u = llm.linear %x weights(%wu) at [0]
    : (tensor<?x4xf32>, tensor<8x4xf16>) -> tensor<?x8xf32>
  %s = llm.silu %g : tensor<?x8xf32>
  %y = arith.mulf %s, %u : tensor<?x8xf32>
  return %y, %s : tensor<?x8xf32>, tensor<?x8xf32>
}

llm.weight @wq : tensor<8x4xf16> at 0
llm.weight @wk : tensor<4x4xf32> at 64
llm.weight @wv : tensor<4x4xf16> at 128
llm.weight @bv : tensor<4xf32> at 160

// Parts stand in order of appearance, at the place of the first; loads move up to it.
// CHECK-LABEL: func @qkv
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
func.func @qkv(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x8xf32>, tensor<?x4xf32>) {
  // CHECK-NEXT: %[[WQ:.*]] = llm.load_weight @wq
  // CHECK-NEXT: %[[WK:.*]] = llm.load_weight @wk
  // CHECK-NEXT: %[[WV:.*]] = llm.load_weight @wv
  // CHECK-NEXT: %[[BV:.*]] = llm.load_weight @bv
  // CHECK-NEXT: %[[QKV:.*]]:3 = llm.linear %[[X]] weights(%[[WQ]], %[[WK]], %[[WV]])
  // CHECK-SAME:   at [0, 8, 12] bias(%[[BV]]) of [2] :
  %wq = llm.load_weight @wq : tensor<8x4xf16>
  %q = llm.linear %x weights(%wq) at [0]
    : (tensor<?x4xf32>, tensor<8x4xf16>) -> tensor<?x8xf32>
  %wk = llm.load_weight @wk : tensor<4x4xf32>
  %k = llm.linear %x weights(%wk) at [0]
    : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %wv = llm.load_weight @wv : tensor<4x4xf16>
  %bv = llm.load_weight @bv : tensor<4xf32>
  %v = llm.linear %x weights(%wv) at [0] bias(%bv) of [0]
    : (tensor<?x4xf32>, tensor<4x4xf16>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK-NEXT: return %[[QKV]]#2, %[[QKV]]#0, %[[QKV]]#1
  return %v, %q, %k : tensor<?x4xf32>, tensor<?x8xf32>, tensor<?x4xf32>
}

// A residual stays outside its linear unless that is asked for.
// CHECK-LABEL: func @residual
// CHECK: arith.addf %{{.*}}, %{{.*}} : tensor
// RESIDUAL-LABEL: func @residual
// RESIDUAL-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<4x4xf16>)
// RESIDUAL-NEXT: llm.linear %[[X]] weights(%[[W]]) at [0] reads(%[[X]]) epilogue {
// RESIDUAL-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[READ:.*]]: f32):
// RESIDUAL-NEXT:   %[[SUM:.*]] = arith.addf %[[ACC]], %[[READ]] : f32
// RESIDUAL-NEXT:   llm.yield %[[SUM]]
func.func @residual(%x: tensor<?x4xf32>, %w: tensor<4x4xf16>) -> tensor<?x4xf32> {
  %y = llm.linear %x weights(%w) at [0]
    : (tensor<?x4xf32>, tensor<4x4xf16>) -> tensor<?x4xf32>
  %z = arith.addf %x, %y : tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
