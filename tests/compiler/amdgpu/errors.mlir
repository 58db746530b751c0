// What has no code on AMD GPUs is refused by the kernel's name.

// RUN: not tawny-opt %s -split-input-file -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{emit=object output=%t})' 2>&1 \
// RUN:   | FileCheck %s
// RUN: not tawny-opt %s -split-input-file -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx999 output=%t})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=CHIP
// RUN: not tawny-opt %s -split-input-file -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{emit=asm output=%t})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TEXT

// CHECK: error: kernel 'two': no emitter yet for a body of several ops on GPUs
// TEXT: warning: kernel 'two' is left out: no emitter yet for a body of several ops on GPUs
// CHIP: error: {{.*}}gfx999
rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @two grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x256xf32>):
    %y = llm.silu %x : tensor<?x256xf32>
    %z = llm.silu %y : tensor<?x256xf32>
    rt.return %z : tensor<?x256xf32>
  }
}

// -----

// CHECK: error: kernel 'norm': no emitter yet for int8 activations on GPUs
rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "i8"> {
  rt.kernel @norm grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x256xf32>, %w: tensor<256xf32>):
    %y = llm.rms_norm %x, %w eps 1.0e-5 : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x256x!llm.a8>
    rt.return %y : tensor<?x256x!llm.a8>
  }
}

// -----

// CHECK: error: kernel 'merge': no emitter yet for int8 activations on GPUs
rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "i8"> {
  rt.kernel @merge grid <2 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%sums: tensor<?x256xf32>, %state: tensor<?x8xf32>):
    %y = llm.attention_merge %sums, %state splits 2
      : tensor<?x256xf32>, tensor<?x8xf32> -> tensor<?x128x!llm.a8>
    rt.return %y : tensor<?x128x!llm.a8>
  }
}

// -----

// CHECK: error: kernel 'grid': expected the grid #rt.grid<2 x one by 1>, found #rt.grid<1 x one by 1>
rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @grid grid <1 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x64xf32>, %w: tensor<40x64xf16>):
    %y = llm.linear %x weights(%w) at [0] : (tensor<?x64xf32>, tensor<40x64xf16>) -> tensor<?x40xf32>
    rt.return %y : tensor<?x40xf32>
  }
}

// -----

// CHECK: error: kernel 'unbound': expected a binding of row_count, found none
rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @unbound grid <2 x one by 1>
      bindings [#rt.arg<operand 0, read>, #rt.arg<operand 1, read>, #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x64xf32>, %w: tensor<40x64xf16>):
    %y = llm.linear %x weights(%w) at [0] : (tensor<?x64xf32>, tensor<40x64xf16>) -> tensor<?x40xf32>
    rt.return %y : tensor<?x40xf32>
  }
}

// -----

// CHECK: error: a kernel calls '__ocml_erf_f32', for which there is no code on AMD GPUs
rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @erf grid <2 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x64xf32>, %w: tensor<40x64xf16>):
    %y = llm.linear %x weights(%w) at [0] epilogue {
    ^bb0(%p: f32):
      %e = math.erf %p : f32
      llm.yield %e : f32
    } : (tensor<?x64xf32>, tensor<40x64xf16>) -> tensor<?x40xf32>
    rt.return %y : tensor<?x40xf32>
  }
}

// -----

// CHECK: error: kernel 'heads': no emitter for heads of 36 elements on GPUs; they must be multiples of 8 up to 256
rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f16"> {
  rt.kernel @heads grid <2 x attention_blocks by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<attention_blocks 0, read>,
                #rt.arg<block_tables 0, read>, #rt.arg<key_pages 0, read>,
                #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%q: tensor<?x72xf32>, %kv: !llm.kv<layers = 1, heads = 2, dim = 36>, %step: !llm.step):
    %o = llm.attention %q, %kv, %step layer 0 scale 0.1
      : tensor<?x72xf32>, !llm.kv<layers = 1, heads = 2, dim = 36> -> tensor<?x72xf32>
    rt.return %o : tensor<?x72xf32>
  }
}
