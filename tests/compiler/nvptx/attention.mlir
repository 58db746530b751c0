// Attention of a range and of blocks of rows, as PTX: what differs from AMD GPUs.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_80 output=%t})'
// RUN: FileCheck %s --input-file=%t

// Keys and values of four positions, 16 bytes each; scores are summed over the 16 lanes of a head by
// four exchanges.
// CHECK: .visible .entry part(
// CHECK: bra
// CHECK-COUNT-8: ld.global{{(.nc)?}}.v4.b32
// CHECK-COUNT-4: shfl.sync.bfly.b32
// CHECK: ex2.approx
// CHECK: fma.rn.f32
// CHECK: bar.sync 0;
// CHECK: st.global.v4.b32

// Queries are rows here: scores of 32 positions are 4 tiles of 8 by 4 steps of 16 elements, sums 8
// tiles of 8 elements by 2 pages. 16 bytes of shared memory are two steps, or both pages.
// CHECK: .visible .entry blocks(
// CHECK: bar.sync 0;
// CHECK: st.shared.v4.b32
// CHECK: bar.sync 0;
// CHECK: ld.shared.v4.b32
// CHECK-COUNT-16: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK: ex2.approx
// CHECK: cvt.rn.f16x2.f32
// CHECK-COUNT-16: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK-NOT: mma.sync
// CHECK: st.global.b32

// A window begins with the chunk of 32 positions that holds its first one.
// CHECK: .visible .entry window(
// CHECK: max.u32 {{.*}}, 100;
// CHECK: and.b32 {{.*}}, -32;
// CHECK: mma.sync

rt.executable @gpu target <"sm_80", layout = "simt32", activations = "f16"> {
  rt.kernel @part grid <16 x attention_blocks by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
                #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
                #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>,
                #rt.arg<result 1, write>] {
  ^bb0(%q: tensor<?x1024xf32>, %kv: !llm.kv<layers = 1, heads = 2, dim = 128>, %step: !llm.step):
    %sums, %state = llm.attention_part %q, %kv, %step layer 0 scale 0.1 splits 8
      : tensor<?x1024xf32>, !llm.kv<layers = 1, heads = 2, dim = 128>
      -> tensor<?x8192xf32>, tensor<?x128xf32>
    rt.return %sums, %state : tensor<?x8192xf32>, tensor<?x128xf32>
  }
  rt.kernel @blocks grid <2 x attention_blocks by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
                #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
                #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%q: tensor<?x512xf32>, %kv: !llm.kv<layers = 1, heads = 2, dim = 64>, %step: !llm.step):
    %o = llm.attention %q, %kv, %step layer 0 scale 0.125
      : tensor<?x512xf32>, !llm.kv<layers = 1, heads = 2, dim = 64> -> tensor<?x512xf16>
    rt.return %o : tensor<?x512xf16>
  }  rt.kernel @window grid <2 x attention_blocks by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
                #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
                #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%q: tensor<?x512xf32>, %kv: !llm.kv<layers = 1, heads = 2, dim = 64>, %step: !llm.step):
    %o = llm.attention %q, %kv, %step layer 0 scale 0.125 window 100
      : tensor<?x512xf32>, !llm.kv<layers = 1, heads = 2, dim = 64> -> tensor<?x512xf16>
    rt.return %o : tensor<?x512xf16>
  }
}
