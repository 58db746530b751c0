// What upstream's canonicaliser and CSE may do to llm, and what they must leave.
// RUN: tawny-opt %s -canonicalize -cse | FileCheck %s

llm.weight @w : tensor<8x32xf32> at 0

// Loads of one weight are one load; a load that nothing uses is none.
// CHECK-LABEL: func.func @loads
func.func @loads(%x: tensor<?x32xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK: llm.load_weight @w
  // CHECK-NOT: llm.load_weight
  %a = llm.load_weight @w : tensor<8x32xf32>
  %b = llm.load_weight @w : tensor<8x32xf32>
  %unused = llm.load_weight @w : tensor<8x32xf32>
  // Then both linears are one, too.
  // CHECK: %[[Y:.*]] = llm.linear
  // CHECK: return %[[Y]], %[[Y]]
  %y = llm.linear %x weights(%a) at [0]
    : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  %z = llm.linear %x weights(%b) at [0]
    : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// An epilogue keeps its constants: a kernel has no operand for them.
// CHECK-LABEL: func.func @constants
func.func @constants(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) -> tensor<?x8xf32> {
  // CHECK: llm.linear
  // CHECK: ^bb0(%[[A:.*]]: f32):
  // CHECK-NEXT: %[[C:.*]] = arith.constant 3.000000e+00 : f32
  // CHECK-NEXT: arith.addf %[[A]], %[[C]]
  %y = llm.linear %x weights(%w) at [0] epilogue {
  ^bb0(%a: f32):
    %one = arith.constant 1.0 : f32
    %two = arith.constant 2.0 : f32
    %three = arith.addf %one, %two : f32
    %b = arith.addf %a, %three : f32
    llm.yield %b : f32
  } : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
