// The paired linear of a decode step, gate and up in Q4_K, with SiLU as its epilogue.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefix=RDNA --input-file=%t.gfx1151
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx908 output=%t.gfx908})'
// RUN: FileCheck %s --check-prefix=CDNA --input-file=%t.gfx908
// RUN: FileCheck %s --check-prefix=CLEAN --input-file=%t.gfx908
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{emit=kernels output=%t.kernels})'
// RUN: FileCheck %s --check-prefix=BODY --input-file=%t.kernels

// A block of Q4_K is nine loads of 16 bytes per lane. The inputs come through the scalar unit, 16 at
// a time; bytes become floats with one instruction.
// RDNA-LABEL: gate_up:
// RDNA-COUNT-9: global_load_b128
// RDNA: s_load_b512
// RDNA: v_cvt_f32_ubyte
// RDNA: v_{{(dual_)?fmac}}_f32
// The sums of the waves meet in LDS; SiLU stands between there and the store.
// RDNA: ds_store
// RDNA: s_barrier
// RDNA: ds_load
// RDNA: v_exp_f32
// RDNA: global_store_b32

// Waves of 64 read the inputs as vectors, because their halves are on different slices of K.
// CDNA-LABEL: gate_up:
// CDNA-COUNT-9: global_load_dwordx4
// CDNA: v_cvt_f32_ubyte
// CDNA: v_fmac_f32
// CDNA: ds_write
// CDNA: s_barrier
// CDNA: v_exp_f32
// CDNA: global_store_dword

// CLEAN-NOT: {{scratch|buffer}}_{{load|store}}
// CLEAN: .name: gate_up
// CLEAN: .private_segment_fixed_size: 0
// CLEAN: .sgpr_spill_count: 0
// CLEAN: .vgpr_spill_count: 0

// The body takes its tile as an argument; the wrapper alone reads the grid.
// BODY: func.func private @gate_up.body(%[[TILE:.*]]: i32, %{{.*}}: !llvm.ptr<1>
// BODY-NOT: gpu.block_id
// BODY: gpu.func @gate_up({{.*}}) kernel attributes {known_block_size = array<i32: 256, 1, 1>}
// BODY: %[[BLOCK:.*]] = gpu.block_id x
// BODY: %[[INDEX:.*]] = arith.index_cast %[[BLOCK]]
// BODY: call @gate_up.body(%[[INDEX]],

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @gate_up grid <16 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x4096xf32>, %gate: tensor<512x4096x!llm.q4_k>, %up: tensor<512x4096x!llm.q4_k>):
    %y = llm.linear %x weights(%gate, %up) at [0, 0] epilogue {
    ^bb0(%g: f32, %u: f32):
      %one = arith.constant 1.0 : f32
      %n = arith.negf %g : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %s = arith.divf %g, %d : f32
      %h = arith.mulf %s, %u : f32
      llm.yield %h : f32
    } : (tensor<?x4096xf32>, tensor<512x4096x!llm.q4_k>, tensor<512x4096x!llm.q4_k>)
      -> tensor<?x512xf32>
    rt.return %y : tensor<?x512xf32>
  }
}
