// The NVPTX code generator: kernels of an executable to PTX and, where ptxas is found, a cubin.
#include "compiler/codegen/MachineCode.h"
#include "compiler/codegen/SharedObject.h"
#include "compiler/codegen/nvptx/Lower.h"
#include "compiler/codegen/nvptx/Ptxas.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace tawny {
namespace nvptx {
namespace {

/// Barrier 0 orders global memory too, but waits for no load that nobody has used: PTX has none
/// that is weaker, and no scheduler that needs fences, since ptxas schedules.
void emitSharedBarrier(OpBuilder &builder, Location loc) { NVVM::Barrier0Op::create(builder, loc); }

/// mma.m16n8k16. Its registers hold a pair of the depth each: a lane's first two elements of both
/// rows, then its last two (PTX ISA, matrix fragments for mma.m16n8k16).
Value emitMatrixMultiply(OpBuilder &builder, Location loc, ValueRange a, Value column, Value sums) {
  auto half = [&](Value vector, int64_t first) {
    return vector::ShuffleOp::create(builder, loc, vector, vector,
                                     ArrayRef<int64_t>{first, first + 1})
        .getResult();
  };
  SmallVector<Value> rows{half(a[0], 0), half(a[1], 0), half(a[0], 2), half(a[1], 2)};
  SmallVector<Value> columns{half(column, 0), half(column, 2)}, before, after;
  for (int64_t i = 0; i < 4; ++i)
    before.push_back(vector::ExtractOp::create(builder, loc, sums, i));
  Type f32 = builder.getF32Type();
  auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(), {f32, f32, f32, f32});
  auto product = NVVM::MmaOp::create(builder, loc, type, rows, columns, before,
                                     ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
                                     std::array{NVVM::MMATypes::f16, NVVM::MMATypes::f16},
                                     std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (int64_t i = 0; i < 4; ++i)
    after.push_back(LLVM::ExtractValueOp::create(builder, loc, product, i));
  return vector::FromElementsOp::create(builder, loc, cast<VectorType>(sums.getType()), after);
}

/// prmt.b32, whose selector is four nibbles.
Value emitPermuteBytes(OpBuilder &builder, Location loc, Value high, Value low, Value selector) {
  auto shifted = [&](Value value, int64_t bits) -> Value {
    Value count = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(bits));
    return arith::ShRUIOp::create(builder, loc, value, count);
  };
  auto masked = [&](Value value, int64_t bits) -> Value {
    Value mask = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(bits));
    return arith::AndIOp::create(builder, loc, value, mask);
  };
  // Nibbles 0 and 1 come to byte 0, nibbles 2 and 3 to byte 2, then all to the low half.
  Value pairs = arith::OrIOp::create(builder, loc, selector, shifted(selector, 4));
  Value nibbles =
      arith::OrIOp::create(builder, loc, masked(pairs, 0xFF), masked(shifted(pairs, 8), 0xFF00));
  return LLVM::CallIntrinsicOp::create(builder, loc, builder.getI32Type(),
                                       builder.getStringAttr("llvm.nvvm.prmt"),
                                       ValueRange{low, high, nibbles})
      .getResult(0);
}

constexpr simt::Backend nvidiaBackend{.sharedBarrier = emitSharedBarrier,
                                      .scheduleFence = nullptr,
                                      .matrixMultiply = emitMatrixMultiply,
                                      .permuteBytes = emitPermuteBytes,
                                      .hasLaunchedSharedMemory = true};

class NvidiaFamily : public simt::Family {
public:
  StringRef name() const final { return "NVIDIA GPUs"; }
  const simt::Backend &backend() const final { return nvidiaBackend; }

  void loadDialects(MLIRContext &context) const final {
    context.loadDialect<NVVM::NVVMDialect>();
    registerNVVMDialectTranslation(context);
  }

  llvm::Error prepare(ModuleOp module, const TargetInfo &target) const final {
    return prepareForNvvm(module, target);
  }

  void addConversions(OpPassManager &kernels, const TargetInfo &) const final {
    addNvvmConversions(kernels);
  }

  void finish(llvm::Module &, const TargetInfo &) const final {}

  llvm::Expected<std::string> emit(llvm::Module &module, const TargetInfo &target,
                                   CodegenStage stage) const final {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    // PTX is what LLVM ends with: assembly and object are one.
    return emitMachineCode(
        module, target,
        {llvm::OptimizationLevel::O3, llvm::CodeGenOptLevel::Aggressive, llvm::TargetOptions()},
        stage == CodegenStage::Object ? CodegenStage::Assembly : stage);
  }

  llvm::Error link(std::string emitted, const TargetInfo &target, CodeObject &code) const final {
    std::optional<std::string> ptxas = findPtxas();
    if (!ptxas) {
      emitted.push_back('\0'); // as the driver wants it
      code.bytes = std::move(emitted);
      return llvm::Error::success();
    }
    llvm::Expected<std::string> cubin = assemble(*ptxas, emitted, target.cpu, code);
    if (!cubin)
      return cubin.takeError();
    code.bytes = std::move(*cubin);
    emitted.push_back('\0');
    code.fallback = std::move(emitted);
    return readSymbolSizes(code);
  }
};

} // namespace
} // namespace nvptx

llvm::Expected<CodeObject> compileNVPTX(rt::ExecutableOp executable, const TargetInfo &target,
                                        const CodegenOptions &options) {
  return simt::compile(nvptx::NvidiaFamily(), executable, target, options);
}

} // namespace tawny
