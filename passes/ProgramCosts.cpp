#include "passes/ProgramCosts.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace tawny {
namespace {

struct CostEntry {
  const char *name;
  int64_t ProgramCosts::*value;
};

constexpr CostEntry entries[] = {
    {"weight_bytes", &ProgramCosts::weightBytes},
    {"operations_per_token", &ProgramCosts::operationsPerToken},
    {"operations_per_logit_row", &ProgramCosts::operationsPerLogitRow},
    {"peak_bytes", &ProgramCosts::peakBytes},
};

} // namespace

ProgramCosts programCosts(rt::ProgramOp program) {
  ProgramCosts costs;
  for (const CostEntry &entry : entries)
    if (auto value = program.getCosts().getAs<IntegerAttr>(entry.name))
      costs.*entry.value = value.getInt();
  costs.arenaBytes = program.getArenaBytes();
  llvm::DenseSet<Attribute> kernels;
  for (auto launch : program.getBody().getOps<rt::LaunchOp>()) {
    ++costs.launches;
    kernels.insert(launch.getKernel());
    for (auto binding : launch.getBindings().getAsRange<rt::BindingAttr>())
      if (binding.getSpace() == rt::Space::Arena)
        costs.activationBytesPerToken += binding.getRowBytes();
  }
  costs.kernels = kernels.size();
  return costs;
}

llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const ProgramCosts &costs) {
  return os << costs.launches << " launches of " << costs.kernels << " kernels, "
            << costs.weightBytes << " weight bytes, " << costs.activationBytesPerToken
            << " activation bytes per token, " << costs.operationsPerToken
            << " operations per token, " << costs.operationsPerLogitRow
            << " operations per logit row, " << costs.arenaBytes << " arena bytes, "
            << costs.peakBytes << " peak bytes";
}

DictionaryAttr costsAttribute(MLIRContext *context, const ProgramCosts &costs) {
  Builder builder(context);
  SmallVector<NamedAttribute> attributes;
  for (const CostEntry &entry : entries)
    attributes.push_back(
        builder.getNamedAttr(entry.name, builder.getI64IntegerAttr(costs.*entry.value)));
  return builder.getDictionaryAttr(attributes);
}

} // namespace tawny
