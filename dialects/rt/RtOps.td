// Operations of the rt dialect. Constraint labels stand here, in the verifier and in
// tests/dialects/rt/*-errors.mlir.
#ifndef TAWNY_RT_OPS
#define TAWNY_RT_OPS

include "dialects/llm/LlmAttrs.td"
include "dialects/rt/RtAttrs.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class RtOp<string mnemonic, list<Trait> traits = []> : Op<RtDialect, mnemonic, traits>;

def Rt_ExecutableOp : RtOp<"executable", [Symbol, SymbolTable, IsolatedFromAbove,
                                         NoTerminator, SingleBlock]> {
  let summary = "The kernels of one target.";
  let description = [{
    Holds `rt.kernel`s and, once they are lowered, the module with their code (a `builtin.module`
    for a CPU, a `gpu.module` for a GPU).
    ```mlir
    rt.executable @cpu target <"x86-64-v4", layout = "simd16", activations = "i8"> { ... }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, RtTarget:$target);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `target` $target attr-dict-with-keyword $body";
}

def Rt_KernelOp : RtOp<"kernel", [Symbol, IsolatedFromAbove, HasParent<"ExecutableOp">]> {
  let summary = "What a kernel computes, how it is launched, and what it is bound to.";
  let description = [{
    The body holds the `llm` ops that the kernel computes, on block arguments, and ends in
    `rt.return`; equal bodies are one kernel. `bindings` and `grid` are set when the kernel is
    outlined, from its ops and the target's tile shapes.
    ```mlir
    rt.kernel @add_rms_norm_256 grid <1 x tokens by 1>
        bindings [#rt.arg<row_count 0, read>, #rt.arg<operand 0, read>, ...] {
    ^bb0(%a: tensor<?x256xf32>, ...):
      %sum, %norm = llm.add_rms_norm ...
      rt.return %sum, %norm : tensor<?x256xf32>, tensor<?x256xf32>
    }
    ```
    1. kernel_c1: every operand and result that is a tensor has exactly one binding.
    2. kernel_c2: operands are read; results are written, or read and written.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, RtGrid:$grid,
                       TypedArrayAttrBase<RtArgument, "kernel bindings">:$bindings,
                       OptionalAttr<DictionaryAttr>:$resources);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `grid` $grid `bindings` $bindings (`resources` $resources^)? $body attr-dict
  }];
  let hasVerifier = 1;
}

def Rt_ReturnOp : RtOp<"return", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "Ends a kernel's body with its results.";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Rt_DispatchOp : RtOp<"dispatch", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel on tensors that have no place yet.";
  let description = [{
    ```mlir
    %sum, %norm = rt.dispatch @cpu::@add_rms_norm_256(%a, %b, %w) label "blk.0.ffn_norm"
      : (tensor<?x256xf32>, tensor<?x256xf32>, tensor<256xf32>)
      -> (tensor<?x256xf32>, tensor<?x256xf32>)
    ```
    Kernels of equal layers are one; `layer` then says which layer of the KV pool this dispatch
    works on, whatever layer the ops in the kernel's body name.

    1. dispatch_c1: the symbol names a kernel with these operand and result types.
  }];
  let arguments = (ins SymbolRefAttr:$kernel, Variadic<AnyType>:$inputs, StrAttr:$label,
                       OptionalAttr<I64Attr>:$layer);
  let results = (outs Variadic<AnyType>:$outputs);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `label` $label (`layer` $layer^)? attr-dict
    `:` functional-type($inputs, $outputs)
  }];
}

def Rt_ProgramOp : RtOp<"program", [Symbol, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "A straight line of launches with everything in its place.";
  let description = [{
    ```mlir
    rt.program @step on @cpu program <step, tokens = 512, ...> step_layout <...>
        kv <...> arena 1048576 logits 65536 costs {weight_bytes = ...} { rt.launch ... }
    ```
    With `candidates 40 at 4096` the step also leaves the 40 largest logits of each row, as
    `!llm.candidate`, at that offset of the arena.
    1. program_c1: `logits` and `candidates` lie inside the arena.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$executable,
                       LlmProgram:$program, RtStepLayout:$step_layout, RtKvGeometry:$kv,
                       I64Attr:$arena_bytes, I64Attr:$logits_offset,
                       OptionalAttr<I64Attr>:$candidates, OptionalAttr<I64Attr>:$candidates_offset,
                       DictionaryAttr:$costs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `on` $executable `program` $program `step_layout` $step_layout `kv` $kv
    `arena` $arena_bytes `logits` $logits_offset
    (`candidates` $candidates^ `at` $candidates_offset)? `costs` $costs attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
}

def Rt_LaunchOp : RtOp<"launch", [HasParent<"ProgramOp">,
                                 DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel on bindings.";
  let description = [{
    ```mlir
    rt.launch @cpu::@add_rms_norm_256 label "blk.0.ffn_norm" grid <1 x tokens by 1>
      [#rt.bind<step, 0, 64, read, 0, false>, ...]
    ```
    1. launch_c1: the symbol names a kernel with as many bindings.
    2. launch_c2: a binding's offset and bytes are not negative; arena bindings lie in the arena.
    3. launch_c3: a binding names a weight exactly where its space is `weight`.
  }];
  let arguments = (ins SymbolRefAttr:$kernel, StrAttr:$label, RtGrid:$grid,
                       TypedArrayAttrBase<RtBinding, "bindings">:$bindings);
  let assemblyFormat = "$kernel `label` $label `grid` $grid $bindings attr-dict";
}

#endif // TAWNY_RT_OPS
