// RUN: not tawny-opt %s --llm-decide=activations=i4 2>&1 | FileCheck %s --check-prefix=ACTIVATIONS
// RUN: not tawny-opt %s --llm-decide=dequant=staged 2>&1 | FileCheck %s --check-prefix=DEQUANT
// RUN: not tawny-opt %s --llm-decide=kv=i8 2>&1 | FileCheck %s --check-prefix=KV

// ACTIVATIONS: error: expected activations to be f32, f16 or i8, found 'i4'
// KV: error: expected kv to be f16 or f32, found 'i8'
// DEQUANT: error: expected dequant to be fused, found 'staged'
func.func @model() { return }
