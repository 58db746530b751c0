// RUN: not tawny-opt %s --llm-layout=layout=tiled 2>&1 | FileCheck %s
// RUN: not tawny-opt %s --llm-layout=layout=rows 2>&1 | FileCheck %s --check-prefix=ROWS

// CHECK: error: expected layout to be simd16 or simt32, found 'tiled'
// No kernel reads matrices in source order.
// ROWS: error: expected layout to be simd16 or simt32, found 'rows'
llm.weight @w : tensor<32xf32> at 0
