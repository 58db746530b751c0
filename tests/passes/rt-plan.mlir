// RUN: tawny-opt %s --split-input-file \
// RUN:   --rt-plan="max-context=40 kv-tokens=20 page-tokens=16" --rt-verify-program \
// RUN:   | FileCheck %s --enable-var-scope

// A step of 8 tokens of 2 sequences. Its table: 16 counts, three arrays of 8 tokens, min(8, 2 + 8/4)
// blocks of 4 integers, 2 sequences of 40/16 pages, 2 logit rows; each starts at a multiple of 64.
// The pool: two pages hold 20 tokens.
!kv = !llm.kv<layers = 2, heads = 1, dim = 8>
#step = #llm.program<step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>

llm.weight @embed : tensor<20x8xf32> at 0 layout "simd16"
llm.weight @norm : tensor<8xf32> at 640 layout "rows"
llm.weight @head : tensor<20x8xf32> at 704 layout "simd16"

rt.executable @kernels target <"t", layout = "simd16", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<20x8xf32>):
    %y = llm.embed %step, %table : tensor<20x8xf32> -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
  rt.kernel @append grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<kv_slots 0, read>, #rt.arg<key_pages 0, read_write>,
      #rt.arg<value_pages 0, read_write>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>] {
  ^bb0(%kv: !kv, %k: tensor<?x8xf32>, %v: tensor<?x8xf32>, %step: !llm.step):
    %kv1 = llm.kv_append %kv, %k, %v, %step layer 0 : !kv, tensor<?x8xf32>
    rt.return %kv1 : !kv
  }
  rt.kernel @attention grid <1 x attention_blocks by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<attention_blocks 0, read>, #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
      #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%q: tensor<?x8xf32>, %kv: !kv, %step: !llm.step):
    %y = llm.attention %q, %kv, %step layer 0 scale 1.0
      : tensor<?x8xf32>, !kv -> tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
  rt.kernel @rows grid <1 x logit_rows by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<logit_rows 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>, %step: !llm.step):
    %y = llm.logit_rows %x, %step : tensor<?x8xf32>
    rt.return %y : tensor<?x8xf32>
  }
  rt.kernel @add_norm grid <1 x logit_rows by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>,
      #rt.arg<result 0, write>, #rt.arg<result 1, write>] {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %w: tensor<8xf32>):
    %sum, %norm = llm.add_rms_norm %a, %b, %w eps 1.0e-5
      : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    rt.return %sum, %norm : tensor<?x8xf32>, tensor<?x8xf32>
  }
  rt.kernel @head grid <2 x one by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x8xf32>, %w: tensor<20x8xf32>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x8xf32>, tensor<20x8xf32>) -> tensor<?x20xf32>
    rt.return %y : tensor<?x20xf32>
  }
}

// CHECK-LABEL: rt.program @step on @kernels
// CHECK-SAME: program <step, tokens = 8, sequences = 2, logit_rows = 2, block_rows = 4>
// CHECK-SAME: step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192,
// CHECK-SAME:   attentionBlocks = 256, blockTables = 320, logitRows = 384,
// CHECK-SAME:   maxAttentionBlocks = 4, maxPages = 3, bytes = 448>
// CHECK-SAME: kv <layers = 2, heads = 1, headDim = 8, pageTokens = 16, pages = 2>

