// Code objects: lld links what the installed comgr does not know, comgr the rest. Either way the
// file says which chip it is for, in the version that its drivers read.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 emit=object output=%t.1})'
// RUN: llvm-readobj --file-header --notes %t.1 | FileCheck %s --check-prefixes=CHECK,GFX1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx908 emit=object output=%t.2})'
// RUN: llvm-readobj --file-header --notes %t.2 | FileCheck %s --check-prefixes=CHECK,GFX908
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1201 emit=object output=%t.3})'
// RUN: llvm-readobj --file-header --notes %t.3 | FileCheck %s --check-prefixes=CHECK,GFX1201

// CHECK: OS/ABI: AMDGPU_HSA
// GFX1151: ABIVersion: 3
// GFX908: ABIVersion: 2
// GFX1201: ABIVersion: 3
// CHECK: Type: SharedObject
// GFX1151: EF_AMDGPU_MACH_AMDGCN_GFX1151
// GFX908: EF_AMDGPU_MACH_AMDGCN_GFX908
// GFX1201: EF_AMDGPU_MACH_AMDGCN_GFX1201

// The bindings are all the arguments there are: five addresses and nothing hidden.
// CHECK: .kernarg_segment_size: 40
// CHECK: .name: {{ *}}linear
// CHECK: .reqd_workgroup_size:
// CHECK: .sgpr_spill_count: 0
// CHECK: .vgpr_spill_count: 0

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
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
