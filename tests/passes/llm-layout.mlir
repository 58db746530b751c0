// RUN: tawny-opt %s --llm-layout | FileCheck %s
// RUN: tawny-opt %s --llm-layout=layout=simt32 | FileCheck %s --check-prefix=SIMT

// Matrices get what was asked for, whatever their format; vectors stay as they are in the file.
// CHECK: @embedding : tensor<64x32x!llm.q8_0> at 0 layout "simd16"
// SIMT: @embedding : tensor<64x32x!llm.q8_0> at 0 layout "simt32"
llm.weight @embedding : tensor<64x32x!llm.q8_0> at 0
// CHECK: @bias : tensor<32xf32> at 4096 layout "rows"
// SIMT: @bias : tensor<32xf32> at 4096 layout "rows"
llm.weight @bias : tensor<32xf32> at 4096
// Another target's layout is replaced.
// CHECK: @output : tensor<64x32xf16> at 8192 layout "simd16"
// SIMT: @output : tensor<64x32xf16> at 8192 layout "simt32"
llm.weight @output : tensor<64x32xf16> at 8192 layout "simt32"
