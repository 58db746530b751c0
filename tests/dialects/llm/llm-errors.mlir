// What the verifiers of the llm dialect refuse; each case bears the label of LlmOps.td. Those of
// llm.linear are in linear-errors.mlir.
// RUN: tawny-opt %s -verify-diagnostics -split-input-file

// expected-error@+1 {{expects a static shape of rank 1 or 2}}
llm.weight @weight_c1 : tensor<?x256xf16> at 0

// -----

// expected-error@+1 {{expects rows of whole blocks of 256 elements, found 264 columns}}
llm.weight @weight_c2 : tensor<4x264x!llm.q4_k> at 0

// -----

// expected-error@+1 {{expects an offset that is not negative, found -1}}
llm.weight @weight_c3 : tensor<4xf32> at -1

// -----

llm.weight @w : tensor<4xf32> at 0
func.func @load_weight_c1() {
  // expected-error@+1 {{expects the weight's type 'tensor<4xf32>', found 'tensor<5xf32>'}}
  %0 = llm.load_weight @w : tensor<5xf32>
  return
}

// -----

func.func @load_weight_c1_no_weight() {
  // expected-error@+1 {{expects @load_weight_c1_no_weight to name an llm.weight}}
  %0 = llm.load_weight @load_weight_c1_no_weight : tensor<4xf32>
  return
}

// -----

