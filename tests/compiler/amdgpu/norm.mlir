// add_rms_norm: one workgroup per row, 16 bytes at a time, sums in registers and once in LDS.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefix=RDNA --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx908 output=%t.gfx908})'
// RUN: FileCheck %s --check-prefix=CDNA --input-file=%t.gfx908

// 4096 columns are four loads of each input for each of 256 threads.
// RDNA-LABEL: add_rms_norm_4096:
// RDNA-COUNT-8: global_load_b128
// RDNA: v_add_f32_dpp
// RDNA: v_permlanex16_b32
// RDNA: ds_store_b32
// RDNA: s_barrier
// RDNA: ds_load_b128
// RDNA: v_sqrt_f32
// RDNA: global_store_b128
// RDNA: .amdhsa_kernel add_rms_norm_4096
// RDNA-NEXT: .amdhsa_group_segment_fixed_size 32
// RDNA-NEXT: .amdhsa_private_segment_fixed_size 0

// 77 columns: one wave, no LDS, no barrier, element by element because rows are not aligned.
// RDNA-LABEL: rms_norm_77:
// RDNA-NOT: s_barrier
// RDNA: .amdhsa_kernel rms_norm_77
// RDNA-NEXT: .amdhsa_group_segment_fixed_size 0
// RDNA-NOT: gpr_spill_count: {{ *}}[1-9]

// CDNA-LABEL: add_rms_norm_4096:
// CDNA-COUNT-8: global_load_dwordx4
// CDNA: row_bcast:31
// CDNA: ds_write_b32
// CDNA: s_barrier
// CDNA: global_store_dwordx4
// CDNA-NOT: gpr_spill_count: {{ *}}[1-9]

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @add_rms_norm_4096 grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>, #rt.arg<result 1, write>] {
  ^bb0(%a: tensor<?x4096xf32>, %b: tensor<?x4096xf32>, %w: tensor<4096xf32>):
    %sum, %norm = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x4096xf32>, tensor<4096xf32> -> tensor<?x4096xf32>
    rt.return %sum, %norm : tensor<?x4096xf32>, tensor<?x4096xf32>
  }
  rt.kernel @rms_norm_77 grid <1 x logit_rows by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%a: tensor<?x77xf32>, %w: tensor<77xf32>):
    %norm = llm.rms_norm %a, %w eps 1.0e-5
      : tensor<?x77xf32>, tensor<77xf32> -> tensor<?x77xf32>
    rt.return %norm : tensor<?x77xf32>
  }
}
