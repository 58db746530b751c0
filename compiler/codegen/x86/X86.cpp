// The x86 code generator: kernels of an executable to a shared object.
#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/x86/KernelContext.h"
#include "compiler/codegen/x86/Lower.h"
#include "compiler/codegen/x86/Probes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tawny {
namespace x86 {
namespace {

using Emitter = void (*)(KernelContext &);

/// The emitter of an op, or null.
Emitter emitterFor(Operation *op) {
  return llvm::TypeSwitch<Operation *, Emitter>(op)
      .Case<llm::LinearOp>([](auto) { return emitLinear; })
      .Case<llm::RmsNormOp>([](auto) { return emitRmsNorm; })
      .Case<llm::AddRmsNormOp>([](auto) { return emitAddRmsNorm; })
      .Case<llm::QuantizeOp>([](auto) { return emitQuantize; })
      .Case<llm::EmbedOp>([](auto) { return emitEmbed; })
      .Case<llm::LogitRowsOp>([](auto) { return emitLogitRows; })
      .Case<llm::RopeOp>([](auto) { return emitRope; })
      .Case<llm::KvAppendOp>([](auto) { return emitKvAppend; })
      .Case<llm::AttentionOp>([](auto) { return emitAttention; })
      .Case<llm::AttentionPartOp>([](auto) { return emitAttentionPart; })
      .Case<llm::AttentionMergeOp>([](auto) { return emitAttentionMerge; })
      .Case<llm::SiluOp, arith::AddFOp, arith::MulFOp>([](auto) { return emitElementwise; })
      .Default([](auto) -> Emitter { return nullptr; });
}

/// The op a kernel computes: its body's only op but the terminator.
Operation *kernelOp(rt::KernelOp kernel) {
  auto ops = kernel.getBody().front().without_terminator();
  return llvm::hasSingleElement(ops) ? &*ops.begin() : nullptr;
}

/// Emits a body, `void (tile, binding addresses…)`, and its launch wrapper, a CpuKernel.
class KernelFunctions {
public:
  KernelFunctions(ModuleOp module, const TargetInfo &target) : module(module), target(target) {}

