// Nibbles that stand for uneven values are looked up sixty-four at a time, or thirty-two, and one
// row of an embedding sixteen.

// RUN: tawny-opt %s -o /dev/null --pass-pipeline='builtin.module(tawny-compile{output=%t.v4})'
// RUN: FileCheck %s --check-prefix=WIDE --input-file=%t.v4
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=x86-64-v3 output=%t.v3})'
// RUN: FileCheck %s --check-prefix=NARROW --input-file=%t.v3

// WIDE-LABEL: embed.body:
// WIDE: vpshufb {{.*}}%xmm
// WIDE-LABEL: dot.iq4_nl.a8.{{.*}}t1:
// WIDE: vpshufb {{.*}}%zmm
// WIDE: vpdpbusd
// WIDE: retq

// NARROW-LABEL: dot.iq4_nl.a8.{{.*}}t1:
// NARROW: vpshufb {{.*}}%ymm
// NARROW: vpmaddubsw
// NARROW: retq
rt.executable @cpu target <"znver4", layout = "simd16", activations = "i8"> {
  rt.kernel @embed grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %t: tensor<64x256x!llm.iq4_nl>):
    %y = llm.embed %step, %t : tensor<64x256x!llm.iq4_nl> -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @linear grid <2 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 16 : i64} {
  ^bb0(%x: tensor<?x256x!llm.a8>, %w: tensor<32x256x!llm.iq4_nl>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x256x!llm.a8>, tensor<32x256x!llm.iq4_nl>) -> tensor<?x32xf32>
    rt.return %y : tensor<?x32xf32>
  }
}
