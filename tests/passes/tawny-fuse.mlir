// RUN: tawny-opt %S/Inputs/tiny.mlir --tawny-fuse | FileCheck %s --enable-var-scope --check-prefix=TINY
// RUN: tawny-opt %s --tawny-fuse | FileCheck %s --enable-var-scope

// Two sequences of three tokens and one: fusion changes no digit of what the interpreter computes.
// RUN: tawny-interpret %S/Inputs/tiny.mlir --tokens=3,5,7,9 --positions=0,1,2,0 \
// RUN:   --sequences=0,0,0,1 --logit-rows=1,2,3 --full > %t.before
// RUN: tawny-opt %S/Inputs/tiny.mlir --tawny-fuse \
// RUN:   | tawny-interpret --tokens=3,5,7,9 --positions=0,1,2,0 \
// RUN:   --sequences=0,0,0,1 --logit-rows=1,2,3 --full > %t.after
// RUN: diff %t.before %t.after

// All of a llama's layer is five ops. The first norm has no addition before it, and the last
// addition no norm behind it, since the rows that want logits are selected in between.
// TINY-LABEL: func.func @model
// TINY: llm.embed
// TINY: llm.rms_norm
// TINY-COUNT-2: {{rope_append .* layer 0|llm.attention .* layer 0}}
// TINY: llm.linear
// TINY: llm.add_rms_norm
// TINY: llm.linear {{.*}} at [0, 0] epilogue
// TINY: llm.linear
// TINY: llm.add_rms_norm
// TINY-COUNT-2: {{rope_append .* layer 1|llm.attention .* layer 1}}
// TINY: llm.linear
// TINY: llm.add_rms_norm
// TINY: llm.linear {{.*}} at [0, 0] epilogue
// TINY: llm.linear
// TINY: arith.addf %{{.*}} : tensor<?x64xf32>
// TINY: llm.logit_rows
// TINY: llm.rms_norm
// TINY: llm.linear
// TINY-NOT: {{llm\.(rope|kv_append|silu)}}
// TINY: return

llm.weight @w : tensor<8x4xf32> at 0

// Fusions compare inputs by value, so equal ones are made one first.
// CHECK-LABEL: func.func @equal_inputs
// CHECK: %[[W:.*]] = llm.load_weight @w
// CHECK: %[[X:.*]] = llm.silu
// CHECK: llm.linear %[[X]] weights(%[[W]], %[[W]]) at [0, 0] bias({{.*}}) of [0] epilogue
func.func @equal_inputs(%a: tensor<?x4xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %w = llm.load_weight @w : tensor<8x4xf32>
  %x = llm.silu %a : tensor<?x4xf32>
  %g = llm.linear %x weights(%w) at [0] bias(%b) of [0]
    : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %y = llm.silu %a : tensor<?x4xf32>
  %v = llm.load_weight @w : tensor<8x4xf32>
  %u = llm.linear %y weights(%v) at [0]
    : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %s = llm.silu %g : tensor<?x8xf32>
  %p = arith.mulf %s, %u : tensor<?x8xf32>
  return %p : tensor<?x8xf32>
}
