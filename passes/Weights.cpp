#include "passes/Weights.h"

#include "dialects/formats/Layouts.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tawny {

LogicalResult hoistWeightLoads(RewriterBase &rewriter, ValueRange values, Operation *before) {
  SmallVector<Operation *> loads;
  for (Value value : values) {
    Operation *definition = value.getDefiningOp();
    if (!definition)
      continue;
    if (definition->getBlock() != before->getBlock())
      return failure();
    if (definition->isBeforeInBlock(before))
      continue;
    if (!isa<llm::LoadWeightOp>(definition))
      return failure();
    loads.push_back(definition);
  }
  for (Operation *load : loads)
    rewriter.moveOpBefore(load, before);
  return success();
}

std::optional<uint64_t> packedWeightBytes(llm::WeightOp weight) {
  std::optional<StringRef> name = weight.getLayout();
  std::optional<LayoutInfo> layout = name ? layoutByName(*name) : std::nullopt;
  auto type = cast<RankedTensorType>(weight.getType());
  std::optional<Format> format = formatByName(llm::formatName(type.getElementType()));
  if (!layout || !format)
    return std::nullopt;
  uint64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0);
  uint64_t columns = type.getShape().back();
  // At most 4 bytes an element, and padding to less than 64 rows of 256 elements.
  bool overflow = false;
  uint64_t elements = llvm::SaturatingMultiply(rows + 64, columns + 256, &overflow);
  if (overflow || elements > (uint64_t{1} << 60))
    return std::nullopt;
  return packedBytes(*layout, formatInfo(*format), rows, columns);
}

} // namespace tawny
