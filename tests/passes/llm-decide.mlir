// RUN: tawny-opt %s --llm-decide=activations=i8 | FileCheck %s --enable-var-scope
// RUN: tawny-opt %s --llm-decide | FileCheck %s --enable-var-scope --check-prefix=FLOAT
// RUN: tawny-opt %s --llm-decide=activations=f16 | FileCheck %s --check-prefix=HALF
// RUN: tawny-opt %s --llm-decide=kv=f32 | FileCheck %s --check-prefix=WIDE

// In f32 nothing is rounded; every linear says where its weights are dequantised.
// FLOAT-NOT: llm.a8
// FLOAT-COUNT-11: llm.dequant = "fused"
// FLOAT-NOT: llm.a8

// In f16 every linear reads f16, whatever its weight's format, and norms write it.
// HALF-LABEL: func @norm
// HALF: %[[H:.*]] = llm.rms_norm {{.*}} -> tensor<?x32xf16>
// HALF-NEXT: llm.linear %[[H]] {{.*}} {llm.dequant = "fused"} : (tensor<?x32xf16>,
// HALF-LABEL: func @float_weight
// HALF: %{{.*}}, %[[HN:.*]] = llm.add_rms_norm {{.*}} -> tensor<?x32xf16>
// HALF-COUNT-3: llm.linear %[[HN]]
// HALF-NOT: linear {{.*}} : (tensor<?x{{[0-9]+}}xf32>,

// The norm has no other reader than the linears, so it writes int8 itself.
// CHECK-LABEL: func @norm
// CHECK: %[[Y:.*]] = llm.rms_norm {{.*}} -> tensor<?x32x!llm.a8>
// CHECK-NEXT: llm.linear %[[Y]] {{.*}} {llm.dequant = "fused"}
// CHECK-NEXT: llm.linear %[[Y]]
func.func @norm(%x: tensor<?x32xf32>, %w: tensor<32xf32>, %m: tensor<4x32x!llm.q8_0>,
                %n: tensor<4x32x!llm.q4_0>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %a = llm.linear %y weights(%m) at [0]
    : (tensor<?x32xf32>, tensor<4x32x!llm.q8_0>) -> tensor<?x4xf32>
  %b = llm.linear %y weights(%n) at [0]
    : (tensor<?x32xf32>, tensor<4x32x!llm.q4_0>) -> tensor<?x4xf32>
  return %a, %b : tensor<?x4xf32>, tensor<?x4xf32>
}

// A linear with an f16 weight reads f32, so the norm stays f32, and the others share one
// conversion.
// CHECK-LABEL: func @float_weight
// CHECK: %[[SUM:.*]], %[[Y:.*]] = llm.add_rms_norm {{.*}} -> tensor<?x32xf32>
// CHECK-NEXT: %[[Q:.*]] = llm.quantize %[[Y]]
// CHECK-NEXT: llm.linear %[[Q]]
// CHECK-NEXT: llm.linear %[[Y]] {{.*}} {llm.dequant = "fused"}
// CHECK-NEXT: llm.linear %[[Q]]
func.func @float_weight(%x: tensor<?x32xf32>, %w: tensor<32xf32>, %m: tensor<4x32x!llm.q8_0>,
                        %h: tensor<4x32xf16>)
    -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %s, %y = llm.add_rms_norm %x, %x, %w eps 1.0e-5
    : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %a = llm.linear %y weights(%m) at [0]
    : (tensor<?x32xf32>, tensor<4x32x!llm.q8_0>) -> tensor<?x4xf32>
  %b = llm.linear %y weights(%h) at [0]
    : (tensor<?x32xf32>, tensor<4x32xf16>) -> tensor<?x4xf32>
  %c = llm.linear %y weights(%m) at [0]
    : (tensor<?x32xf32>, tensor<4x32x!llm.q8_0>) -> tensor<?x4xf32>
  return %a, %b, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// The sum of add_rms_norm is the residual stream, which is f32.
