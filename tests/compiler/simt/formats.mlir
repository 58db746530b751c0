// The formats that linear.mlir and matrix.mlir of each family leave out, multiplied from their packed
// bits by the matrix units of three families of GPUs.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefixes=AMD,RDNA --input-file=%t.gfx1151
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx942 output=%t.gfx942})'
// RUN: FileCheck %s --check-prefixes=AMD,CDNA --input-file=%t.gfx942
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx942
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_90 output=%t.sm_90})'
// RUN: FileCheck %s --check-prefix=NVIDIA --input-file=%t.sm_90

// AMD-LABEL: q4_1:
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: q5_0:
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: q5_1:
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: q2_k:
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: q3_k:
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: q5_k:
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: iq4_nl:
// Four values of a table of sixteen are two permutations by three bits and one by the fourth.
// AMD-COUNT-3: v_perm_b32
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: iq4_xs:
// AMD-COUNT-3: v_perm_b32
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: mxfp4:
// AMD-COUNT-3: v_perm_b32
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16
// AMD-LABEL: bf16:
// AMD: v_{{cvt_f16_f32|fma_mixlo_f16}}
// RDNA: v_wmma_f32_16x16x16_f16
// CDNA: v_mfma_f32_16x16x16_f16

// NVIDIA: .visible .entry q4_1(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry q5_0(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry q5_1(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry q2_k(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry q3_k(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry q5_k(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry iq4_nl(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry iq4_xs(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry mxfp4(
// NVIDIA: prmt.b32
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// NVIDIA: .visible .entry bf16(
// NVIDIA: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32

// CLEAN-NOT: {{scratch|buffer}}_{{load|store}}
// CLEAN-DAG: .name: bf16
// CLEAN-DAG: .name: iq4_nl
// CLEAN-DAG: .name: iq4_xs
// CLEAN-DAG: .name: mxfp4
// CLEAN-DAG: .name: q2_k
// CLEAN-DAG: .name: q3_k
// CLEAN-DAG: .name: q4_1
// CLEAN-DAG: .name: q5_0
// CLEAN-DAG: .name: q5_1
// CLEAN-DAG: .name: q5_k
// CLEAN-NOT: spill_count: {{ *}}[1-9]

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f16"> {
  rt.kernel @q4_1 grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.q4_1>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.q4_1>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @q5_0 grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.q5_0>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.q5_0>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @q5_1 grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.q5_1>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.q5_1>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @q2_k grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.q2_k>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.q2_k>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @q3_k grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.q3_k>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.q3_k>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @q5_k grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.q5_k>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.q5_k>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @iq4_nl grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.iq4_nl>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.iq4_nl>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @iq4_xs grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.iq4_xs>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.iq4_xs>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @mxfp4 grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024x!llm.mxfp4>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024x!llm.mxfp4>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @bf16 grid <8 x tokens by 16>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64, tile_tokens = 16 : i64} {
  ^bb0(%x: tensor<?x1024xf16>, %w: tensor<256x1024xbf16>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x1024xf16>, tensor<256x1024xbf16>) -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
}
