// The largest logits of a row, as PTX: what differs from AMD GPUs.

// RUN: tawny-opt %s -o /dev/null \
// RUN:   --pass-pipeline='builtin.module(tawny-compile{target=sm_80 output=%t})'
// RUN: FileCheck %s --input-file=%t

// A lane's keys are compared as 64 bits, those of the warp half by half: the largest logit, then the
// lowest token of those that have it, each one instruction.
// CHECK: .visible .entry best(
// CHECK: ld.global{{(.nc)?}}.v4.b32
// CHECK: max.u64
// CHECK-COUNT-2: redux.sync.max.u32

// Warps tell each other of their best, and each finds the largest of all.
// CHECK: st.shared.b64
// CHECK: bar.sync 0;
// CHECK: ld.shared.b64
// CHECK-COUNT-2: redux.sync.max.u32
// CHECK: st.global.v2.b32
// CHECK-NOT: shfl.sync

rt.executable @gpu target <"sm_80", layout = "simt32", activations = "f16"> {
  rt.kernel @best grid <1 x tokens by 1>
      bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, #rt.arg<result 0, write>] {
  ^bb0(%x: tensor<?x32000xf32>):
    %y = llm.top_k %x : tensor<?x32000xf32> -> tensor<?x40x!llm.candidate>
    rt.return %y : tensor<?x40x!llm.candidate>
  }
}
