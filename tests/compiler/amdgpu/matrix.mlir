// A batch of tokens goes through the matrix unit of each family. Weights are loads of 16 bytes per
// lane (8 where four lanes share a row's words, whole lines all the same), decoded to f16 with packed
// arithmetic; nothing spills.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefix=RDNA3 --input-file=%t.gfx1151
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1201 output=%t.gfx1201})'
// RUN: FileCheck %s --check-prefix=RDNA4 --input-file=%t.gfx1201
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx1201
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx942 output=%t.gfx942})'
// RUN: FileCheck %s --check-prefix=CDNA --input-file=%t.gfx942
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx942
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx906 output=%t.gfx906})'
// RUN: FileCheck %s --check-prefix=VEGA --input-file=%t.gfx906
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx906

// RDNA3-LABEL: batch:
// RDNA3: global_load_b128
// RDNA3: v_perm_b32
// RDNA3: v_pk_{{add|sub}}_f16
// RDNA3: v_pk_fma_f16
// RDNA3: v_wmma_f32_16x16x16_f16
// RDNA3: ds_store
// RDNA3: s_barrier

// RDNA4-LABEL: batch:
// RDNA4: global_load_b128
// RDNA4: v_wmma_f32_16x16x16_f16

// CDNA-LABEL: batch:
// CDNA: global_load_dwordx4
// CDNA: v_pk_fma_f16
// CDNA: v_mfma_f32_16x16x16_f16

// Without a unit lanes stay rows, and sums f32.
// VEGA-LABEL: batch:
// VEGA-NOT: mfma
// VEGA: v_{{fma_mix|fmac}}_f32

// CLEAN-DAG: .name: batch
// CLEAN-DAG: .name: prefill
// CLEAN-NOT: spill_count: {{ *}}[1-9]

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f16"> {
  rt.kernel @batch grid <128 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x4096xf16>, %w: tensor<4096x4096x!llm.q4_k>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x4096xf16>, tensor<4096x4096x!llm.q4_k>) -> tensor<?x4096xf32>
    rt.return %y : tensor<?x4096xf32>
  }
  rt.kernel @prefill grid <32 x tokens by 64>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 128 : i64, tile_tokens = 64 : i64} {
  ^bb0(%x: tensor<?x11008xf16>, %w: tensor<4096x11008x!llm.q6_k>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x11008xf16>, tensor<4096x11008x!llm.q6_k>) -> tensor<?x4096xf32>
    rt.return %y : tensor<?x4096xf32>
  }
}
