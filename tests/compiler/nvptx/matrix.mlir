// On NVIDIA GPUs even one token goes through the tensor cores: a unit of 8 columns costs less than
// decoding to f32 does.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_80 output=%t})'
// RUN: FileCheck %s --input-file=%t

// CHECK: .visible .entry one(
// CHECK: ld.global.v4.b32
// CHECK: prmt.b32
// CHECK: fma.rn.f16x2
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK: bar.sync 0;

rt.executable @gpu target <"sm_80", layout = "simt32", activations = "f16"> {
  rt.kernel @one grid <128 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 1 : i64} {
  ^bb0(%x: tensor<?x4096xf16>, %w: tensor<4096x4096x!llm.q4_k>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x4096xf16>, tensor<4096x4096x!llm.q4_k>) -> tensor<?x4096xf32>
    rt.return %y : tensor<?x4096xf32>
  }
}
