// Attributes of the rt dialect.
#ifndef TAWNY_RT_ATTRS
#define TAWNY_RT_ATTRS

include "dialects/rt/RtDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class RtEnum<string enumName, string text, list<I32EnumAttrCase> enumCases>
    : I32EnumAttr<enumName, text, enumCases> {
  let cppNamespace = "::tawny::rt";
}

class RtAttr<string attrName, string attrMnemonic> : AttrDef<RtDialect, attrName> {
  let mnemonic = attrMnemonic;
}

def RtExtent : RtEnum<"Extent", "what the number of tiles grows with", [
  I32EnumAttrCase<"One", 0, "one">, I32EnumAttrCase<"Tokens", 1, "tokens">,
  I32EnumAttrCase<"Sequences", 2, "sequences">, I32EnumAttrCase<"LogitRows", 3, "logit_rows">,
  I32EnumAttrCase<"AttentionBlocks", 4, "attention_blocks">]>;

def RtGrid : RtAttr<"Grid", "grid"> {
  let summary = "a launch has fixed * ceil(extent / divisor) tiles";
  let parameters = (ins "int64_t":$fixed, "::tawny::rt::Extent":$extent, "int64_t":$divisor);
  let assemblyFormat = "`<` $fixed `x` $extent `by` $divisor `>`";
  let genVerifyDecl = 1;
}

def RtAccess : RtEnum<"Access", "what a kernel does to a binding", [
  I32EnumAttrCase<"Read", 0, "read">, I32EnumAttrCase<"Write", 1, "write">,
  I32EnumAttrCase<"ReadWrite", 2, "read_write">]>;

/// The arrays of the step table (runtime/artifact.fbs, StepLayout), the two halves of a KV layer,
/// and the tensors of the kernel's own signature.
def RtSource : RtEnum<"Source", "what a kernel's binding is", [
  I32EnumAttrCase<"Operand", 0, "operand">, I32EnumAttrCase<"Result", 1, "result">,
  I32EnumAttrCase<"RowCount", 2, "row_count">, I32EnumAttrCase<"BlockCount", 3, "block_count">,
  I32EnumAttrCase<"Tokens", 4, "tokens">, I32EnumAttrCase<"Positions", 5, "positions">,
  I32EnumAttrCase<"KvSlots", 6, "kv_slots">,
  I32EnumAttrCase<"AttentionBlocks", 7, "attention_blocks">,
  I32EnumAttrCase<"BlockTables", 8, "block_tables">, I32EnumAttrCase<"LogitRows", 9, "logit_rows">,
  I32EnumAttrCase<"KeyPages", 10, "key_pages">, I32EnumAttrCase<"ValuePages", 11, "value_pages">]>;

def RtArgument : RtAttr<"Argument", "arg"> {
  let summary = "one binding of a kernel: what it is and what the kernel does to it";
  let description = [{
    `index` counts operands or results of the kernel where `source` is one of them and is 0
    elsewhere. `row_count` is the i32 number of rows of the kernel's activations.
  }];
  let parameters = (ins "::tawny::rt::Source":$source, "int64_t":$index,
                        "::tawny::rt::Access":$access);
  let assemblyFormat = "`<` $source $index `,` $access `>`";
}

def RtSpace : RtEnum<"Space", "where a binding lies", [
  I32EnumAttrCase<"Weight", 0, "weight">, I32EnumAttrCase<"Arena", 1, "arena">,
  I32EnumAttrCase<"Kv", 2, "kv">, I32EnumAttrCase<"Step", 3, "step">,
  I32EnumAttrCase<"Resident", 4, "resident">]>;

/// A weight's symbol or nothing: what follows the space decides.
def RtWeightSymbol : OptionalParameter<"::mlir::FlatSymbolRefAttr"> {
  let parser = "::tawny::rt::parseWeightSymbol($_parser)";
}

def RtBinding : RtAttr<"Binding", "bind"> {
  let summary = "bytes [offset, offset + bytes) of a space";
  let description = [{
    `weight` is the symbol of the weight where the space is one, else null. `rowBytes` is not 0 for
    an activation: its rows follow each other at that distance; `f32` says that they are plain f32.
  }];
  let parameters = (ins "::tawny::rt::Space":$space,
                        RtWeightSymbol:$weight, "int64_t":$offset,
                        "int64_t":$bytes, "::tawny::rt::Access":$access, "int64_t":$rowBytes,
                        "bool":$f32);
  let assemblyFormat = [{
    `<` $space ($weight^)? `,` $offset `,` $bytes `,` $access `,` $rowBytes `,` $f32 `>`
  }];
}

def RtTarget : RtAttr<"Target", "target"> {
  let summary = "a target by name, with what linears compute in";
  let description = [{
    `name` is a row of the target table (`compiler/targets/`); `layout` the matrix layout its
    kernels read (`dialects/formats/Layouts.h`); `activations` is f32, i8 or f16.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::StringAttr":$layout,
                        "::mlir::StringAttr":$activations);
  let assemblyFormat = "`<` $name `,` `layout` `=` $layout `,` `activations` `=` $activations `>`";
}

def RtStepLayout : RtAttr<"StepLayout", "step_layout"> {
  let summary = "byte offsets of the step table's arrays";
  let parameters = (ins "int64_t":$counts, "int64_t":$tokens, "int64_t":$positions,
                        "int64_t":$kvSlots, "int64_t":$attentionBlocks, "int64_t":$blockTables,
                        "int64_t":$logitRows, "int64_t":$maxAttentionBlocks, "int64_t":$maxPages,
                        "int64_t":$bytes);
  let assemblyFormat = "`<` struct(params) `>`";
}

def RtKvGeometry : RtAttr<"KvGeometry", "kv_geometry"> {
  let summary = "the paged KV pool";
  let description = [{
    `pages` pages of `pageTokens` tokens for each layer; keys of all pages first, then values. The
    order of the elements inside a page is the kernels' own and is written at their emitter.
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$heads, "int64_t":$headDim,
                        "int64_t":$pageTokens, "int64_t":$pages,
                        DefaultValuedParameter<"int64_t", "2">:$elementBytes);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    /// Bytes of one page of keys (or of values) of one layer.
    int64_t pageBytes() const {
      return getHeads() * getHeadDim() * getPageTokens() * getElementBytes();
    }
    int64_t layerBytes() const { return 2 * getPages() * pageBytes(); }
    int64_t bytes() const { return getLayers() * layerBytes(); }
  }];
}

#endif // TAWNY_RT_ATTRS