// Of the weights the norm (32 bytes) and the head (2 tiles of 16 rows) are read in full; both tables
// (1024 bytes each), the norm, the pool (2 * 2 * 2 * 256), arena and step table are the peak.
// CHECK-SAME: arena 512 logits 0
// CHECK-SAME: costs {operations_per_logit_row = 320 : i64, operations_per_token = 0 : i64,
// CHECK-SAME:   peak_bytes = 5088 : i64, weight_bytes = 1056 : i64}
func.func @step(%step: !llm.step, %kv: !kv) -> (tensor<?x20xf32>, !kv)
    attributes {llm.program = #step} {
  %we = llm.load_weight @embed : tensor<20x8xf32>
  %wn = llm.load_weight @norm : tensor<8xf32>
  %wh = llm.load_weight @head : tensor<20x8xf32>

  // A row of 8 floats is 32 bytes.
  // CHECK: rt.launch @kernels::@embed label "embed" grid <1 x tokens by 1>
  // CHECK-SAME: [#rt.bind<step, 0, 4, read, 0, false>, #rt.bind<step, 64, 32, read, 0, false>,
  // CHECK-SAME:  #rt.bind<weight @embed, 0, 1024, read, 0, false>,
  // CHECK-SAME:  #rt.bind<arena, 0, 256, write, 32, true>]
  %x = rt.dispatch @kernels::@embed(%step, %we) label "embed"
    : (!llm.step, tensor<20x8xf32>) -> tensor<?x8xf32>

  // Layer 1 begins after layer 0's two pages of keys and two of values.
  // CHECK: rt.launch @kernels::@append label "append.1"
  // CHECK-SAME: #rt.bind<step, 192, 32, read, 0, false>, #rt.bind<kv, 1024, 512, read_write, 0, false>,
  // CHECK-SAME: #rt.bind<kv, 1536, 512, read_write, 0, false>, #rt.bind<arena, 0, 256, read, 32, true>,
  // CHECK-SAME: #rt.bind<arena, 0, 256, read, 32, true>]
  %kv1 = rt.dispatch @kernels::@append(%kv, %x, %x, %step) label "append.1" layer 1
    : (!kv, tensor<?x8xf32>, tensor<?x8xf32>, !llm.step) -> !kv

  // The result lies apart from the input, although this is the input's last use but one.
  // CHECK: rt.launch @kernels::@attention label "attention.1"
  // CHECK-SAME: #rt.bind<step, 256, 64, read, 0, false>, #rt.bind<step, 320, 24, read, 0, false>,
  // CHECK-SAME: #rt.bind<kv, 1024, 512, read, 0, false>, #rt.bind<kv, 1536, 512, read, 0, false>,
  // CHECK-SAME: #rt.bind<arena, 0, 256, read, 32, true>, #rt.bind<arena, 256, 256, write, 32, true>]
  %a = rt.dispatch @kernels::@attention(%x, %kv1, %step) label "attention.1" layer 1
    : (tensor<?x8xf32>, !kv, !llm.step) -> tensor<?x8xf32>

  // From here on rows are wanted logits: two rows, counted by the third of the counts.
  // CHECK: rt.launch @kernels::@rows
  // CHECK-SAME: [#rt.bind<step, 8, 4, read, 0, false>, #rt.bind<step, 384, 8, read, 0, false>,
  // CHECK-SAME:  #rt.bind<arena, 256, 256, read, 32, true>, #rt.bind<arena, 0, 64, write, 32, true>]
  %l = rt.dispatch @kernels::@rows(%a, %step) label "rows"
    : (tensor<?x8xf32>, !llm.step) -> tensor<?x8xf32>

  // The sum has no reader, but it is written, so it has a place of its own.
  // CHECK: rt.launch @kernels::@add_norm
  // CHECK-SAME: #rt.bind<arena, 0, 64, read, 32, true>, #rt.bind<arena, 0, 64, read, 32, true>,
  // CHECK-SAME: #rt.bind<weight @norm, 0, 32, read, 0, false>,
  // CHECK-SAME: #rt.bind<arena, 64, 64, write, 32, true>, #rt.bind<arena, 192, 64, write, 32, true>]
  %sum, %norm = rt.dispatch @kernels::@add_norm(%l, %l, %wn) label "norm"
    : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>)

  // The logits, which are larger than the norm, had their place first.
  // CHECK: rt.launch @kernels::@head label "head" grid <2 x one by 1>
  // CHECK-SAME: [#rt.bind<step, 8, 4, read, 0, false>, #rt.bind<arena, 192, 64, read, 32, true>,
  // CHECK-SAME:  #rt.bind<weight @head, 0, 1024, read, 0, false>,
  // CHECK-SAME:  #rt.bind<arena, 0, 160, write, 80, true>]
  %y = rt.dispatch @kernels::@head(%norm, %wh) label "head"
    : (tensor<?x8xf32>, tensor<20x8xf32>) -> tensor<?x20xf32>
  return %y, %kv1 : tensor<?x20xf32>, !kv
}

// -----

// Rows of int8 are 32 codes, a scale, a sum of 32 and two of 16: 48 bytes, padded to 64. A head that
// is the embedding too is read in full.
!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
#decode = #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>

llm.weight @embed : tensor<16x32x!llm.q8_0> at 0 layout "simd16"

