#!/bin/sh
# reference.sh SOURCE REFERENCE: the generated reference has an entry for every op, type, attribute
# and pass that the .td files define, and none has lost its text.
set -eu
source=$1 reference=$2
status=0

# compare WHAT: standard input has the names that are defined; $2 is a page, $3 a sed script that
# prints the names it documents.
compare() {
  defined=$(sort -u)
  documented=$(sed -n "$3" "$reference/$2" | sort -u)
  if [ -z "$defined" ] || [ "$defined" != "$documented" ]; then
    echo "error: $2 should document these $1 and only these:" >&2
    echo "$defined" >&2
    echo "but has:" >&2
    echo "$documented" >&2
    status=1
  fi
}

sed -n 's/^def Llm_.*LlmOp<"\([a-z0-9_]*\)".*/llm.\1/p' "$source/dialects/llm/LlmOps.td" |
  compare ops llm.md 's/^### `\(llm\.[a-z0-9_]*\)`.*/\1/p'
sed -n 's/^def Rt_.*RtOp<"\([a-z0-9_]*\)".*/rt.\1/p' "$source/dialects/rt/RtOps.td" |
  compare ops rt.md 's/^### `\(rt\.[a-z0-9_]*\)`.*/\1/p'
sed -n 's/^def Llm[A-Za-z0-9_]* : Llm\(Type\|BlockFormat\)<"\([A-Za-z0-9_]*\)".*/\2Type/p' \
  "$source/dialects/llm/LlmTypes.td" | compare types llm.md 's/^### \([A-Za-z0-9_]*Type\)$/\1/p'
sed -n 's/^def Rt[A-Za-z]* : RtAttr<"\([A-Za-z]*\)".*/\1Attr/p' "$source/dialects/rt/RtAttrs.td" |
  compare attributes rt.md 's/^### \([A-Za-z]*Attr\)$/\1/p'
sed -n 's/^def [A-Za-z]* : Pass<"\([a-z-]*\)".*/\1/p' "$source/passes/Passes.td" |
  compare passes passes.md 's/^### `-\([a-z-]*\)`$/\1/p'
exit $status
