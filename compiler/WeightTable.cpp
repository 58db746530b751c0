#include "compiler/WeightTable.h"

#include "runtime/artifact/Format.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

namespace tawny {
namespace {

class Builder {
public:
  explicit Builder(uint64_t sourceBytes) : sourceBytes(sourceBytes) {}

  llvm::Error add(const RtModule &rt);
  WeightTable take() { return std::move(table); }

private:
  llvm::Error add(llm::WeightOp op, llvm::DenseMap<mlir::StringAttr, uint32_t> &indices);
  llvm::Expected<StoredWeight> describe(llm::WeightOp op) const;

  uint64_t sourceBytes;
  WeightTable table;
  /// Index of each pair of source offset and name of a layout.
  llvm::DenseMap<std::pair<uint64_t, mlir::StringAttr>, uint32_t> stored;
  uint64_t segmentEnd = 0;
};

llvm::Expected<StoredWeight> Builder::describe(llm::WeightOp op) const {
  std::string name = op.getSymName().str();
  auto type = mlir::cast<mlir::RankedTensorType>(op.getType());
  auto layout = layoutByName(op.getLayout().value_or(""));
  auto format = formatByName(llm::formatName(type.getElementType()));
  if (!layout || !format)
    return llvm::createStringError("weight '%s': expected a layout of the layout table, found '%s'",
                                   name.c_str(), op.getLayout().value_or("none").str().c_str());
  StoredWeight weight{name, formatInfo(*format), *layout};
  weight.rows = type.getRank() == 2 ? static_cast<uint64_t>(type.getDimSize(0)) : 1;
  weight.columns = static_cast<uint64_t>(type.getShape().back());
  weight.sourceOffset = op.getOffset();
  bool overflow = __builtin_mul_overflow(weight.rows, weight.format.rowBytes(weight.columns),
                                         &weight.sourceBytes);
  if (overflow || weight.sourceOffset > sourceBytes ||
      weight.sourceBytes > sourceBytes - weight.sourceOffset)
    return llvm::createStringError(
        "weight '%s': expected its bytes inside the model file of %llu bytes, found them at offset "
        "%llu",
        name.c_str(), static_cast<unsigned long long>(sourceBytes),
        static_cast<unsigned long long>(weight.sourceOffset));
  weight.bytes = packedBytes(weight.layout, weight.format, weight.rows, weight.columns);
  return weight;
}

llvm::Error Builder::add(llm::WeightOp op, llvm::DenseMap<mlir::StringAttr, uint32_t> &indices) {
  auto [own, isNewHere] = indices.try_emplace(op.getSymNameAttr());
  if (!isNewHere)
    return llvm::Error::success();
  auto [known, isNew] = stored.try_emplace({op.getOffset(), op.getLayoutAttr()},
                                           static_cast<uint32_t>(table.weights.size()));
  own->second = known->second;
  if (!isNew)
    return llvm::Error::success();
  llvm::Expected<StoredWeight> weight = describe(op);
  if (!weight)
    return weight.takeError();
  weight->segment = table.segmentBytes.size();
  weight->offset = segmentEnd;
  segmentEnd += weight->paddedBytes();
  table.weights.push_back(std::move(*weight));
  return llvm::Error::success();
}

llvm::Error Builder::add(const RtModule &rt) {
  mlir::SymbolTable symbols(rt.module);
  auto &indices = table.indices.emplace_back();
  segmentEnd = 0;
  for (rt::ProgramOp program : rt.programs)
    for (auto launch : program.getBody().getOps<rt::LaunchOp>())
      for (auto binding : launch.getBindings().getAsRange<rt::BindingAttr>()) {
        if (!binding.getWeight())
          continue;
        auto op = symbols.lookup<llm::WeightOp>(binding.getWeight().getAttr());
        if (!op)
          return llvm::createStringError(
              "launch '%s' binds weight '%s', which the module does not have",
              launch.getLabel().str().c_str(), binding.getWeight().getValue().str().c_str());
        if (llvm::Error error = add(op, indices))
          return error;
      }
  if (segmentEnd != 0)
    table.segmentBytes.push_back(segmentEnd);
  return llvm::Error::success();
}

} // namespace

uint64_t StoredWeight::paddedBytes() const { return llvm::alignTo(bytes, format::dataAlignment); }

llvm::Expected<WeightTable> buildWeightTable(llvm::ArrayRef<TargetProgram> targets,
                                             uint64_t sourceBytes) {
  Builder builder(sourceBytes);
  for (const TargetProgram &target : targets)
    if (llvm::Error error = builder.add(target.rt))
      return error;
  return builder.take();
}

} // namespace tawny
