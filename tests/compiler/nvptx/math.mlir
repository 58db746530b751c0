// Mathematical functions become instructions; libdevice is neither linked nor called.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{output=%t})'
// RUN: FileCheck %s --input-file=%t

// CHECK-NOT: .extern .func
// CHECK-LABEL: .visible .entry silu(
// exp: the integer part of x log2 e goes to the exponent, in two factors; ex2.approx gets the rest.
// CHECK: st.shared
// CHECK: max.NaN.f32
// CHECK: min.NaN.f32
// CHECK: fma.rn.f32 [[SHIFTED:%r[0-9]+]], {{.*}}, 0f3FB8AA3B, 0f4B400000;
// CHECK: add.s32 [[WHOLE:%r[0-9]+]], [[SHIFTED]], -1262485504;
// CHECK: ex2.approx.f32
// CHECK-COUNT-2: mul{{(.rn)?}}.f32
// CHECK: div.rn.f32

// CHECK-LABEL: .visible .entry others(
// CHECK: ex2.approx.f32
// CHECK: sqrt.rn.f32
// CHECK: cvt.rni.f32.f32
// CHECK: cvt.rmi.f32.f32
// CHECK: abs.f32
// CHECK: max.f32

rt.executable @gpu target <"sm_90", layout = "simt32", activations = "f32"> {
  rt.kernel @silu grid <2 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x64xf32>, %w: tensor<40x64xf16>):
    %y = llm.linear %x weights(%w) at [0] epilogue {
    ^bb0(%p: f32):
      %one = arith.constant 1.0 : f32
      %n = arith.negf %p : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %s = arith.divf %p, %d : f32
      llm.yield %s : f32
    } : (tensor<?x64xf32>, tensor<40x64xf16>) -> tensor<?x40xf32>
    rt.return %y : tensor<?x40xf32>
  }
  rt.kernel @others grid <2 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x64xf32>, %w: tensor<40x64xf16>):
    %y = llm.linear %x weights(%w) at [0] epilogue {
    ^bb0(%p: f32):
      %a = math.exp2 %p : f32
      %b = math.sqrt %a : f32
      %c = math.roundeven %b : f32
      %t = math.floor %p : f32
      %d = arith.addf %c, %t : f32
      %e = math.absf %p : f32
      %f = arith.maxnumf %d, %e : f32
      llm.yield %f : f32
    } : (tensor<?x64xf32>, tensor<40x64xf16>) -> tensor<?x40xf32>
    rt.return %y : tensor<?x40xf32>
  }
}
