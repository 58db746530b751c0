// Verifiers of the rt dialect, under the labels of RtOps.td.
#include "dialects/rt/Rt.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;

namespace tawny::rt {

LogicalResult GridAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, int64_t fixed,
                               Extent, int64_t divisor) {
  if (fixed <= 0 || divisor <= 0)
    return emitError() << "expects a positive number of tiles and a positive divisor, found "
                       << fixed << " and " << divisor;
  return success();
}

/// Counts the bindings of each operand (or result) of a kernel; reports an index that is none.
static FailureOr<SmallVector<unsigned>> countBindings(KernelOp op, Source source, size_t size) {
  SmallVector<unsigned> counts(size, 0);
  for (auto argument : op.getBindings().getAsRange<ArgumentAttr>()) {
    if (argument.getSource() != source)
      continue;
    if (argument.getIndex() < 0 || argument.getIndex() >= static_cast<int64_t>(size))
      return op.emitOpError("expects bindings of its ")
             << size << " " << stringifySource(source) << "s, found " << argument;
    ++counts[argument.getIndex()];
  }
  return counts;
}

/// Checks that exactly the tensors among `types` have one binding.
static LogicalResult verifyTensorsBound(KernelOp op, Source source, TypeRange types) {
  FailureOr<SmallVector<unsigned>> counts = countBindings(op, source, types.size());
  if (failed(counts))
    return failure();
  for (auto [index, type] : llvm::enumerate(types)) {
    unsigned expected = isa<TensorType>(type) ? 1 : 0;
    if ((*counts)[index] != expected)
      return op.emitOpError("expects ")
             << expected << " binding of " << stringifySource(source) << " " << index << " of type "
             << type << ", found " << (*counts)[index];
  }
  return success();
}

LogicalResult KernelOp::verify() {
  Block &block = getBody().front();
  auto terminator = block.empty() ? ReturnOp() : dyn_cast<ReturnOp>(block.back());
  if (!terminator)
    return emitOpError("expects a body that ends in rt.return");
  // kernel_c1
  if (failed(verifyTensorsBound(*this, Source::Operand, block.getArgumentTypes())) ||
      failed(verifyTensorsBound(*this, Source::Result, terminator.getOperandTypes())))
    return failure();
  // kernel_c2
  for (auto argument : getBindings().getAsRange<ArgumentAttr>()) {
    if (argument.getSource() == Source::Operand && argument.getAccess() != Access::Read)
      return emitOpError("expects operands to be read, found ") << argument;
    if (argument.getSource() == Source::Result && argument.getAccess() == Access::Read)
      return emitOpError("expects results to be written, found ") << argument;
  }
  return success();
}

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // dispatch_c1
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("expects ") << getKernelAttr() << " to name an rt.kernel";
  Block &body = kernel.getBody().front();
  if (body.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("expects the kernel's operand types ")
           << body.getArgumentTypes() << ", found " << getInputs().getTypes();
  TypeRange results = body.getTerminator()->getOperandTypes();
  if (results != getOutputs().getTypes())
    return emitOpError("expects the kernel's result types ")
           << results << ", found " << getOutputs().getTypes();
  return success();
}

LogicalResult ProgramOp::verify() {
  // program_c1
  int64_t arena = getArenaBytes(), logits = getLogitsOffset();
  if (arena < 0 || logits < 0 || logits > arena)
    return emitOpError("expects logits inside the arena of ")
           << arena << " bytes, found offset " << logits;
  int64_t count = getCandidates().value_or(0), candidates = getCandidatesOffset().value_or(0);
  if (getCandidates().has_value() != getCandidatesOffset().has_value() || count < 0 ||
      count > llm::TopKOp::mostCandidates || candidates < 0 || candidates > arena)
    return emitOpError("expects at most ")
           << llm::TopKOp::mostCandidates << " candidates inside the arena of " << arena
           << " bytes, found " << count << " at " << candidates;
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // launch_c1
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("expects ") << getKernelAttr() << " to name an rt.kernel";
  if (kernel.getBindings().size() != getBindings().size())
    return emitOpError("expects the kernel's ")
           << kernel.getBindings().size() << " bindings, found " << getBindings().size();
  // launch_c2
  int64_t arena = (*this)->getParentOfType<ProgramOp>().getArenaBytes();
  for (auto binding : getBindings().getAsRange<BindingAttr>()) {
    int64_t offset = binding.getOffset(), bytes = binding.getBytes();
    if (offset < 0 || bytes < 0)
      return emitOpError("expects an offset and bytes that are not negative, found ") << binding;
    if (binding.getSpace() == Space::Arena && (bytes > arena || offset > arena - bytes))
      return emitOpError("expects a binding inside the arena of ")
             << arena << " bytes, found " << binding;
    // launch_c3
    if ((binding.getSpace() == Space::Weight) != static_cast<bool>(binding.getWeight()))
      return emitOpError("expects a symbol exactly where a weight is bound, found ") << binding;
  }
  return success();
}

} // namespace tawny::rt