func.func @embed_c1(%step: !llm.step, %table: tensor<8x16xf32>) {
  // expected-error@+1 {{expects as many columns in the result as in the table}}
  %0 = llm.embed %step, %table : tensor<8x16xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<?x16xf32>, %w: tensor<8xf32>) {
  // expected-error@+1 {{expects the weight to have 16 columns, found 'tensor<8xf32>'}}
  %0 = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x16xf32>, tensor<8xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x16xf32>, %w: tensor<16xf32>) {
  // expected-error@+1 {{expects a positive and finite eps}}
  %0 = llm.rms_norm %x, %w eps 0.0 : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @add_rms_norm_c1(%x: tensor<?x32xf32>, %w: tensor<32xf32>) {
  // expected-error@+1 {{expects the norm to have 32 columns, found 'tensor<?x64x!llm.a8>'}}
  %0:2 = llm.add_rms_norm %x, %x, %w eps 1.0e-5
    : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x64x!llm.a8>
  return
}

// -----

func.func @add_rms_norm_c2(%x: tensor<?x32xf32>, %w: tensor<32xf32>) {
  // expected-error@+1 {{expects a positive and finite eps}}
  %0:2 = llm.add_rms_norm %x, %x, %w eps 0x7FF0000000000000
    : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  return
}

// -----

func.func @quantize_c1(%x: tensor<?x40xf32>) {
  // expected-error@+1 {{expects a multiple of 32 columns, found 40}}
  %0 = llm.quantize %x : tensor<?x40xf32> -> tensor<?x40x!llm.a8>
  return
}

// -----

func.func @rope_c1(%x: tensor<?x40xf32>, %step: !llm.step) {
  // expected-error@+1 {{expects a whole number of heads of 16, found 40 columns}}
  %0 = llm.rope %x, %step <head = 16, rotary = 16, base = 1.0e4, halves> : tensor<?x40xf32>
  return
}

// -----

func.func @kv_append_c1(%kv: !llm.kv<layers = 1, heads = 2, dim = 16>, %k: tensor<?x16xf32>,
                        %step: !llm.step) {
  // expected-error@+1 {{expects k and v to have 32 columns}}
  %0 = llm.kv_append %kv, %k, %k, %step layer 0
    : !llm.kv<layers = 1, heads = 2, dim = 16>, tensor<?x16xf32>
  return
}

// -----

func.func @kv_append_c2(%kv: !llm.kv<layers = 1, heads = 2, dim = 16>, %k: tensor<?x32xf32>,
                        %step: !llm.step) {
  // expected-error@+1 {{expects a layer from 0 to 0, found 1}}
  %0 = llm.kv_append %kv, %k, %k, %step layer 1
    : !llm.kv<layers = 1, heads = 2, dim = 16>, tensor<?x32xf32>
  return
}

// -----

func.func @attention_c1(%kv: !llm.kv<layers = 1, heads = 2, dim = 16>, %q: tensor<?x48xf32>,
                        %step: !llm.step) {
  // expected-error@+1 {{expects a multiple of the pool's 32 columns, found 48}}
  %0 = llm.attention %q, %kv, %step layer 0 scale 0.25
    : tensor<?x48xf32>, !llm.kv<layers = 1, heads = 2, dim = 16> -> tensor<?x48xf32>
  return
}

// -----

func.func @attention_c2(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                        %step: !llm.step) {
  // expected-error@+1 {{expects a layer from 0 to 2, found -1}}
  %0 = llm.attention %q, %kv, %step layer -1 scale 0.25
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c3(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                        %step: !llm.step) {
  // expected-error@+1 {{expects a positive and finite scale}}
  %0 = llm.attention %q, %kv, %step layer 0 scale -0.25
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_c4(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                        %step: !llm.step) {
  // expected-error@+1 {{expects a positive window, found 0}}
  %0 = llm.attention %q, %kv, %step layer 0 scale 0.25 window 0
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_part_c1(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x48xf32>,
                             %step: !llm.step) {
  // expected-error@+1 {{expects a multiple of the pool's 32 columns, found 48}}
  %0:2 = llm.attention_part %q, %kv, %step layer 0 scale 0.25 splits 2
    : tensor<?x48xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x128xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @attention_part_c2(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                             %step: !llm.step) {
  // expected-error@+1 {{expects a layer from 0 to 2, found 3}}
  %0:2 = llm.attention_part %q, %kv, %step layer 3 scale 0.25 splits 2
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x128xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @attention_part_c3(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                             %step: !llm.step) {
  // expected-error@+1 {{expects a positive and finite scale}}
  %0:2 = llm.attention_part %q, %kv, %step layer 0 scale -0.25 splits 2
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x128xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @attention_part_c4(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                             %step: !llm.step) {
  // expected-error@+1 {{expects 1 to 256 splits, found 0}}
  %0:2 = llm.attention_part %q, %kv, %step layer 0 scale 0.25 splits 0
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x128xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @attention_part_c5(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                             %step: !llm.step) {
  // expected-error@+1 {{expects sums to have 128 columns, found }}
  %0:2 = llm.attention_part %q, %kv, %step layer 0 scale 0.25 splits 2
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x64xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @attention_part_c5_state(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                             %step: !llm.step) {
  // expected-error@+1 {{expects state to have 16 columns, found }}
  %0:2 = llm.attention_part %q, %kv, %step layer 0 scale 0.25 splits 2
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16> -> tensor<?x128xf32>, tensor<?x8xf32>
  return
}

// -----

func.func @attention_part_c6(%kv: !llm.kv<layers = 3, heads = 2, dim = 16>, %q: tensor<?x64xf32>,
                             %step: !llm.step) {
  // expected-error@+1 {{expects a positive window, found -4}}
  %0:2 = llm.attention_part %q, %kv, %step layer 0 scale 0.25 window -4 splits 2
    : tensor<?x64xf32>, !llm.kv<layers = 3, heads = 2, dim = 16>
    -> tensor<?x128xf32>, tensor<?x8xf32>
  return
}

// -----

func.func @attention_merge_c1(%sums: tensor<?x128xf32>, %state: tensor<?x16xf32>) {
  // expected-error@+1 {{expects 1 to 256 splits, found 257}}
  %0 = llm.attention_merge %sums, %state splits 257
    : tensor<?x128xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_merge_c2(%sums: tensor<?x64xf32>, %state: tensor<?x16xf32>) {
  // expected-error@+1 {{expects sums to have 128 columns, found }}
  %0 = llm.attention_merge %sums, %state splits 2
    : tensor<?x64xf32>, tensor<?x16xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_merge_c3(%sums: tensor<?x128xf32>, %state: tensor<?x12xf32>) {
  // expected-error@+1 {{expects state to have 4 columns for each of some heads that divide 64 columns, found 12}}
  %0 = llm.attention_merge %sums, %state splits 2
    : tensor<?x128xf32>, tensor<?x12xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @attention_merge_c3_rest(%sums: tensor<?x128xf32>, %state: tensor<?x18xf32>) {
  // expected-error@+1 {{expects state to have 4 columns for each of some heads that divide 64 columns, found 18}}
  %0 = llm.attention_merge %sums, %state splits 2
    : tensor<?x128xf32>, tensor<?x18xf32> -> tensor<?x64xf32>
  return
}

// -----

// Types and attributes check themselves.
// expected-error@+1 {{expects positive layers, heads and dim, found 0, 2 and 16}}
func.func private @kv(!llm.kv<layers = 0, heads = 2, dim = 16>)

// -----

// expected-error@+1 {{expects an even rotary from 2 to head = 16, found 18}}
func.func private @rope() attributes {a = #llm.rope<head = 16, rotary = 18, base = 1.0e4, halves>}

// -----

// expected-error@+1 {{expects a positive and finite base}}
func.func private @base() attributes {a = #llm.rope<head = 16, rotary = 16, base = -1.0, halves>}

// -----

// expected-error@+2 {{expects a divisor for each of rotary / 2 = 2 pairs, found 3}}
func.func private @divisors() attributes {
  a = #llm.rope<head = 16, rotary = 4, base = 1.0e4, halves, divisors = [1.0, 2.0, 4.0]>
}

// -----

// expected-error@+2 {{expects positive and finite divisors}}
func.func private @divisor() attributes {
  a = #llm.rope<head = 16, rotary = 4, base = 1.0e4, halves, divisors = [1.0, 0.0]>
}

// -----

// expected-error@+2 {{expects a positive and finite magnitude}}
func.func private @magnitude() attributes {
  a = #llm.rope<head = 16, rotary = 4, base = 1.0e4, halves magnitude = -1.0>
}

// -----

// expected-error@+2 {{expects at most as many sequences (9) and logit rows (8) as tokens (8)}}
func.func private @program() attributes {
  a = #llm.program<step, tokens = 8, sequences = 9, logit_rows = 8, block_rows = 8>
}

// -----

// expected-error@+2 {{expects one token for each sequence and one block row in a decode}}
func.func private @decode() attributes {
  a = #llm.program<decode, tokens = 8, sequences = 8, logit_rows = 8, block_rows = 8>
}

// -----

// expected-error@+1 {{expects elements of 16 or 32 bits, found 8}}
func.func private @pool_bits(!llm.kv<layers = 1, heads = 2, dim = 16, bits = 8>)

// -----

func.func @top_k_c1(%x: tensor<?x40xf32>) {
  // expected-error@+1 {{expects 1 to 40 candidates, found 41}}
  %0 = llm.top_k %x : tensor<?x40xf32> -> tensor<?x41x!llm.candidate>
  return
}

// -----

func.func @top_k_c1_most(%x: tensor<?x400xf32>) {
  // expected-error@+1 {{expects 1 to 64 candidates, found 65}}
  %0 = llm.top_k %x : tensor<?x400xf32> -> tensor<?x65x!llm.candidate>
  return
}
