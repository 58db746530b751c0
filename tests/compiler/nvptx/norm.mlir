// add_rms_norm, as PTX: nothing is stored before everything is loaded, since a load behind a store
// that may alias it waits.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_80 output=%t})'
// RUN: FileCheck %s --input-file=%t

// 2048 columns are four loads of each input for each of 128 threads.
// CHECK: .visible .entry add_norm(
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-NOT: st.global
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK-COUNT-4: st.global.v4.b32
// CHECK: shfl.sync.bfly

rt.executable @gpu target <"sm_80", layout = "simt32", activations = "f16"> {
  rt.kernel @add_norm grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>, #rt.arg<result 1, write>] {
  ^bb0(%a: tensor<?x2048xf32>, %b: tensor<?x2048xf32>, %w: tensor<2048xf32>):
    %sum, %norm = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x2048xf32>, tensor<2048xf32> -> tensor<?x2048xf32>
    rt.return %sum, %norm : tensor<?x2048xf32>, tensor<?x2048xf32>
  }
}
