// An embedding: a workgroup decodes the row of its token, and nothing else of the table.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx1151 output=%t.gfx1151})'
// RUN: FileCheck %s --check-prefix=RDNA --input-file=%t.gfx1151
// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=gfx906 emit=object output=%t})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FACTS

// Four waves share each block: every quarter has two loads of codes and one of scales, and stores
// 64 weights.
// RDNA-LABEL: q4_k:
// RDNA: s_load_b32
// RDNA-COUNT-3: global_load_b128
// RDNA-COUNT-16: global_store_b128
// RDNA: .amdhsa_kernel q4_k
// RDNA: .amdhsa_private_segment_fixed_size 0

// A row of f16 that no vector fits: element by element.
// RDNA-LABEL: f16_77:
// RDNA: global_load_b128
// RDNA: v_cvt_f32_f16
// RDNA: global_store_b32

// FACTS: remark: q4_k: 256 threads, {{.*}} 0 spills
// FACTS: remark: q6_k: 256 threads, {{.*}} 0 spills
// FACTS: remark: q4_0: 128 threads, {{.*}} 0 spills
// FACTS: remark: q8_0: 64 threads, {{.*}} 0 spills
// FACTS: remark: f16_77: 64 threads, {{.*}} 0 spills
// FACTS: remark: f32: 64 threads, {{.*}} 0 spills

rt.executable @gpu target <"gfx1151", layout = "simt32", activations = "f32"> {
  rt.kernel @q4_k grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %t: tensor<32000x4096x!llm.q4_k>):
    %y = llm.embed %step, %t : tensor<32000x4096x!llm.q4_k> -> tensor<?x4096xf32>
    rt.return %y : tensor<?x4096xf32>
  }
  rt.kernel @q6_k grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %t: tensor<1024x256x!llm.q6_k>):
    %y = llm.embed %step, %t : tensor<1024x256x!llm.q6_k> -> tensor<?x256xf32>
    rt.return %y : tensor<?x256xf32>
  }
  rt.kernel @q4_0 grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %t: tensor<1024x4096x!llm.q4_0>):
    %y = llm.embed %step, %t : tensor<1024x4096x!llm.q4_0> -> tensor<?x4096xf32>
    rt.return %y : tensor<?x4096xf32>
  }
  rt.kernel @q8_0 grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %t: tensor<1024x96x!llm.q8_0>):
    %y = llm.embed %step, %t : tensor<1024x96x!llm.q8_0> -> tensor<?x96xf32>
    rt.return %y : tensor<?x96xf32>
  }
  rt.kernel @f16_77 grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %t: tensor<100x77xf16>):
    %y = llm.embed %step, %t : tensor<100x77xf16> -> tensor<?x77xf32>
    rt.return %y : tensor<?x77xf32>
  }
  rt.kernel @f32 grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<tokens 0, read>, #rt.arg<operand 1, read>,
                #rt.arg<result 0, write>] {
  ^bb0(%step: !llm.step, %t: tensor<100x32xf32>):
    %y = llm.embed %step, %t : tensor<100x32xf32> -> tensor<?x32xf32>
    rt.return %y : tensor<?x32xf32>
  }
}
