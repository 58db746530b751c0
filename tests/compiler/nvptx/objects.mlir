// Cubins: ptxas assembles the PTX, and what it reports of each kernel is kept.

// REQUIRES: ptxas

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{emit=object output=%t})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FACTS
// RUN: llvm-readobj --file-header --symbols %t | FileCheck %s

// Shared memory is what the launch must give.
// FACTS: remark: linear: {{[0-9]+}} threads, {{[1-9][0-9]*}} vector and 0 scalar registers, 0 spills, 0 bytes of scratch, {{[1-9][0-9]*}} bytes shared, {{[1-9][0-9]*}} bytes of code

// CHECK: OS/ABI: {{.*}}
// CHECK: Machine: EM_CUDA
// CHECK: Name: linear (

rt.executable @gpu target <"sm_90", layout = "simt32", activations = "f32"> {
  rt.kernel @linear grid <9 x one by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<operand 2, read>, #rt.arg<result 0, write>]
      resources {tile_rows = 32 : i64} {
  ^bb0(%x: tensor<?x96xf32>, %w: tensor<264x96x!llm.q8_0>, %b: tensor<264xf32>):
    %y = llm.linear %x weights(%w) at [0] bias(%b) of [0]
      : (tensor<?x96xf32>, tensor<264x96x!llm.q8_0>, tensor<264xf32>) -> tensor<?x264xf32>
    rt.return %y : tensor<?x264xf32>
  }
}
