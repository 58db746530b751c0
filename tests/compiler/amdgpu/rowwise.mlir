// Kernels that take a row each: no sums, no LDS, 16 bytes at a time where the columns allow.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefix=RDNA --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_80 output=%t.sm_80})'
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t.sm_80

// 4096 columns are four accesses of each of 256 threads; their loads go ahead of the stores.
// RDNA-LABEL: add:
// RDNA-COUNT-8: global_load_b128
// RDNA-COUNT-4: global_store_b128
// RDNA-NOT: global_{{load|store}}
// RDNA: s_endpgm
// PTX-LABEL: .entry add(
// PTX: .maxntid 256, 1, 1
// PTX-COUNT-8: ld.global.v4.b32
// PTX-COUNT-4: st.global.v4.b32
// PTX-NOT: st.global

// 77 columns: rows are aligned to 4 bytes, and the last wave is cut short.
// RDNA-LABEL: silu:
// RDNA: v_cmp_gt_u32
// RDNA: global_load_b32
// RDNA: v_exp_f32
// RDNA: global_store_b32
// PTX-LABEL: .entry silu(
// PTX: ld.global.b32
// PTX: ex2.approx.f32
// PTX: st.global.b32

// The row to copy is a scalar.
// RDNA-LABEL: logit_rows:
// RDNA: s_load_b32
// RDNA-COUNT-4: global_load_b128
// RDNA-COUNT-4: global_store_b128
// PTX-LABEL: .entry logit_rows(

// Heads of 80 elements of which 64 turn: pairs, and the rest, each in a loop over all heads.
// RDNA-LABEL: rope:
// RDNA: v_rndne_f32
// RDNA: global_store_b32
// RDNA: global_store_b32
// RDNA: s_endpgm
// PTX-LABEL: .entry rope(
// PTX: cvt.rni.f32.f32

// Keys and values go to their slot as f16: 8 columns are two loads and one store of 16 bytes.
// RDNA-LABEL: append:
// RDNA: global_load_b128
// RDNA: global_load_b128
// RDNA: v_cvt_{{.*}}f16
// RDNA: global_store_b128
// RDNA: global_store_b128
// RDNA-NOT: global_store
// RDNA: s_endpgm
// PTX-LABEL: .entry append(
// PTX: cvt.rn.f16{{(x2)?}}.f32
// PTX: st.global.v4.b32

// Beyond 65504 values are clamped before they are rounded; NaN compares with nothing and stays.
// RDNA-LABEL: quantize:
// RDNA: v_cmp_{{n?}}lt_f32{{.*}} 0x477fe000,
// RDNA: v_cvt_{{.*}}f16
// RDNA: global_store_b128
// PTX-LABEL: .entry quantize(
// PTX: setp.gt.f32 {{.*}}, 0f477FE000;
// PTX: st.global.v4.b32

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @add grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%a: tensor<?x4096xf32>, %b: tensor<?x4096xf32>):
    %y = arith.addf %a, %b : tensor<?x4096xf32>
    rt.return %y : tensor<?x4096xf32>
  }
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x77xf32>):
    %y = llm.silu %x : tensor<?x77xf32>
    rt.return %y : tensor<?x77xf32>
  }
  rt.kernel @logit_rows grid <1 x logit_rows by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<logit_rows 0, read>, #rt.arg<operand 0, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x4096xf32>, %step: !llm.step):
    %y = llm.logit_rows %x, %step : tensor<?x4096xf32>
    rt.return %y : tensor<?x4096xf32>
  }
  rt.kernel @rope grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<positions 0, read>, #rt.arg<operand 0, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x400xf32>, %step: !llm.step):
    %y = llm.rope %x, %step <head = 80, rotary = 64, base = 1.0e+04, halves> : tensor<?x400xf32>
    rt.return %y : tensor<?x400xf32>
  }
  rt.kernel @append grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<kv_slots 0, read>,
                #rt.arg<key_pages 0, read_write>, #rt.arg<value_pages 0, read_write>,
                #rt.arg<operand 1, read>, #rt.arg<operand 2, read>] {
  ^bb0(%kv: !llm.kv<layers = 3, heads = 2, dim = 128>, %k: tensor<?x256xf32>,
       %v: tensor<?x256xf32>, %step: !llm.step):
    %y = llm.kv_append %kv, %k, %v, %step layer 0
      : !llm.kv<layers = 3, heads = 2, dim = 128>, tensor<?x256xf32>
    rt.return %y : !llm.kv<layers = 3, heads = 2, dim = 128>
  }
  rt.kernel @quantize grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x4096xf32>):
    %y = llm.quantize %x : tensor<?x4096xf32> -> tensor<?x4096xf16>
    rt.return %y : tensor<?x4096xf16>
  }
}
