// RUN: tawny-opt %s --split-input-file --verify-diagnostics \
// RUN:   --llm-specialise="max-batch=4 max-tokens=2"

// More sequences than tokens: each sequence of a step has at least one.
// expected-error@+1 {{expected max-sequences from 1 to 2, found 4}}
module {
  func.func @model(%step: !llm.step) { return }
}

// -----

// expected-error@+1 {{expected a function that takes !llm.step: import a model first}}
module {
  func.func @other(%x: tensor<?x8xf32>) { return }
}

// -----

// expected-note@+1 {{the first is here}}
func.func @one(%step: !llm.step) { return }
// expected-error@+1 {{is a second function that takes !llm.step; expected one model}}
func.func @two(%step: !llm.step) { return }
