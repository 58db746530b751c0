// What the verifier of llm.linear refuses; each case bears the label of LlmOps.td.
// RUN: tawny-opt %s -verify-diagnostics -split-input-file

func.func @linear_c1(%x: tensor<?x32xf32>, %w: tensor<8x64xf32>) {
  // expected-error@+1 {{expects weights of 32 columns, as the input has, found 'tensor<8x64xf32>'}}
  %0 = llm.linear %x weights(%w) at [0]
    : (tensor<?x32xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c1_first_rows(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@+1 {{expects one first row for each of 1 weights, found 2}}
  %0 = llm.linear %x weights(%w) at [0, 8]
    : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@+1 {{tile the rows from 0 without a gap; part 1 covers [9, 17)}}
  %0:2 = llm.linear %x weights(%w, %w) at [0, 9]
    : (tensor<?x32xf32>, tensor<8x32xf32>, tensor<8x32xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>)
  return
}

// -----

func.func @linear_c2_paired(%x: tensor<?x32xf32>, %a: tensor<8x32xf32>, %b: tensor<9x32xf32>) {
  // expected-error@+1 {{expects parts that cover the same rows from 0}}
  %0 = llm.linear %x weights(%a, %b) at [0, 0] epilogue {
  ^bb0(%g: f32, %u: f32):
    llm.yield %g : f32
  } : (tensor<?x32xf32>, tensor<8x32xf32>, tensor<9x32xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>, %b: tensor<9xf32>) {
  // expected-error@+1 {{expects a bias of 8 elements for part 0, found 'tensor<9xf32>'}}
  %0 = llm.linear %x weights(%w) at [0] bias(%b) of [0]
    : (tensor<?x32xf32>, tensor<8x32xf32>, tensor<9xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c3_ascends(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>, %b: tensor<8xf32>) {
  // expected-error@+1 {{expects ascending bias parts below 2, found 0 after 1}}
  %0:2 = llm.linear %x weights(%w, %w) at [0, 8] bias(%b, %b) of [1, 0]
    : (tensor<?x32xf32>, tensor<8x32xf32>, tensor<8x32xf32>, tensor<8xf32>, tensor<8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>)
  return
}

// -----

func.func @linear_c4(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@+1 {{expects an epilogue, since its parts cover the same rows}}
  %0 = llm.linear %x weights(%w, %w) at [0, 0]
    : (tensor<?x32xf32>, tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c4_concatenated(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@+1 {{expects no epilogue, since its parts tile the rows}}
  %0:2 = llm.linear %x weights(%w, %w) at [0, 8] epilogue {
  ^bb0(%g: f32, %u: f32):
    llm.yield %g : f32
  } : (tensor<?x32xf32>, tensor<8x32xf32>, tensor<8x32xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>)
  return
}

// -----

func.func @linear_c5(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@+1 {{expects an epilogue of one block with 1 f32 arguments}}
  %0 = llm.linear %x weights(%w) at [0] epilogue {
  ^bb0(%a: f32, %b: f32):
    llm.yield %a : f32
  } : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A value from outside would have to become an operand of the outlined kernel.
func.func @linear_c5_capture(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>, %outside: f32) {
  // expected-error@+1 {{only scalar arith and math on the epilogue's own values, found arith.addf}}
  %0 = llm.linear %x weights(%w) at [0] epilogue {
  ^bb0(%a: f32):
    %b = arith.addf %a, %outside : f32
    llm.yield %b : f32
  } : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c5_yield(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>, %outside: f32) {
  // expected-error@+1 {{expects the epilogue to yield one of its own values}}
  %0 = llm.linear %x weights(%w) at [0] epilogue {
  ^bb0(%a: f32):
    llm.yield %outside : f32
  } : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c6(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>, %r: tensor<?x9xf32>) {
  // expected-error@+1 {{expects what it reads to have the shape of the result, 8 columns}}
  %0 = llm.linear %x weights(%w) at [0] reads(%r) epilogue {
  ^bb0(%a: f32, %b: f32):
    llm.yield %a : f32
  } : (tensor<?x32xf32>, tensor<8x32xf32>, tensor<?x9xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c7(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@+1 {{expects result 0 to have 8 columns, found 'tensor<?x9xf32>'}}
  %0 = llm.linear %x weights(%w) at [0]
    : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x9xf32>
  return
}

// -----

func.func @linear_c7_concatenated(%x: tensor<?x32xf32>, %w: tensor<32x32xf32>) {
  // expected-error@+1 {{expects f32 results of a concatenated linear, found 'tensor<?x32x!llm.a8>'}}
  %0:2 = llm.linear %x weights(%w, %w) at [0, 32]
    : (tensor<?x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>)
    -> (tensor<?x32x!llm.a8>, tensor<?x32xf32>)
  return
}

// -----

func.func @linear_c8(%x: tensor<?x32xf32>, %w: tensor<32x32xf32>, %step: !llm.step,
                     %kv: !llm.kv<layers = 1, heads = 2, dim = 8>) {
  // expected-error@+1 {{expects k and v of the pool's 16 rows}}
  %0:2 = llm.linear %x weights(%w, %w, %w) at [0, 32, 64] state(%step, %kv)
    rope_append <head = 8, rotary = 8, base = 1.0e4, halves> layer 0
    : (tensor<?x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, !llm.step,
       !llm.kv<layers = 1, heads = 2, dim = 8>)
    -> (tensor<?x32xf32>, !llm.kv<layers = 1, heads = 2, dim = 8>)
  return
}

// -----

func.func @linear_c9(%x: tensor<?x32xf32>, %q: tensor<32x32xf32>, %w: tensor<16x32xf32>,
                     %step: !llm.step, %kv: !llm.kv<layers = 1, heads = 2, dim = 8>) {
  // expected-error@+1 {{expects a layer from 0 to 0}}
  %0:2 = llm.linear %x weights(%q, %w, %w) at [0, 32, 48] state(%step, %kv)
    rope_append <head = 8, rotary = 8, base = 1.0e4, halves> layer 1
    : (tensor<?x32xf32>, tensor<32x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, !llm.step,
       !llm.kv<layers = 1, heads = 2, dim = 8>)
    -> (tensor<?x32xf32>, !llm.kv<layers = 1, heads = 2, dim = 8>)
  return
}

// -----

func.func @linear_c9_alone(%x: tensor<?x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error@+1 {{expects no layer without rope_append}}
  %0 = llm.linear %x weights(%w) at [0] {layer = 0 : i64}
    : (tensor<?x32xf32>, tensor<8x32xf32>) -> tensor<?x8xf32>
  return
}
