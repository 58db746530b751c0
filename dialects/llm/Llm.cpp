#include "dialects/llm/Llm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FoldInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace tawny::llm {

static FailureOr<llvm::APFloat> parseDouble(AsmParser &parser) {
  double value = 0;
  if (parser.parseFloat(value))
    return failure();
  return llvm::APFloat(value);
}

namespace {
/// Keeps the constants of an epilogue in it: hoisted ones would become operands that an outlined
/// kernel does not have.
struct LlmFoldInterface : DialectFoldInterface {
  using DialectFoldInterface::DialectFoldInterface;
  bool shouldMaterializeInto(Region *region) const final {
    return isa<LinearOp>(region->getParentOp());
  }
};
} // namespace

void LlmDialect::initialize() {
  addInterfaces<LlmFoldInterface>();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/llm/LlmTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/llm/LlmAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/llm/LlmOps.cpp.inc"
      >();
}

std::optional<Format> formatOf(Type elementType) {
  return llvm::TypeSwitch<Type, std::optional<Format>>(elementType)
      .Case<Float32Type>([](auto) { return Format::F32; })
      .Case<Float16Type>([](auto) { return Format::F16; })
      .Case<BFloat16Type>([](auto) { return Format::BF16; })
      .Case<Q4_0Type, Q4_1Type, Q5_0Type, Q5_1Type, Q8_0Type, Q2_KType, Q3_KType, Q4_KType,
            Q5_KType, Q6_KType, IQ4_NLType, IQ4_XSType, MXFP4Type>([](auto type) {
        llvm::StringRef name = type.getMnemonic();
        return formatByName(std::string_view(name.data(), name.size()));
      })
      .Default([](Type) { return std::nullopt; });
}

Type formatType(MLIRContext *context, Format format) {
  switch (format) {
  case Format::F32:
    return Float32Type::get(context);
  case Format::F16:
    return Float16Type::get(context);
  case Format::BF16:
    return BFloat16Type::get(context);
  case Format::Q4_0:
    return Q4_0Type::get(context);
  case Format::Q4_1:
    return Q4_1Type::get(context);
  case Format::Q5_0:
    return Q5_0Type::get(context);
  case Format::Q5_1:
    return Q5_1Type::get(context);
  case Format::Q8_0:
    return Q8_0Type::get(context);
  case Format::Q2_K:
    return Q2_KType::get(context);
  case Format::Q3_K:
    return Q3_KType::get(context);
  case Format::Q4_K:
    return Q4_KType::get(context);
  case Format::Q5_K:
    return Q5_KType::get(context);
  case Format::Q6_K:
    return Q6_KType::get(context);
  case Format::IQ4_NL:
    return IQ4_NLType::get(context);
  case Format::IQ4_XS:
    return IQ4_XSType::get(context);
  case Format::MXFP4:
    return MXFP4Type::get(context);
  }
  llvm_unreachable("every format has a type");
}

llvm::StringRef formatName(Type elementType) {
  std::optional<Format> format = formatOf(elementType);
  return format ? llvm::StringRef(formatInfo(*format).name) : llvm::StringRef();
}

Type formatType(MLIRContext *context, llvm::StringRef name) {
  std::optional<Format> format = formatByName(std::string_view(name));
  return format ? formatType(context, *format) : Type();
}

bool LinearOp::isPaired() { return getFirstRows().size() > 1 && llvm::all_equal(getFirstRows()); }

int64_t LinearOp::partRows(unsigned part) {
  return cast<RankedTensorType>(getWeights()[part].getType()).getDimSize(0);
}

int64_t LinearOp::outputRows() {
  int64_t last = static_cast<int64_t>(getWeights().size()) - 1;
  return isPaired() ? partRows(0) : getFirstRows()[last] + partRows(last);
}

Value LinearOp::biasOf(unsigned part) {
  if (std::optional<ArrayRef<int64_t>> parts = getBiasParts())
    for (auto [biasPart, bias] : llvm::zip_equal(*parts, getBiases()))
      if (biasPart == static_cast<int64_t>(part))
        return bias;
  return {};
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input, Value weight,
                     Value bias) {
  int64_t rows = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  Type result = rowsType(rows, builder.getF32Type());
  build(builder, state, TypeRange(result), input, ValueRange(weight),
        builder.getDenseI64ArrayAttr({0}), bias ? ValueRange(bias) : ValueRange(),
        bias ? builder.getDenseI64ArrayAttr({0}) : DenseI64ArrayAttr(), /*reads=*/ValueRange(),
        /*state=*/ValueRange(), /*rope_append=*/RopeAttr(), /*layer=*/IntegerAttr());
}

void AddRmsNormOp::build(OpBuilder &builder, OperationState &state, Value a, Value b, Value weight,
                         FloatAttr eps, Type norm) {
  build(builder, state, a.getType(), norm, a, b, weight, eps);
}

void AttentionPartOp::build(OpBuilder &builder, OperationState &state, AttentionOp attention,
                            int64_t splits) {
  int64_t columns = columnsOf(attention.getQ());
  int64_t heads = columns / cast<KvType>(attention.getKv().getType()).getHeadDim();
  Type f32 = builder.getF32Type();
  build(builder, state, rowsType(splits * columns, f32), rowsType(2 * splits * heads, f32),
        attention.getQ(), attention.getKv(), attention.getStep(), attention.getLayerAttr(),
        attention.getScaleAttr(), attention.getWindowAttr(), builder.getI64IntegerAttr(splits));
}

double RopeAttr::getFrequency(int64_t pair) const {
  double exponent = -2.0 * static_cast<double>(pair) / static_cast<double>(getRotaryDim());
  double frequency = std::pow(getBase(), exponent);
  return getDivisors() ? frequency / getDivisors()[pair] : frequency;
}

} // namespace tawny::llm

#include "dialects/llm/LlmDialect.cpp.inc"

#include "dialects/llm/LlmEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/llm/LlmTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/llm/LlmAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/llm/LlmOps.cpp.inc"
