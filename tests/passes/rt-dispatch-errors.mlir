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
