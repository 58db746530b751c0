// A function that only libdevice has is refused by its name.

// RUN: not tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{emit=object output=%t})' 2>&1 \
// RUN:   | FileCheck %s

// CHECK: error: a kernel calls '__nv_erff', for which there is no code on NVIDIA GPUs
rt.executable @gpu target <"sm_86", layout = "simt32", activations = "f32"> {
  rt.kernel @erf grid <2 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x64xf32>, %w: tensor<40x64xf16>):
    %y = llm.linear %x weights(%w) at [0] epilogue {
    ^bb0(%p: f32):
      %e = math.erf %p : f32
      llm.yield %e : f32
    } : (tensor<?x64xf32>, tensor<40x64xf16>) -> tensor<?x40xf32>
    rt.return %y : tensor<?x40xf32>
  }
}
