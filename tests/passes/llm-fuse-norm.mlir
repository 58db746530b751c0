// RUN: tawny-opt %s --llm-fuse-norm | FileCheck %s --enable-var-scope

llm.weight @norm : tensor<8xf32> at 0

// The sum has another user, which takes it from the fused op.
// CHECK-LABEL: func @sum_is_kept
// CHECK-SAME: (%[[A:.*]]: tensor<?x8xf32>, %[[B:.*]]: tensor<?x8xf32>)
func.func @sum_is_kept(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // The fused op needs the weight where the sum was, so its load moves up.
  // CHECK: %[[W:.*]] = llm.load_weight @norm
  // CHECK-NEXT: %[[SUM:.*]], %[[NORM:.*]] = llm.add_rms_norm %[[A]], %[[B]], %[[W]] eps 1.0{{0*}}e-05
  %x = arith.addf %a, %b : tensor<?x8xf32>
  // This user comes before the norm did.
  // CHECK-NEXT: %[[S:.*]] = llm.silu %[[SUM]]
  %s = llm.silu %x : tensor<?x8xf32>
  %w = llm.load_weight @norm : tensor<8xf32>
  %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  // CHECK-NEXT: return %[[NORM]], %[[S]]
  return %y, %s : tensor<?x8xf32>, tensor<?x8xf32>
}

// Of two norms of one sum, the first is fused and the other reads the fused op's sum.
// CHECK-LABEL: func @two_norms
func.func @two_norms(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %w: tensor<8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %x = arith.addf %a, %b : tensor<?x8xf32>
  // CHECK: %[[SUM:.*]], %[[NORM:.*]] = llm.add_rms_norm
  %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  // CHECK-NEXT: llm.rms_norm %[[SUM]], %{{.*}} eps 5.0{{0*}}e-01
  %z = llm.rms_norm %x, %w eps 5.0e-1 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// A norm of anything else stays.
// CHECK-LABEL: func @no_sum
func.func @no_sum(%a: tensor<?x8xf32>, %w: tensor<8xf32>) -> tensor<?x8xf32> {
  %x = arith.mulf %a, %a : tensor<?x8xf32>
  // CHECK: llm.rms_norm
  %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A weight that something else than a load makes too late cannot move.
// CHECK-LABEL: func @late_weight
func.func @late_weight(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %v: tensor<8xf32>)
    -> tensor<?x8xf32> {
  // CHECK: arith.addf
  %x = arith.addf %a, %b : tensor<?x8xf32>
  %w = arith.addf %v, %v : tensor<8xf32>
  // CHECK: llm.rms_norm
  %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