rt.executable @kernels target <"t", layout = "simd16", activations = "i8"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x32x!llm.q8_0>):
    %y = llm.embed %step, %table : tensor<16x32x!llm.q8_0> -> tensor<?x32xf32>
    rt.return %y : tensor<?x32xf32>
  }
  rt.kernel @quantize grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x32xf32>):
    %y = llm.quantize %x : tensor<?x32xf32> -> tensor<?x32x!llm.a8>
    rt.return %y : tensor<?x32x!llm.a8>
  }
  rt.kernel @head grid <1 x one by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x32x!llm.a8>, %w: tensor<16x32x!llm.q8_0>):
    %y = llm.linear %x weights(%w) at [0]
      : (tensor<?x32x!llm.a8>, tensor<16x32x!llm.q8_0>) -> tensor<?x16xf32>
    rt.return %y : tensor<?x16xf32>
  }
}

// In a decode every token wants logits: the head is still counted by logit rows. The table is read
// once, 576 bytes, and stored once: so much of the peak beside 1024 of the pool, the arena and the
// step table.
// CHECK-LABEL: rt.program @decode_2
// CHECK-SAME: maxAttentionBlocks = 2, maxPages = 3, bytes = 448>
// CHECK-SAME: arena 384
// CHECK-SAME: operations_per_logit_row = 1024 : i64, operations_per_token = 0 : i64,
// CHECK-SAME: peak_bytes = 2432 : i64, weight_bytes = 576 : i64
func.func @decode_2(%step: !llm.step, %kv: !kv) -> tensor<?x16xf32>
    attributes {llm.program = #decode} {
  %w = llm.load_weight @embed : tensor<16x32x!llm.q8_0>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "embed"
    : (!llm.step, tensor<16x32x!llm.q8_0>) -> tensor<?x32xf32>
  // CHECK: @quantize
  // CHECK-SAME: #rt.bind<arena, 0, 256, read, 128, true>
  // CHECK-SAME: #rt.bind<arena, 256, 128, write, 64, false>
  %q = rt.dispatch @kernels::@quantize(%x) label "quantize"
    : (tensor<?x32xf32>) -> tensor<?x32x!llm.a8>
  %y = rt.dispatch @kernels::@head(%q, %w) label "embed"
    : (tensor<?x32x!llm.a8>, tensor<16x32x!llm.q8_0>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// Candidates are 8 bytes each, and stay until the end beside the logits.
!kv = !llm.kv<layers = 1, heads = 1, dim = 8>
#decode = #llm.program<decode, tokens = 2, sequences = 2, logit_rows = 2, block_rows = 1>

llm.weight @embed : tensor<16x32xf32> at 0 layout "simt32"

rt.executable @kernels target <"t", layout = "simt32", activations = "f32"> {
  rt.kernel @embed grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %table: tensor<16x32xf32>):
    %y = llm.embed %step, %table : tensor<16x32xf32> -> tensor<?x32xf32>
    rt.return %y : tensor<?x32xf32>
  }
  rt.kernel @top_k grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>,
      #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x32xf32>):
    %y = llm.top_k %x : tensor<?x32xf32> -> tensor<?x5x!llm.candidate>
    rt.return %y : tensor<?x5x!llm.candidate>
  }
}

// CHECK-LABEL: rt.program @decode_2
// CHECK-SAME: arena 384 logits 0 candidates 5 at 256 costs
func.func @decode_2(%step: !llm.step, %kv: !kv) -> (tensor<?x32xf32>, tensor<?x5x!llm.candidate>)
    attributes {llm.program = #decode} {
  %w = llm.load_weight @embed : tensor<16x32xf32>
  %x = rt.dispatch @kernels::@embed(%step, %w) label "embed"
    : (!llm.step, tensor<16x32xf32>) -> tensor<?x32xf32>
  // CHECK: @top_k
  // CHECK-SAME: #rt.bind<arena, 0, 256, read, 128, true>
  // CHECK-SAME: #rt.bind<arena, 256, 80, write, 40, false>
  %c = rt.dispatch @kernels::@top_k(%x) label "top_k"
    : (tensor<?x32xf32>) -> tensor<?x5x!llm.candidate>
  return %x, %c : tensor<?x32xf32>, tensor<?x5x!llm.candidate>
}
