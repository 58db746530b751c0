#include "dialects/rt/Rt.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tawny::rt {

static FailureOr<FlatSymbolRefAttr> parseWeightSymbol(AsmParser &parser) {
  StringAttr name;
  if (failed(parser.parseOptionalSymbolName(name)))
    return FlatSymbolRefAttr();
  return FlatSymbolRefAttr::get(name);
}

void RtDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/rt/RtAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/rt/RtOps.cpp.inc"
      >();
}

} // namespace tawny::rt

#include "dialects/rt/RtDialect.cpp.inc"

#include "dialects/rt/RtEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/rt/RtAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/rt/RtOps.cpp.inc"
