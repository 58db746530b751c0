// RUN: tawny-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect --rt-plan
// RUN: not tawny-opt %s --split-input-file --allow-unregistered-dialect --rt-plan=max-context=0 2>&1 \
// RUN:   | FileCheck %s --check-prefix=CONTEXT
// RUN: not tawny-opt %s --split-input-file --allow-unregistered-dialect --rt-plan=kv-tokens=-1 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TOKENS
// RUN: not tawny-opt %s --split-input-file --allow-unregistered-dialect --rt-plan=page-tokens=65537 2>&1 \
// RUN:   | FileCheck %s --check-prefix=PAGE

// CONTEXT: error: expected max-context from 1 to 268435456, found 0
// TOKENS: error: expected kv-tokens from 0 to 1099511627776, found -1
// PAGE: error: expected page-tokens from 1 to 65536, found 65537

// expected-error@+1 {{expected functions with llm.program: run llm-specialise first}}
module {
  func.func @model(%step: !llm.step) { return }
}

// -----

#decode = #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
func.func @not_dispatched(%x: tensor<?x8xf32>) -> tensor<?x8xf32>
    attributes {llm.program = #decode} {
  // expected-error@+1 {{is no dispatch: run rt-dispatch first}}
  %y = llm.silu %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

#decode = #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>
// expected-error@+1 {{expects at least one rt.dispatch, found none}}
func.func @empty() attributes {llm.program = #decode} { return }

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

func.func @two_tensors(%step: !llm.step, %kv: !kv) -> (tensor<?x8xf32>, tensor<?x8xf32>)
    attributes {llm.program = #step} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  // expected-error@+1 {{expects one tensor, the logits, found two}}
  return %x, %x : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

func.func @no_tensor(%step: !llm.step, %kv: !kv) -> !kv
    attributes {llm.program = #step} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  // expected-error@+1 {{expects one tensor, the logits, found none}}
  return %kv : !kv
}

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

func.func @argument_as_logits(%step: !llm.step, %kv: !kv, %a: tensor<?x8xf32>) -> tensor<?x8xf32>
    attributes {llm.program = #step} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  // expected-error@+1 {{expects f32 logits that a dispatch makes, found 'tensor<?x8xf32>'}}
  return %a : tensor<?x8xf32>
}

// -----

// A step wants the logits of few of its tokens.
#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

func.func @all_rows(%step: !llm.step, %kv: !kv) -> tensor<?x8xf32>
    attributes {llm.program = #step} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  // expected-error@+1 {{expects logits of 2 rows, found a row for each of 8 tokens: select them with llm.logit_rows}}
  return %x : tensor<?x8xf32>
}

// -----

#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// expected-error@+1 {{expects an argument of !llm.kv, found none}}
func.func @no_pool(%step: !llm.step) -> tensor<?x8xf32>
    attributes {llm.program = #step} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

#decode = #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// expected-error@+1 {{expects one argument of !llm.kv, found two}}
func.func @two_pools(%step: !llm.step, %kv: !kv, %kv2: !kv) -> tensor<?x8xf32>
    attributes {llm.program = #decode} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

#decode = #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
// expected-error@+1 {{expects a layout}}
llm.weight @table : tensor<16x8xf32> at 0
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

func.func @no_layout(%step: !llm.step, %kv: !kv) -> tensor<?x8xf32>
    attributes {llm.program = #decode} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

// Sizes that would overflow are refused, each by what makes it so large.
#decode = #llm.program<decode, tokens = 4611686018427387904, sequences = 4611686018427387904,
    logit_rows = 4611686018427387904, block_rows = 1>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// expected-error@+1 {{expected a step table of at most 4398046511104 bytes}}
func.func @step_table(%step: !llm.step, %kv: !kv) -> tensor<?x8xf32>
    attributes {llm.program = #decode} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

#step = #llm.program<step, tokens = 206158430208, sequences = 1, logit_rows = 206158430208,
    block_rows = 206158430208>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// expected-error@+1 {{expected an arena of at most 4398046511104 bytes, found 6597069766656}}
func.func @arena(%step: !llm.step, %kv: !kv) -> tensor<?x8xf32>
    attributes {llm.program = #step} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

#decode = #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>

!kv = !llm.kv<layers = 1073741824, heads = 1073741824, dim = 8>
llm.weight @table : tensor<16x8xf32> at 0 layout "simd16"
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x8xf32>):
    %y = llm.embed %step, %table : tensor<16x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

// expected-error@+1 {{expected a KV pool of at most 4398046511104 bytes, found 256 pages of 16 tokens of 1073741824 layers}}
func.func @pool(%step: !llm.step, %kv: !kv) -> tensor<?x8xf32>
    attributes {llm.program = #decode} {
  %w = llm.load_weight @table : tensor<16x8xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "x"
    : (!llm.step, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

#decode = #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @attention grid <1 x attention_blocks by 1> bindings [#rt.arg<key_pages 0, read>,
      #rt.arg<result 0, write>] {
  ^bb0(%kv: !kv):
    %y = "test.attention"(%kv) : (!kv) -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
}

func.func @no_layer(%kv: !kv) -> tensor<?x8xf32> attributes {llm.program = #decode} {
  // expected-error@+1 {{expects a layer from 0 to 0}}
  %x = rt.dispatch @kernels::@attention(%kv) label "x" : (!kv) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

// A row of activations that no arena holds.
#decode = #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>

!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @make grid <1 x tokens by 1> bindings [#rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step):
    %y = "test.make"(%step) : (!llm.step) -> tensor<?x4611686018427387905xf32>
    rt.return %y : tensor<?x4611686018427387905xf32>
  }
}

// expected-error@+1 {{expected an arena of at most 4398046511104 bytes}}
func.func @wide(%step: !llm.step, %kv: !kv) -> tensor<?x4611686018427387905xf32>
    attributes {llm.program = #decode} {
  %x = rt.dispatch @kernels::@make(%step) label "x"
    : (!llm.step) -> tensor<?x4611686018427387905xf32>
  return %x : tensor<?x4611686018427387905xf32>
}

// -----

#decode = #llm.program<decode, tokens = 1, sequences = 1, logit_rows = 1, block_rows = 1>

rt.executable @one target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    rt.return %x : tensor<?x8xf32>
  }
}
rt.executable @two target <"u", layout = "simd16", activations = "f32"> {
  rt.kernel @silu grid <1 x tokens by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>):
    rt.return %x : tensor<?x8xf32>
  }
}

func.func @two_targets(%x: tensor<?x8xf32>) -> tensor<?x8xf32>
    attributes {llm.program = #decode} {
  %y = rt.dispatch @one::@silu(%x) label "y" : (tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-error@+1 {{expects a kernel of "one", as the others}}
  %z = rt.dispatch @two::@silu(%y) label "z" : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}
