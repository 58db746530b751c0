// Linears of several parts: every format, biases, a residual, and the rotation of q and k.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 emit=object \
// RUN:                    output=%t.gfx1151})' 2>&1 | FileCheck %s
// RUN: llvm-readobj --symbols %t.gfx1151 | FileCheck %s --check-prefix=SYMBOLS

// Six parts in formats of their own: no kernel spills on the first citizen.
// CHECK-NOT: spills {{[1-9]}}
// CHECK: remark: formats: {{.*}} 0 spills, 0 bytes of scratch
// CHECK: remark: residual: {{.*}} 0 spills, 0 bytes of scratch
// A head of 128 rows is four units of 32 lanes with four slices of K each: 16 waves.
// CHECK: remark: qkv_halves: 512 threads, {{.*}} 0 spills, 0 bytes of scratch

// A kernel and its descriptor are what the driver looks up; bodies are inlined and leave nothing.
// SYMBOLS-NOT: .body
// SYMBOLS: Name: formats
// SYMBOLS: Name: formats.kd

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @formats grid <12 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<operand 3, read>, #rt.arg<operand 4, read>,
                #rt.arg<operand 5, read>, #rt.arg<operand 6, read>, #rt.arg<result 0, write>,
                #rt.arg<result 1, write>, #rt.arg<result 2, write>, #rt.arg<result 3, write>,
                #rt.arg<result 4, write>, #rt.arg<result 5, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x256xf32>, %a: tensor<40x256x!llm.q4_k>, %b: tensor<33x256x!llm.q6_k>,
       %c: tensor<64x256x!llm.q4_0>, %d: tensor<50x256x!llm.q8_0>, %e: tensor<40x256xf16>,
       %f: tensor<40x256xf32>):
    %y:6 = llm.linear %x weights(%a, %b, %c, %d, %e, %f) at [0, 40, 73, 137, 187, 227]
      : (tensor<?x256xf32>, tensor<40x256x!llm.q4_k>, tensor<33x256x!llm.q6_k>,
         tensor<64x256x!llm.q4_0>, tensor<50x256x!llm.q8_0>, tensor<40x256xf16>,
         tensor<40x256xf32>)
      -> (tensor<?x40xf32>, tensor<?x33xf32>, tensor<?x64xf32>, tensor<?x50xf32>,
          tensor<?x40xf32>, tensor<?x40xf32>)
    rt.return %y#0, %y#1, %y#2, %y#3, %y#4, %y#5 : tensor<?x40xf32>, tensor<?x33xf32>,
      tensor<?x64xf32>, tensor<?x50xf32>, tensor<?x40xf32>, tensor<?x40xf32>
  }
  rt.kernel @residual grid <9 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<operand 3, read>, #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x131xf32>, %w: tensor<264x131xf16>, %b: tensor<264xf32>, %r: tensor<?x264xf32>):
    %y = llm.linear %x weights(%w) at [0] bias(%b) of [0] reads(%r) epilogue {
    ^bb0(%p: f32, %q: f32):
      %s = arith.addf %p, %q : f32
      llm.yield %s : f32
    } : (tensor<?x131xf32>, tensor<264x131xf16>, tensor<264xf32>, tensor<?x264xf32>)
      -> tensor<?x264xf32>
    rt.return %y : tensor<?x264xf32>
  }
  rt.kernel @qkv_halves grid <6 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<positions 0, read>, #rt.arg<kv_slots 0, read>,
                #rt.arg<key_pages 0, read_write>, #rt.arg<value_pages 0, read_write>,
                #rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>,
                #rt.arg<operand 3, read>, #rt.arg<result 0, write>]
      resources {tile_rows = 128 : i64} {
  ^bb0(%x: tensor<?x2048xf32>, %q: tensor<512x2048x!llm.q4_k>, %k: tensor<128x2048x!llm.q4_k>,
       %v: tensor<128x2048x!llm.q6_k>, %step: !llm.step,
       %kv: !llm.kv<layers = 2, heads = 1, dim = 128>):
    %y, %kv1 = llm.linear %x weights(%q, %k, %v) at [0, 512, 640] state(%step, %kv)
      rope_append <head = 128, rotary = 128, base = 1.0e+06, halves> layer 1
      : (tensor<?x2048xf32>, tensor<512x2048x!llm.q4_k>, tensor<128x2048x!llm.q4_k>,
         tensor<128x2048x!llm.q6_k>, !llm.step, !llm.kv<layers = 2, heads = 1, dim = 128>)
      -> (tensor<?x512xf32>, !llm.kv<layers = 2, heads = 1, dim = 128>)
    rt.return %y, %kv1 : tensor<?x512xf32>, !llm.kv<layers = 2, heads = 1, dim = 128>
  }
}
