// RUN: not tawny-opt %s --pass-pipeline='builtin.module(func.func(llm-split-attention{tiles=0}))' \
// RUN:   2>&1 | FileCheck %s
// RUN: not tawny-opt %s \
// RUN:   --pass-pipeline='builtin.module(func.func(llm-split-attention{range-tokens=-3}))' 2>&1 \
// RUN:   | FileCheck %s

// CHECK: error: expected tiles from 1 to 1048576 and positive range-tokens and max-context
func.func @model(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}
