// The paired linear of a decode step on x86: what multiplies, and where the epilogue stands.

// RUN: tawny-opt %s -o /dev/null --pass-pipeline='builtin.module(tawny-compile{output=%t.vnni})'
// RUN: FileCheck %s --check-prefix=VNNI --input-file=%t.vnni
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=x86-64-v3 output=%t.v3})'
// RUN: FileCheck %s --check-prefix=AVX2 --input-file=%t.v3
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{emit=kernels output=%t.kernels})'
// RUN: FileCheck %s --check-prefix=BODY --input-file=%t.kernels

// Eight tokens: a section of a block, between prefetches of the weights that follow.
// VNNI-LABEL: dot.q4_k.a8.t8:
// VNNI: prefetcht1
// VNNI: prefetcht0

// One token: 64 codes of 16 rows and one dword of input to an instruction, a whole block, whose lines
// are loaded in ascending order. Nothing is called and nothing prefetched.
// VNNI-LABEL: dot.q4_k.a8.t1:
// VNNI-NOT: prefetch
// VNNI-NOT: call
// VNNI: vmovdqa64 (%[[LINES:r[a-z0-9]+]]), %zmm
// VNNI: vmovdqa64 64(%[[LINES]]), %zmm
// VNNI: vmovdqa64 128(%[[LINES]]), %zmm
// VNNI: vmovdqa64 192(%[[LINES]]), %zmm
// VNNI: vmovdqa64 256(%[[LINES]]), %zmm
// VNNI: vmovdqa64 1024(%[[LINES]]), %zmm
// VNNI: vmovdqa64 2240(%[[LINES]]), %zmm
// VNNI-NOT: (%[[LINES]])
// VNNI: retq

// RUN: FileCheck %s --check-prefix=DOTS --input-file=%t.vnni
// DOTS-LABEL: dot.q4_k.a8.t1:
// DOTS-COUNT-64: vpdpbusd {{.*}}{1to16}
// DOTS-NOT: vpdpbusd
// DOTS: retq

// Without VNNI, bytes are multiplied in pairs.
// AVX2-LABEL: dot.q4_k.a8.t1:
// AVX2: vpmaddubsw
// AVX2: vpmaddwd
// AVX2: retq

// The body takes its tile; only the wrapper knows a range of them. The epilogue is the region of the
// linear, 16 rows at a time.
// BODY-LABEL: func.func private @gate_up.body(%arg0: i64, %arg1: !llvm.ptr
// BODY: call @dot.q4_k.a8.t8
// BODY: arith.negf {{.*}} : vector<16xf32>
// BODY: math.exp {{.*}} : vector<16xf32>
// BODY: arith.mulf {{.*}} : vector<16xf32>
// BODY-LABEL: func.func @gate_up(%arg0: !llvm.ptr, %arg1: i64, %arg2: i64)
// BODY: func.call @gate_up.body
rt.executable @cpu target <"znver4", layout = "simd16", activations = "i8"> {
  rt.kernel @gate_up grid <2 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>]
      resources {tile_rows = 16 : i64} {
  ^bb0(%x: tensor<?x256x!llm.a8>, %g: tensor<32x256x!llm.q4_k>, %u: tensor<32x256x!llm.q4_k>):
    %y = llm.linear %x weights(%g, %u) at [0, 0] epilogue {
    ^bb0(%a: f32, %b: f32):
      %one = arith.constant 1.0 : f32
      %n = arith.negf %a : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %s = arith.divf %a, %d : f32
      %m = arith.mulf %s, %b : f32
      llm.yield %m : f32
    } : (tensor<?x256x!llm.a8>, tensor<32x256x!llm.q4_k>, tensor<32x256x!llm.q4_k>)
      -> tensor<?x32xf32>
    rt.return %y : tensor<?x32xf32>
  }
}
