// RUN: tawny-opt %S/Inputs/tiny.mlir --tawny-fuse --tawny-lower-to-rt="max-batch=2 activations=i8" \
// RUN:   | FileCheck %s --enable-var-scope
// RUN: tawny-opt %S/Inputs/tiny.mlir --tawny-fuse --tawny-lower-to-rt="max-batch=2 activations=i8" \
// RUN:   --rt-print-costs -o /dev/null 2>&1 | FileCheck %s --check-prefix=FUSED
// RUN: tawny-opt %S/Inputs/tiny.mlir \
// RUN:   --tawny-lower-to-rt="max-batch=2 activations=i8 fuse=false" \
// RUN:   --rt-print-costs -o /dev/null 2>&1 | FileCheck %s --check-prefix=UNFUSED
// RUN: tawny-opt %S/Inputs/tiny.mlir --tawny-fuse --tawny-lower-to-rt="max-batch=2 layout=simt32" \
// RUN:   | tawny-opt | FileCheck %s --check-prefix=SIMT
// RUN: tawny-opt %S/Inputs/tiny.mlir --tawny-fuse \
// RUN:   --tawny-lower-to-rt="max-batch=1 layout=simt32 activations=f16 attention-tiles=4" \
// RUN:   | FileCheck %s --check-prefix=SPLIT

// The plan of the general program, then one launch for each of a layer's ops.
// CHECK: rt.program @step on @kernels program <step, tokens = 512, sequences = 2,
// CHECK: label "token_embd"
// CHECK: label "blk.0.attn_norm"
// CHECK: label "blk.0.attn_qkv"
// CHECK: label "attention.0"
// CHECK: label "blk.0.attn_output"
// CHECK: label "blk.0.ffn_norm"
// CHECK: label "blk.0.ffn_gate_up"
// CHECK: label "blk.0.ffn_down"
// CHECK: label "blk.1.attn_norm"
// CHECK: label "addf"
// CHECK: label "logit_rows"
// CHECK: label "output_norm"
// CHECK: label "output"

// A decode has no rows to select, so its last addition and norm are one launch.
// CHECK: rt.program @decode_1
// CHECK-NOT: label "addf"
// CHECK: label "output_norm"
// CHECK-NEXT: label "output"
// CHECK: rt.program @decode_2

// What fusion is worth: launches, and bytes of activations that go through memory.
// FUSED: step: 19 launches of 13 kernels, 60928 weight bytes, 9984 activation bytes per token,
// FUSED: decode_1: 17 launches of 10 kernels, 60928 weight bytes, 9216 activation bytes per token,
// UNFUSED: step: 42 launches of 20 kernels, 60928 weight bytes, 20992 activation bytes per token,
// UNFUSED: decode_1: 41 launches of 18 kernels, 60928 weight bytes, 20480 activation bytes per token,

// Tiles of 128 rows by 64 tokens: the head has 128 rows. What is printed can be read again.
// SIMT: llm.weight @output.weight {{.*}} layout "simt32"
// SIMT: rt.kernel @linear_q8_0_128x64_t64 grid <1 x logit_rows by 64>
// SIMT-SAME: resources {tile_rows = 128 : i64, tile_tokens = 64 : i64}
// SIMT: rt.program @decode_2

// Attention of a decode in ranges, of a step whole; what the merge writes, the linear reads.
// SPLIT: rt.kernel @attention_64_f16 grid <{{[0-9]+}} x attention_blocks by 1>
// SPLIT: rt.kernel @attention_part_64_s{{[0-9]+}} grid
// SPLIT: rt.kernel @attention_merge_64_s{{[0-9]+}}_f16 grid
// SPLIT: rt.program @step
// SPLIT: label "attention.0"
// SPLIT: rt.program @decode_1
// SPLIT: label "attention_part.0"
// SPLIT: label "attention_merge"
// SPLIT: label "blk.0.attn_output"
