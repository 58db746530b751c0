// The rt dialect in C++: executables, kernels, dispatches and programs (see RtDialect.td).
#pragma once

#include "dialects/llm/Llm.h"

#include "mlir/IR/RegionKindInterface.h"

#include "dialects/rt/RtEnums.h.inc"

#include "dialects/rt/RtDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/rt/RtAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/rt/RtOps.h.inc"
