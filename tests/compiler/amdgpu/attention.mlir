// Attention of single rows in ranges of their contexts, their merge, and attention of blocks.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefix=RDNA --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx906 output=%t.gfx906})'
// RUN: FileCheck %s --check-prefix=GCN --input-file=%t.gfx906
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx942 output=%t.gfx942})'
// RUN: FileCheck %s --check-prefix=MFMA --input-file=%t.gfx942

// A range: keys and values in loads of 16 bytes from a page whose address is scalar, four positions
// of each in flight; f16 goes into the multiply-add as it is; a head's 16 lanes add up by DPP.
// RDNA-LABEL: part_128:
// RDNA-COUNT-8: global_load_b128 v[{{.*}}], v{{[0-9]+}}, s[
// RDNA: v_fma_mix_f32
// RDNA: v_add_f32_dpp {{.*}} row_mirror
// RDNA: v_exp_f32
// RDNA: ds_bpermute_b32
// RDNA: ds_store_b128
// RDNA: s_barrier
// RDNA: global_store_b128
// RDNA: .amdhsa_kernel part_128
// RDNA-NEXT: .amdhsa_group_segment_fixed_size 16640
// RDNA-NEXT: .amdhsa_private_segment_fixed_size 0

// The merge: no LDS; states are scalar, sums 16 bytes to a lane, the result 8 (f16).
// RDNA-LABEL: merge_128:
// RDNA-NOT: ds_
// RDNA: s_load_b64
// RDNA: v_exp_f32
// RDNA: global_load_b128
// RDNA: global_store_b64
// RDNA: .amdhsa_kernel merge_128
// RDNA-NEXT: .amdhsa_group_segment_fixed_size 0

// Blocks of rows: keys and values of the next chunk in loads of 16 bytes; 5 products for the scores
// of 16 positions, of which a chunk has two, and 2 for 16 elements of the chunk's sums; weights go
// from half wave to half wave; then the next chunk goes to LDS.
// RDNA-LABEL: attention_80:
// RDNA: s_barrier
// RDNA-COUNT-6: global_load_b128
// RDNA-COUNT-10: v_wmma_f32_16x16x16_f16
// RDNA: ds_bpermute_b32
// RDNA-COUNT-10: v_wmma_f32_16x16x16_f16
// RDNA-NOT: v_wmma
// RDNA: s_barrier
// RDNA: ds_store_b128
// RDNA: ds_store{{.*}}_b32
// RDNA-NOT: v_wmma
// RDNA: global_store_b64
// RDNA: .amdhsa_kernel attention_80
// RDNA-NEXT: .amdhsa_group_segment_fixed_size 12032
// RDNA-NEXT: .amdhsa_private_segment_fixed_size 0
// RDNA-NOT: gpr_spill_count: {{ *}}[1-9]

// GCN-LABEL: part_128:
// GCN-COUNT-8: global_load_dwordx4
// GCN: v_fma_mix_f32
// GCN: row_mirror
// GCN: .amdhsa_kernel part_128
// GCN-NEXT: .amdhsa_group_segment_fixed_size 8320
// Without a matrix unit blocks of rows go the same way, four rows at a time.
// GCN-LABEL: attention_80:
// GCN: v_fma_mix_f32
// GCN-NOT: gpr_spill_count: {{ *}}[1-9]

// Lanes hold 4 elements of the depth: 16 bytes from LDS are two steps of heads of 64. Weights are
// the next product's operand where they are.
// MFMA-LABEL: attention_64:
// MFMA: ds_read{{.*}}_b128
// MFMA-COUNT-16: v_mfma_f32_16x16x16{{_?}}f16
// MFMA-NOT: v_mfma
// MFMA: global_store_dwordx2
// MFMA: .amdhsa_kernel attention_64
// MFMA-NOT: gpr_spill_count: {{ *}}[1-9]

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f16"> {
  rt.kernel @part_128 grid <128 x attention_blocks by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
                #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
                #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>,
                #rt.arg<result 1, write>] {
  ^bb0(%q: tensor<?x4096xf32>, %kv: !llm.kv<layers = 1, heads = 8, dim = 128>, %step: !llm.step):
    %sums, %state = llm.attention_part %q, %kv, %step layer 0 scale 8.838834764831845e-2 splits 16
      : tensor<?x4096xf32>, !llm.kv<layers = 1, heads = 8, dim = 128>
      -> tensor<?x65536xf32>, tensor<?x1024xf32>
    rt.return %sums, %state : tensor<?x65536xf32>, tensor<?x1024xf32>
  }
  rt.kernel @merge_128 grid <32 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%sums: tensor<?x65536xf32>, %state: tensor<?x1024xf32>):
    %o = llm.attention_merge %sums, %state splits 16
      : tensor<?x65536xf32>, tensor<?x1024xf32> -> tensor<?x4096xf16>
    rt.return %o : tensor<?x4096xf16>
  }
  rt.kernel @attention_80 grid <4 x attention_blocks by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
                #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
                #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%q: tensor<?x320xf32>, %kv: !llm.kv<layers = 1, heads = 4, dim = 80>, %step: !llm.step):
    %o = llm.attention %q, %kv, %step layer 0 scale 0.111
      : tensor<?x320xf32>, !llm.kv<layers = 1, heads = 4, dim = 80> -> tensor<?x320xf32>
    rt.return %o : tensor<?x320xf32>
  }
  rt.kernel @attention_64 grid <2 x attention_blocks by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
                #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
                #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%q: tensor<?x512xf32>, %kv: !llm.kv<layers = 1, heads = 2, dim = 64>, %step: !llm.step):
    %o = llm.attention %q, %kv, %step layer 0 scale 0.125
      : tensor<?x512xf32>, !llm.kv<layers = 1, heads = 2, dim = 64> -> tensor<?x512xf16>
    rt.return %o : tensor<?x512xf16>
  }
}
