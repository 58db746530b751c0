// RUN: tawny-opt %s -split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(llm-split-attention{tiles=16}))' \
// RUN:   | FileCheck %s --enable-var-scope
// RUN: tawny-opt %s -split-input-file \
// RUN:   --pass-pipeline='builtin.module(func.func(llm-split-attention{tiles=16 max-context=700}))' \
// RUN:   | FileCheck %s --enable-var-scope --check-prefix=SHORT
// RUN: tawny-opt %s -split-input-file --pass-pipeline='builtin.module( \
// RUN:   func.func(llm-split-attention{same-ranges max-context=700}))' \
// RUN:   | FileCheck %s --enable-var-scope --check-prefix=SAME

// A decode whose attention is split computes what the model does, up to rounding.
// RUN: tawny-opt %S/Inputs/tiny.mlir --llm-specialise=max-batch=2 \
// RUN:   | tawny-interpret --function=decode_2 --tokens=3,9 --positions=0,0 --sequences=0,1 --full \
// RUN:   > %t.whole
// RUN: tawny-opt %S/Inputs/tiny.mlir --pass-pipeline='builtin.module( \
// RUN:   llm-specialise{max-batch=2},func.func(llm-split-attention{tiles=64}))' \
// RUN:   | tawny-interpret --function=decode_2 --tokens=3,9 --positions=0,0 --sequences=0,1 --full \
// RUN:   > %t.split
// RUN: diff %t.whole %t.split

// Two KV heads and one sequence are two tiles, so each context is cut into eight ranges; 700
// positions have no use for more than four of 128.
// CHECK-LABEL: func.func @one
// CHECK-SAME: (%[[Q:.*]]: tensor<?x256xf32>, %[[KV:.*]]: !llm.kv<{{.*}}>, %[[STEP:.*]]: !llm.step)
// CHECK-NEXT: %[[SUMS:.*]], %[[STATE:.*]] = llm.attention_part %[[Q]], %[[KV]], %[[STEP]] layer 1
// CHECK-SAME: scale 1.250000e-01 splits 8 : {{.*}} -> tensor<?x2048xf32>, tensor<?x64xf32>
// CHECK-NEXT: %[[O:.*]] = llm.attention_merge %[[SUMS]], %[[STATE]] splits 8
// CHECK-SAME: -> tensor<?x256xf16>
// CHECK-NEXT: return %[[O]]
// SHORT-LABEL: func.func @one
// SHORT: llm.attention_part {{.*}} splits 4 :
// SHORT: llm.attention_merge {{.*}} splits 4 :
// With the same ranges for all programs, 700 positions are three of 256.
// SAME-LABEL: func.func @one
// SAME: llm.attention_part {{.*}} splits 3 :
// SAME: llm.attention_merge {{.*}} splits 3 :
func.func @one(%q: tensor<?x256xf32>, %kv: !llm.kv<layers = 2, heads = 2, dim = 64>,
               %step: !llm.step) -> tensor<?x256xf16>
    attributes {llm.program = #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1,
                                           block_rows = 1>} {
  %o = llm.attention %q, %kv, %step layer 1 scale 1.25e-1
    : tensor<?x256xf32>, !llm.kv<layers = 2, heads = 2, dim = 64> -> tensor<?x256xf16>
  return %o : tensor<?x256xf16>
}

// A window stays with the ranges, and makes many of them as useless as a short context does.
// CHECK-LABEL: func.func @window
// CHECK: llm.attention_part {{.*}} scale 1.250000e-01 window 300 splits 2 :
// A window of 300 that begins anywhere touches three ranges of 256 at most.
// SAME-LABEL: func.func @window
// SAME: llm.attention_part {{.*}} scale 1.250000e-01 window 300 splits 3 :
func.func @window(%q: tensor<?x256xf32>, %kv: !llm.kv<layers = 2, heads = 2, dim = 64>,
                  %step: !llm.step) -> tensor<?x256xf16>
    attributes {llm.program = #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1,
                                           block_rows = 1>} {
  %o = llm.attention %q, %kv, %step layer 1 scale 1.25e-1 window 300
    : tensor<?x256xf32>, !llm.kv<layers = 2, heads = 2, dim = 64> -> tensor<?x256xf16>
  return %o : tensor<?x256xf16>
}

// Five sequences are ten tiles: two ranges each. With nine there are tiles enough, and one range.
// CHECK-LABEL: func.func @five
// CHECK: llm.attention_part {{.*}} splits 2 :
// CHECK-LABEL: func.func @nine
// CHECK: llm.attention_part {{.*}} splits 1 :
// SAME-LABEL: func.func @nine
// SAME: llm.attention_part {{.*}} splits 3 :
func.func @five(%q: tensor<?x256xf32>, %kv: !llm.kv<layers = 2, heads = 2, dim = 64>,
                %step: !llm.step) -> tensor<?x256xf32>
    attributes {llm.program = #llm.program<decode, tokens = 5, sequences = 5, logit_rows = 5,
                                           block_rows = 1>} {
  %o = llm.attention %q, %kv, %step layer 0 scale 1.25e-1
    : tensor<?x256xf32>, !llm.kv<layers = 2, heads = 2, dim = 64> -> tensor<?x256xf32>
  return %o : tensor<?x256xf32>
}
func.func @nine(%q: tensor<?x256xf32>, %kv: !llm.kv<layers = 2, heads = 2, dim = 64>,
                %step: !llm.step) -> tensor<?x256xf32>
    attributes {llm.program = #llm.program<decode, tokens = 9, sequences = 9, logit_rows = 9,
                                           block_rows = 1>} {
  %o = llm.attention %q, %kv, %step layer 0 scale 1.25e-1
    : tensor<?x256xf32>, !llm.kv<layers = 2, heads = 2, dim = 64> -> tensor<?x256xf32>
  return %o : tensor<?x256xf32>
}

// Blocks of rows are tiles enough. A merge writes what the linear behind it reads.
// CHECK-LABEL: func.func @step
// CHECK: llm.attention %
// CHECK-LABEL: func.func @int8
// CHECK: llm.attention_merge {{.*}} -> tensor<?x256x!llm.a8>
// SAME-LABEL: func.func @step
// SAME: llm.attention %
func.func @step(%q: tensor<?x256xf32>, %kv: !llm.kv<layers = 2, heads = 2, dim = 64>,
                %step: !llm.step) -> tensor<?x256xf32>
    attributes {llm.program = #llm.program<step, tokens = 64, sequences = 1, logit_rows = 1,
                                           block_rows = 16>} {
  %o = llm.attention %q, %kv, %step layer 0 scale 1.25e-1
    : tensor<?x256xf32>, !llm.kv<layers = 2, heads = 2, dim = 64> -> tensor<?x256xf32>
  return %o : tensor<?x256xf32>
}
func.func @int8(%q: tensor<?x256xf32>, %kv: !llm.kv<layers = 2, heads = 2, dim = 64>,
                %step: !llm.step) -> tensor<?x256x!llm.a8>
    attributes {llm.program = #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1,
                                           block_rows = 1>} {
  %o = llm.attention %q, %kv, %step layer 0 scale 1.25e-1
    : tensor<?x256xf32>, !llm.kv<layers = 2, heads = 2, dim = 64> -> tensor<?x256x!llm.a8>
  return %o : tensor<?x256x!llm.a8>
}