// CHECK-LABEL: func @sum
// CHECK: %[[SUM:.*]], %{{.*}} = llm.add_rms_norm
// CHECK-NEXT: llm.quantize %[[SUM]]
func.func @sum(%x: tensor<?x32xf32>, %w: tensor<32xf32>, %m: tensor<4x32x!llm.q8_0>)
    -> tensor<?x4xf32> {
  %s, %y = llm.add_rms_norm %x, %x, %w eps 1.0e-5
    : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %a = llm.linear %s weights(%m) at [0]
    : (tensor<?x32xf32>, tensor<4x32x!llm.q8_0>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// An epilogue can write int8, a plain linear cannot; 4 columns are less than an int8 scale's 32.
// CHECK-LABEL: func @linears
// CHECK: %[[Y:.*]] = llm.linear %{{.*}} -> tensor<?x32xf32>
// CHECK-NEXT: %[[Q:.*]] = llm.quantize %[[Y]]
// CHECK-NEXT: %[[Z:.*]] = llm.linear %[[Q]] {{.*}} epilogue
// CHECK: -> tensor<?x32x!llm.a8>
// CHECK-NEXT: llm.linear %[[Z]] {{.*}} -> tensor<?x4xf32>
func.func @linears(%x: tensor<?x4xf32>, %m: tensor<32x4xf32>, %n: tensor<32x32x!llm.q8_0>,
                   %o: tensor<4x32x!llm.q8_0>) -> tensor<?x4xf32> {
  %y = llm.linear %x weights(%m) at [0]
    : (tensor<?x4xf32>, tensor<32x4xf32>) -> tensor<?x32xf32>
  %z = llm.linear %y weights(%n) at [0] epilogue {
  ^bb0(%acc: f32):
    %e = math.exp %acc : f32
    llm.yield %e : f32
  } : (tensor<?x32xf32>, tensor<32x32x!llm.q8_0>) -> tensor<?x32xf32>
  %a = llm.linear %z weights(%o) at [0]
    : (tensor<?x32xf32>, tensor<4x32x!llm.q8_0>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// Attention writes int8 itself where a head is whole groups of 32 codes.
// CHECK-LABEL: func @attention
// CHECK: %[[Y:.*]] = llm.attention {{.*}} -> tensor<?x64x!llm.a8>
// CHECK-NEXT: llm.linear %[[Y]]
func.func @attention(%q: tensor<?x64xf32>, %kv: !llm.kv<layers = 1, heads = 1, dim = 32>,
                     %step: !llm.step, %m: tensor<4x64x!llm.q8_0>) -> tensor<?x4xf32> {
  %y = llm.attention %q, %kv, %step layer 0 scale 1.0
    : tensor<?x64xf32>, !llm.kv<layers = 1, heads = 1, dim = 32> -> tensor<?x64xf32>
  %a = llm.linear %y weights(%m) at [0]
    : (tensor<?x64xf32>, tensor<4x64x!llm.q8_0>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// Two heads of 16 would share a group's scale.
// CHECK-LABEL: func @narrow_heads
// CHECK: %[[Y:.*]] = llm.attention {{.*}} -> tensor<?x64xf32>
// CHECK-NEXT: %[[Q:.*]] = llm.quantize %[[Y]]
// CHECK-NEXT: llm.linear %[[Q]]
func.func @narrow_heads(%q: tensor<?x64xf32>, %kv: !llm.kv<layers = 1, heads = 2, dim = 16>,
                        %step: !llm.step, %m: tensor<4x64x!llm.q8_0>) -> tensor<?x4xf32> {
  %y = llm.attention %q, %kv, %step layer 0 scale 1.0
    : tensor<?x64xf32>, !llm.kv<layers = 1, heads = 2, dim = 16> -> tensor<?x64xf32>
  %a = llm.linear %y weights(%m) at [0]
    : (tensor<?x64xf32>, tensor<4x64x!llm.q8_0>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// With f32 elements every value that is the pool changes, and so does the signature.
// WIDE-LABEL: func @pool
// WIDE-SAME: !llm.kv<layers = 1, heads = 1, dim = 32, bits = 32>
// WIDE-SAME: -> !llm.kv<layers = 1, heads = 1, dim = 32, bits = 32>
// WIDE: llm.kv_append {{.*}} : <layers = 1, heads = 1, dim = 32, bits = 32>
// WIDE: return %{{.*}} : !llm.kv<layers = 1, heads = 1, dim = 32, bits = 32>
func.func @pool(%kv: !llm.kv<layers = 1, heads = 1, dim = 32>, %k: tensor<?x32xf32>,
                %step: !llm.step) -> !llm.kv<layers = 1, heads = 1, dim = 32> {
  %next = llm.kv_append %kv, %k, %k, %step layer 0
    : <layers = 1, heads = 1, dim = 32>, tensor<?x32xf32>
  return %next : !llm.kv<layers = 1, heads = 1, dim = 32>
}
