#include "compiler/codegen/simt/Kernel.h"

#include "compiler/codegen/simt/Probes.h"

#include "passes/KernelShapes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tawny::simt {

Bindings::Bindings(rt::KernelOp kernel, ValueRange pointers)
    : bindings(kernel.getBindings()), pointers(pointers.begin(), pointers.end()) {}

Value Bindings::find(rt::Source source, int64_t index) const {
  for (auto [binding, pointer] : llvm::zip_equal(bindings.getAsRange<rt::ArgumentAttr>(), pointers))
    if (binding.getSource() == source && binding.getIndex() == index)
      return pointer;
  return {};
}

Value Bindings::operand(Value blockArgument) const {
  return find(rt::Source::Operand, cast<BlockArgument>(blockArgument).getArgNumber());
}
Value Bindings::result(unsigned index) const { return find(rt::Source::Result, index); }
Value Bindings::source(rt::Source source) const { return find(source, 0); }

llvm::Error kernelError(rt::KernelOp kernel, const llvm::Twine &message) {
  return llvm::createStringError("kernel '" + kernel.getSymName() + "': " + message);
}

llvm::Error requireSources(rt::KernelOp kernel, llvm::ArrayRef<rt::Source> sources) {
  auto bindings = kernel.getBindings().getAsRange<rt::ArgumentAttr>();
  for (rt::Source source : sources)
    if (llvm::none_of(bindings, [&](auto binding) { return binding.getSource() == source; }))
      return kernelError(kernel,
                         "expected a binding of " + rt::stringifySource(source) + ", found none");
  return llvm::Error::success();
}

/// The only op of a kernel's body besides its return, or null. The return must hand out the op's
/// results as they are.
static Operation *onlyOp(rt::KernelOp kernel) {
  Block &block = kernel.getBody().front();
  if (llvm::range_size(block) != 2)
    return nullptr;
  Operation *op = &block.front();
  return llvm::equal(op->getResults(), block.back().getOperands()) ? op : nullptr;
}

/// An error unless the kernel is launched as the passes say, which is what emitters rely on.
static llvm::Error checkGrid(rt::KernelOp kernel, Operation *op) {
  rt::Extent rows = kernel.getGrid().getExtent();
  auto linear = dyn_cast<llm::LinearOp>(op);
  if (linear && linearTileOf(kernel).rows % simt32Layout.tileRows != 0)
    return kernelError(kernel, "expected resources with a tile_rows that is a multiple of 32");
  if (linear && linearTileOf(kernel).rows == 0)
    return kernelError(kernel, "expected resources with tile_rows, found none");
  rt::GridAttr expected = linear ? linearGrid(linear, linearTileOf(kernel), rows)
                                 : kernelShape(op, simt32Layout, rows, /*mostRows=*/1).grid;
  if (kernel.getGrid() == expected)
    return llvm::Error::success();
  std::string message;
  llvm::raw_string_ostream(message)
      << "expected the grid " << expected << ", found " << kernel.getGrid();
  return kernelError(kernel, message);
}

/// What a kernel has no emitter for, in words; empty if it has one.
static std::string missingEmitter(Operation *op) {
  if (!op)
    return "no emitter yet for a body of several ops on GPUs";
  if (isa<llm::LinearOp, llm::RmsNormOp, llm::AddRmsNormOp, llm::EmbedOp, llm::RopeOp,
          llm::QuantizeOp, llm::LogitRowsOp, llm::KvAppendOp, llm::AttentionOp,
          llm::AttentionPartOp, llm::AttentionMergeOp, llm::TopKOp>(op) ||
      isElementwise(op))
    return "";
  return ("no emitter yet for '" + op->getName().getStringRef() + "' on GPUs").str();
}

static llvm::Expected<KernelBody> plan(rt::KernelOp kernel, Operation *op, const TargetInfo &target,
                                       uint64_t maxContext) {
  if (llvm::Error error = checkGrid(kernel, op))
    return error;
  return llvm::TypeSwitch<Operation *, llvm::Expected<KernelBody>>(op)
      .Case<llm::LinearOp>([&](auto linear) { return planLinear(kernel, linear, target); })
      .Case<llm::RmsNormOp, llm::AddRmsNormOp>(
          [&](auto norm) { return planNorm(kernel, norm, target); })
      .Case<llm::AttentionOp, llm::AttentionPartOp>(
          [&](auto attention) { return planAttention(kernel, attention, target, maxContext); })
      .Case<llm::AttentionMergeOp>(
          [&](auto merge) { return planAttentionMerge(kernel, merge, target); })
      .Case<llm::EmbedOp>([&](auto embed) { return planEmbed(kernel, embed, target); })
      .Case<llm::RopeOp>([&](auto rope) { return planRope(kernel, rope, target); })
      .Case<llm::QuantizeOp>([&](auto quantize) { return planQuantize(kernel, quantize, target); })
      .Case<llm::LogitRowsOp>([&](auto rows) { return planLogitRows(kernel, rows, target); })
      .Case<llm::KvAppendOp>([&](auto append) { return planKvAppend(kernel, append, target); })
      .Case<llm::TopKOp>([&](auto best) { return planTopK(kernel, best, target); })
      .Default([&](Operation *other) { return planElementwise(kernel, other, target); });
}

