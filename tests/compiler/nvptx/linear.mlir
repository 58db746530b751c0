// A linear, rotation with append, and a norm, as PTX: what differs from AMD GPUs.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_80 output=%t})'
// RUN: FileCheck %s --input-file=%t

// CHECK: .version 8.0
// CHECK: .target sm_80

// The pairs' frequencies are constants of the module.
// CHECK: .const .align 8 .b8 qkv{{.*}}turns[256]

// All kernels share one array; its size is the launch's.
// CHECK: .extern .shared .align 16 .b8 tawny_shared[];
// CHECK-NOT: .shared .align

// Arguments are global pointers, one per binding.
// CHECK: .visible .entry norm(
// CHECK-NEXT: .param .u64 .ptr .global
// CHECK: .maxntid 256, 1, 1
// CHECK-COUNT-8: ld.global{{(.nc)?}}.v4.b32
// A sum over the warp takes five shuffles.
// CHECK-COUNT-5: shfl.sync.bfly.b32
// The lane that stores a sum of its warp is alone: no exchange may stand there, or it never ends.
// CHECK-NOT: shfl.sync.idx
// CHECK: st.shared.b32
// CHECK: bar.sync 0;
// Roots and quotients are rounded to nearest.
// CHECK: sqrt.rn.f32
// CHECK: rcp.rn.f32
// CHECK: st.global.v4.b32

// CHECK: .visible .entry qkv(
// CHECK: ld.global{{.*}}.v4.b32
// CHECK: fma.rn.f32
// CHECK: cvt.rni.f32.f32
// Keys are rounded to f16 after clamping.
// CHECK: setp.gt.f32 {{.*}}, 0f477FE000;
// CHECK: cvt.rn.f16.f32
// CHECK: st.global.b16

rt.executable @gpu target <"sm_80", layout = "simt32", activations = "f32"> {
  rt.kernel @norm grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>, #rt.arg<result 1, write>] {
  ^bb0(%a: tensor<?x4096xf32>, %b: tensor<?x4096xf32>, %w: tensor<4096xf32>):
    %sum, %norm = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x4096xf32>, tensor<4096xf32> -> tensor<?x4096xf32>
    rt.return %sum, %norm : tensor<?x4096xf32>, tensor<?x4096xf32>
  }
  rt.kernel @qkv grid <4 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<positions 0, read>, #rt.arg<kv_slots 0, read>,
                #rt.arg<key_pages 0, read_write>, #rt.arg<value_pages 0, read_write>,
                #rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>,
                #rt.arg<operand 3, read>, #rt.arg<result 0, write>]
      resources {tile_rows = 64 : i64} {
  ^bb0(%x: tensor<?x256xf32>, %q: tensor<128x256x!llm.q8_0>, %k: tensor<64x256x!llm.q8_0>,
       %v: tensor<64x256x!llm.q8_0>, %step: !llm.step,
       %kv: !llm.kv<layers = 2, heads = 1, dim = 64>):
    %y, %kv1 = llm.linear %x weights(%q, %k, %v) at [0, 128, 192] state(%step, %kv)
      rope_append <head = 64, rotary = 64, base = 1.0e+04, adjacent> layer 1
      : (tensor<?x256xf32>, tensor<128x256x!llm.q8_0>, tensor<64x256x!llm.q8_0>,
         tensor<64x256x!llm.q8_0>, !llm.step, !llm.kv<layers = 2, heads = 1, dim = 64>)
      -> (tensor<?x128xf32>, !llm.kv<layers = 2, heads = 1, dim = 64>)
    rt.return %y, %kv1 : tensor<?x128xf32>, !llm.kv<layers = 2, heads = 1, dim = 64>
  }
}