  void emit(StringRef symbol, unsigned bindings,
            const std::function<void(Simd &, Value tile, ValueRange)> &emitBody) {
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    Simd b(NameLoc::get(builder.getStringAttr(symbol)), builder, target);
    SmallVector<Type> types(bindings + 1, b.pointer);
    types[0] = b.i64;
    auto body = func::FuncOp::create(b, (symbol + ".body").str(), b.getFunctionType(types, {}));
    body.setPrivate();
    b.setInsertionPointToStart(body.addEntryBlock());
    emitBody(b, body.getArgument(0), body.getArguments().drop_front());
    func::ReturnOp::create(b);

    b.setInsertionPointToEnd(module.getBody());
    auto wrapper =
        func::FuncOp::create(b, symbol, b.getFunctionType({b.pointer, b.i64, b.i64}, {}));
    b.setInsertionPointToStart(wrapper.addEntryBlock());
    SmallVector<Value> arguments{Value()};
    for (unsigned i = 0; i < bindings; ++i)
      arguments.push_back(b.load(b.pointer, b.at(wrapper.getArgument(0), int64_t{8} * i), 8));
    b.forRange(wrapper.getArgument(1), wrapper.getArgument(2), 1, [&](Value tile) {
      arguments[0] = tile;
      func::CallOp::create(b, body, arguments);
    });
    func::ReturnOp::create(b);
  }

private:
  ModuleOp module;
  const TargetInfo &target;
};

/// Ranges must be those that attention of blocks adds up, too.
llvm::Error checkRanges(rt::KernelOp kernel, Operation *op, const CodegenOptions &options) {
  auto part = dyn_cast<llm::AttentionPartOp>(op);
  if (!part)
    return llvm::Error::success();
  int64_t expected = llm::contextRanges(llm::windowOf(part.getWindow(), options.maxContext),
                                        static_cast<int64_t>(options.maxContext));
  if (static_cast<int64_t>(part.getSplits()) == expected)
    return llvm::Error::success();
  return llvm::createStringError(
      "kernel %s: expected %lld splits for a context of %llu positions, found %llu",
      kernel.getSymName().str().c_str(), static_cast<long long>(expected),
      static_cast<unsigned long long>(options.maxContext),
      static_cast<unsigned long long>(part.getSplits()));
}

/// Emits all kernels of an executable and the probes into `module`.
llvm::Error emitKernels(rt::ExecutableOp executable, ModuleOp module, const TargetInfo &target,
                        const CodegenOptions &options, CodeObject &code) {
  KernelFunctions functions(module, target);
  DotKernels dots(module, target);
  StagedKernels staged(module, target);
  RotaryTables rotaryTables(module, options.maxContext);
  for (auto kernel : executable.getBody().getOps<rt::KernelOp>()) {
    Operation *op = kernelOp(kernel);
    Emitter emitter = op ? emitterFor(op) : nullptr;
    if (!emitter)
      return llvm::createStringError(
          "kernel %s: no x86 emitter for '%s'", kernel.getSymName().str().c_str(),
          op ? op->getName().getStringRef().str().c_str() : "a body of several ops");
    if (llvm::Error error = checkRanges(kernel, op, options))
      return error;
    functions.emit(kernel.getSymName(), static_cast<unsigned>(kernel.getBindings().size()),
                   [&](Simd &b, Value tile, ValueRange arguments) {
                     KernelContext context{b,
                                           kernel,
                                           op,
                                           options,
                                           dots,
                                           staged,
                                           rotaryTables,
                                           tile,
                                           SmallVector<Value>(arguments)};
                     emitter(context);
                   });
    code.kernels.push_back(
        {.name = kernel.getSymName().str(), .symbol = kernel.getSymName().str()});
  }
  ProbeCode &probes = code.probes.emplace();
  probes.read = {.name = "probe.read", .symbol = "probe.read"};
  probes.peak = {.name = "probe.peak", .symbol = "probe.peak"};
  functions.emit("probe.read", 2, [&](Simd &b, Value tile, ValueRange arguments) {
    probes.readTileBytes = static_cast<uint64_t>(emitReadProbe(b, tile, arguments));
  });
  functions.emit("probe.peak", 1, [&](Simd &b, Value tile, ValueRange arguments) {
    bool int8 = executable.getTarget().getActivations() == "i8";
    PeakProbe peak = emitPeakProbe(b, tile, arguments, int8);
    probes.peakTileOperations = static_cast<uint64_t>(peak.tileOperations);
    probes.peakUnit = peak.unit.str();
  });
  return llvm::Error::success();
}

} // namespace
} // namespace x86

llvm::Expected<CodeObject> compileX86(rt::ExecutableOp executable, const TargetInfo &target,
                                      const CodegenOptions &options) {
  if (options.maxContext == 0)
    return llvm::createStringError("the code generator was not told the longest context");
  MLIRContext *context = executable.getContext();
  context->loadDialect<func::FuncDialect, arith::ArithDialect, math::MathDialect, scf::SCFDialect,
                       vector::VectorDialect, LLVM::LLVMDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(executable.getLoc(), executable.getSymName());
  CodeObject code;
  if (auto error = x86::emitKernels(executable, *module, target, options, code))
    return error;
  if (failed(verify(*module)))
    return llvm::createStringError("the x86 emitters made invalid IR; see the diagnostics above");
  if (options.stage == CodegenStage::Kernels) {
    llvm::raw_string_ostream(code.bytes) << *module << "\n";
    code.kernels.clear();
    return code;
  }
  if (auto error = x86::lowerAndLink(*module, target, options, code))
    return error;
  return code;
}

} // namespace tawny