/// The workgroup's memory of a kernel, as a pointer for its wrapper: an array of its own, or the
/// one that all kernels share and that is as large as the launch says.
static Value sharedMemory(Simt &b, gpu::GPUModuleOp module, llvm::StringRef kernel, int64_t bytes) {
  bool isLaunched = b.backend.hasLaunchedSharedMemory;
  std::string name = isLaunched ? "tawny_shared" : (kernel + ".shared").str();
  if (!module.lookupSymbol(name)) {
    auto type = LLVM::LLVMArrayType::get(b.f32, isLaunched ? 0 : (bytes + 3) / 4);
    auto linkage = isLaunched ? LLVM::Linkage::External : LLVM::Linkage::Internal;
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    LLVM::GlobalOp::create(top, b.getLoc(), type, /*isConstant=*/false, linkage, name, Attribute(),
                           /*alignment=*/16, sharedSpace);
  }
  return LLVM::AddressOfOp::create(b, b.shared, name);
}

/// Emits a kernel's body and its wrapper. `bindings` makes of the bindings' pointers what the body
/// gets.
static void emitKernel(Simt &b, llvm::StringRef name, const KernelBody &body, size_t bindingCount,
                       llvm::function_ref<Bindings(ValueRange)> bindings, gpu::GPUModuleOp module) {
  b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> pointers(bindingCount, b.global);
  SmallVector<Type> arguments{b.i32};
  llvm::append_range(arguments, pointers);
  if (body.sharedBytes != 0)
    arguments.push_back(b.shared);

  auto function = func::FuncOp::create(b, (name + ".body").str(), b.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  function->setAttr("passthrough", b.getStrArrayAttr({"alwaysinline"}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Value shared = body.sharedBytes != 0 ? Value(entry->getArguments().back()) : Value();
  body.emit(b, entry->getArgument(0), bindings(entry->getArguments().slice(1, bindingCount)),
            shared);
  func::ReturnOp::create(b);

  b.setInsertionPointToEnd(module.getBody());
  auto wrapper = gpu::GPUFuncOp::create(b, name, b.getFunctionType(pointers, {}));
  wrapper->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  if (body.laneRegisters != 0)
    wrapper->setAttr(laneRegistersAttr, b.getI32IntegerAttr(body.laneRegisters));
  wrapper.setKnownBlockSize(ArrayRef<int32_t>{static_cast<int32_t>(body.threads), 1, 1});
  b.setInsertionPointToStart(&wrapper.getBody().front());
  Value tile = arith::IndexCastOp::create(b, b.i32, gpu::BlockIdOp::create(b, gpu::Dimension::x));
  SmallVector<Value> operands{tile};
  llvm::append_range(operands, wrapper.getArguments());
  if (body.sharedBytes != 0)
    operands.push_back(sharedMemory(b, module, name, body.sharedBytes));
  func::CallOp::create(b, function, operands);
  gpu::ReturnOp::create(b);
}

llvm::Expected<std::vector<EmittedKernel>> emitKernels(rt::ExecutableOp executable,
                                                       const TargetInfo &target,
                                                       const Backend &backend, uint64_t maxContext,
                                                       Missing missing, gpu::GPUModuleOp module) {
  std::vector<EmittedKernel> kernels;
  for (auto kernel : executable.getBody().getOps<rt::KernelOp>()) {
    Operation *op = onlyOp(kernel);
    if (std::string reason = missingEmitter(op); !reason.empty()) {
      if (missing == Missing::Refuse)
        return kernelError(kernel, reason);
      kernel.emitWarning("kernel '") << kernel.getSymName() << "' is left out: " << reason;
      continue;
    }
    llvm::Expected<KernelBody> body = plan(kernel, op, target, maxContext);
    if (!body)
      return body.takeError();
    if (body->sharedBytes > target.sharedBytes)
      return kernelError(kernel, "needs " + llvm::Twine(body->sharedBytes) +
                                     " bytes of shared memory; " + target.name + " has " +
                                     llvm::Twine(target.sharedBytes));
    OpBuilder builder(module);
    Simt b(kernel.getLoc(), builder, target, backend);
    emitKernel(
        b, kernel.getSymName(), *body, kernel.getBindings().size(),
        [&](ValueRange pointers) { return Bindings(kernel, pointers); }, module);
    kernels.push_back({kernel.getSymName().str(), body->threads, body->sharedBytes});
  }
  return kernels;
}

ProbeCode emitProbes(rt::ExecutableOp executable, const TargetInfo &target, const Backend &backend,
                     gpu::GPUModuleOp module) {
  OpBuilder builder(module);
  Simt b(executable.getLoc(), builder, target, backend);
  auto emit = [&](llvm::StringRef name, const KernelBody &body, size_t bindingCount) {
    std::string symbol = ("probe_" + name).str();
    emitKernel(
        b, symbol, body, bindingCount, [](ValueRange pointers) { return Bindings(pointers); },
        module);
    return KernelCode{.name = ("probe." + name).str(), .symbol = symbol, .threads = body.threads};
  };
  ReadProbe read = planReadProbe(target);
  PeakProbe peak = planPeakProbe(target, executable.getTarget().getActivations().getValue());
  ProbeCode code;
  code.read = emit("read", read.body, 2);
  code.readTileBytes = static_cast<uint64_t>(read.tileBytes);
  code.peak = emit("peak", peak.body, 1);
  code.peakTileOperations = static_cast<uint64_t>(peak.tileOperations);
  code.peakUnit = peak.unit.str();
  return code;
}

} // namespace tawny::simt
