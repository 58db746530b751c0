// RUN: tawny-opt %s --llm-specialise="max-batch=3 max-tokens=8 max-logit-rows=5 \
// RUN:   attention-block-rows=4" | FileCheck %s --enable-var-scope
// RUN: tawny-opt %s --llm-specialise="max-batch=4 max-sequences=6 max-tokens=8 max-logit-rows=2 \
// RUN:   attention-block-rows=1" | FileCheck %s --enable-var-scope --check-prefix=RAISED
// RUN: tawny-opt %s --llm-specialise="max-batch=1 max-tokens=8 attention-block-rows=1 candidates=40" \
// RUN:   | FileCheck %s --enable-var-scope --check-prefix=BEST

// The model's query heads come in pairs that share a KV head.
// RUN: tawny-opt %S/Inputs/tiny.mlir --llm-specialise="max-batch=1 attention-query-rows=48" \
// RUN:   | FileCheck %s --check-prefix=ROWS
// ROWS: func.func @step{{.*}}block_rows = 24>

// A decode of one token of each of two sequences computes what the model does.
// RUN: tawny-interpret %S/Inputs/tiny.mlir --tokens=3,9 --positions=0,0 --sequences=0,1 --full \
// RUN:   > %t.model
// RUN: tawny-opt %S/Inputs/tiny.mlir --llm-specialise=max-batch=2 \
// RUN:   | tawny-interpret --function=decode_2 --tokens=3,9 --positions=0,0 --sequences=0,1 --full \
// RUN:   > %t.decode
// RUN: diff %t.model %t.decode

// The original is gone, although it has the name of a program.
// CHECK-NOT: !llm.step
func.func @step(%step: !llm.step, %x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = llm.silu %x : tensor<?x8xf32>
  %z = llm.logit_rows %y, %step : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// The general step keeps its selection of rows.
// CHECK: func.func @step
// CHECK-SAME: llm.program = #llm.program<step, tokens = 8, sequences = 3, logit_rows = 5, block_rows = 4>
// CHECK-NEXT: %[[Y:.*]] = llm.silu
// CHECK-NEXT: %[[Z:.*]] = llm.logit_rows %[[Y]]
// CHECK-NEXT: return %[[Z]]

// In a decode program every row is wanted.
// CHECK: func.func @decode_1
// CHECK-SAME: #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
// CHECK-NEXT: %[[Y1:.*]] = llm.silu
// CHECK-NEXT: return %[[Y1]]

// Buckets double up to max-batch, which is one whether or not it is a power of two.
// CHECK: func.func @decode_2
// CHECK-SAME: #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>
// CHECK: func.func @decode_3
// CHECK-SAME: #llm.program<decode, tokens = 3, sequences = 3, logit_rows = 3, block_rows = 1>
// CHECK-NOT: func.func

// Every sequence of a step may want logits, so there are rows for all of them.
// RAISED: #llm.program<step, tokens = 8, sequences = 6, logit_rows = 6, block_rows = 1>
// RAISED: @decode_1
// RAISED: @decode_2
// RAISED: @decode_4
// RAISED-NOT: func.func

// Every program finds the best of its logits, all 8 here, which are fewer than 40.
// BEST: func.func @step
// BEST-SAME: -> (tensor<?x8xf32>, tensor<?x8x!llm.candidate>)
// BEST: %[[Z:.*]] = llm.logit_rows
// BEST-NEXT: %[[C:.*]] = llm.top_k %[[Z]] : tensor<?x8xf32> -> tensor<?x8x!llm.candidate>
// BEST-NEXT: return %[[Z]], %[[C]]
// BEST: func.func @decode_1
// BEST: %[[Y:.*]] = llm.silu
// BEST-NEXT: %[[C1:.*]] = llm.top_k %[[Y]]
// BEST-NEXT: return %[[Y]], %[[C1]]
