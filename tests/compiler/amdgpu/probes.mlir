// The kernels that measure the machine come with every executable.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefix=RDNA --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx906 output=%t.gfx906})'
// RUN: FileCheck %s --check-prefix=VEGA --input-file=%t.gfx906
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx942 output=%t.gfx942})'
// RUN: FileCheck %s --check-prefix=CDNA --input-file=%t.gfx942
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_90 output=%t.sm_90})'
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t.sm_90

// 16 loads of 16 bytes per lane, and a store that never happens. The tile's address is a scalar.
// RDNA-LABEL: probe_read:
// RDNA: s_lshl_b64 {{.*}}, 16
// RDNA-COUNT-16: global_load_b128
// RDNA: v_cmpx_eq_u32_e32 0x7a9d3c51
// RDNA: global_store_b32
// PTX-LABEL: .entry probe_read(
// PTX-COUNT-16: ld.global.nc.v4.b32
// PTX: st.global.b32
// PTX-NOT: {{ld|st}}.global
// PTX: ret;

// Eight chains of the matrix unit, or sixteen of multiply-adds where there is none, in a loop.
// RDNA-LABEL: probe_peak:
// RDNA-COUNT-8: v_wmma_f32_16x16x16_f16
// RDNA: s_cbranch
// RDNA: .amdhsa_kernel probe_peak
// RDNA-NEXT: .amdhsa_group_segment_fixed_size 0
// RDNA-NEXT: .amdhsa_private_segment_fixed_size 0
// VEGA-LABEL: probe_peak:
// VEGA-COUNT-16: v_fma{{c?}}_f32
// CDNA-LABEL: probe_peak:
// CDNA-COUNT-8: v_mfma_f32_16x16x16_f16
// PTX-LABEL: .entry probe_peak(
// PTX-COUNT-8: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// PTX-NOT: mma.sync
// PTX: ret;

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f16"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x64xf32>):
    %y = llm.silu %x : tensor<?x64xf32>
    rt.return %y : tensor<?x64xf32>
  }
}
