// RUN: tawny-opt %s --split-input-file --verify-diagnostics --rt-dispatch
// RUN: not tawny-opt %s --split-input-file --rt-dispatch=layout=rows 2>&1 \
// RUN:   | FileCheck %s --check-prefix=LAYOUT
// RUN: not tawny-opt %s --split-input-file --rt-dispatch=activations=i4 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ACTIVATIONS

// LAYOUT: error: expected layout to be simd16 or simt32, found 'rows'
// ACTIVATIONS: error: expected activations to be f32, f16 or i8, found 'i4'

// expected-error@+1 {{expected functions with llm.program: run llm-specialise first}}
module {
  func.func @model(%step: !llm.step) { return }
}

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>
func.func @step(%step: !llm.step, %x: tensor<?x8xf32>) attributes {llm.program = #step} {
  %y = llm.logit_rows %x, %step : tensor<?x8xf32>
  // expected-error@+1 {{expects operands with a row for each token or for each wanted logit, found both}}
  %z = arith.addf %x, %y : tensor<?x8xf32>
  return
}

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>
func.func @step(%x: tensor<?x8xf32>) attributes {llm.program = #step} {
  %c0 = arith.constant 0 : index // expected-error {{cannot become a kernel}}
  return
}

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>
// expected-error@+1 {{expects a body of one block}}
func.func @step(%x: tensor<?x8xf32>) attributes {llm.program = #step} {
  cf.br ^bb1
^bb1:
  return
}

// -----

// Weights are expanded nowhere unless that was decided, and so far nothing may decide it.
#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>
llm.weight @w : tensor<4x32x!llm.q5_1> at 0
func.func @step(%x: tensor<?x32xf32>) attributes {llm.program = #step} {
  %w = llm.load_weight @w : tensor<4x32x!llm.q5_1>
  // expected-error@+1 {{expects llm.dequant = "fused" beside weights of '!llm.q5_1', found none: run llm-decide first, no weight is expanded undecided}}
  %y = llm.linear %x weights(%w) at [0]
    : (tensor<?x32xf32>, tensor<4x32x!llm.q5_1>) -> tensor<?x4xf32>
  return
}

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>
llm.weight @w : tensor<4x32x!llm.iq4_nl> at 0
func.func @step(%x: tensor<?x32xf32>) attributes {llm.program = #step} {
  %w = llm.load_weight @w : tensor<4x32x!llm.iq4_nl>
  // expected-error@+1 {{expects llm.dequant = "fused" beside weights of '!llm.iq4_nl', found "materialised", which no kernel does}}
  %y = llm.linear %x weights(%w) at [0] {llm.dequant = "materialised"}
    : (tensor<?x32xf32>, tensor<4x32x!llm.iq4_nl>) -> tensor<?x4xf32>
  return
}
