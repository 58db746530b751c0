// The AMDGPU code generator: kernels of an executable to a code object.
#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/SharedObject.h"
#include "compiler/codegen/amdgpu/Comgr.h"
#include "compiler/codegen/amdgpu/Lower.h"
#include "compiler/codegen/amdgpu/Metadata.h"
#include "compiler/codegen/simt/Kernel.h"

#include "mlir/Dialect/AMDGPU/IR/AMDGPUDialect.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace tawny {
namespace amdgpu {
namespace {

void emitSharedBarrier(OpBuilder &builder, Location loc) {
  mlir::amdgpu::LDSBarrierOp::create(builder, loc);
}

void emitScheduleFence(OpBuilder &builder, Location loc) {
  ROCDL::SchedBarrier::create(builder, loc, builder.getI32IntegerAttr(0));
}

/// WMMA for sums of a wave of 32, of which a lane has 8; MFMA for those of 64, of which it has 4.
Value emitMatrixMultiply(OpBuilder &builder, Location loc, ValueRange a, Value column, Value sums) {
  if (cast<VectorType>(sums.getType()).getNumElements() == 4)
    return mlir::amdgpu::MFMAOp::create(builder, loc, sums.getType(), 16, 16, 16, /*blocks=*/1,
                                        a[0], column, sums);
  return mlir::amdgpu::WMMAOp::create(builder, loc, sums.getType(), 16, 16, 16, a[0], column, sums);
}

constexpr simt::Backend backend{emitSharedBarrier, emitScheduleFence, emitMatrixMultiply};

/// A kernel that spills is right but slow, so it is worth a word.
void warnOfSpills(rt::ExecutableOp executable, const CodeObject &code) {
  for (const KernelCode &kernel : code.kernels)
    if (kernel.spills != 0 || kernel.scratchBytes != 0)
      mlir::emitWarning(SymbolTable::lookupSymbolIn(executable, kernel.name)->getLoc())
          << "kernel '" << kernel.name << "' spills " << kernel.spills << " registers and has "
          << kernel.scratchBytes << " bytes of scratch memory per lane";
}

llvm::Expected<CodeObject> lowerAndLink(rt::ExecutableOp executable, ModuleOp module,
                                        gpu::GPUModuleOp kernels, const TargetInfo &target,
                                        const CodegenOptions &options, CodeObject code) {
  if (llvm::Error error = lowerToRocdl(module, target, options))
    return error;
  llvm::LLVMContext context;
  auto translated = translate(kernels, target, context);
  if (!translated)
    return translated.takeError();
  llvm::Expected<std::string> emitted = emitMachineCode(**translated, target, options.stage);
  if (!emitted)
    return emitted.takeError();
  if (options.stage != CodegenStage::Object)
    return CodeObject{.bytes = std::move(*emitted), .fallback = "", .kernels = {}, .probes = {}};
  llvm::Expected<std::string> linked = linkCodeObject(*emitted, target.cpu);
  if (!linked)
    return linked.takeError();
  code.bytes = std::move(*linked);
  if (llvm::Error error = readMetadata(code))
    return error;
  if (llvm::Error error = readSymbolSizes(code))
    return error;
  warnOfSpills(executable, code);
  return code;
}

} // namespace
} // namespace amdgpu

llvm::Expected<CodeObject> compileAMDGPU(rt::ExecutableOp executable, const TargetInfo &target,
                                         const CodegenOptions &options) {
  MLIRContext *context = executable.getContext();
  context->loadDialect<arith::ArithDialect, mlir::amdgpu::AMDGPUDialect, cf::ControlFlowDialect,
                       func::FuncDialect, gpu::GPUDialect, LLVM::LLVMDialect, math::MathDialect,
                       memref::MemRefDialect, ROCDL::ROCDLDialect, scf::SCFDialect,
                       vector::VectorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(executable.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto kernels = gpu::GPUModuleOp::create(builder, executable.getLoc(), executable.getSymName());
  // Text is for reading and may be in part; a code object is for running.
  auto missing =
      options.stage == CodegenStage::Object ? simt::Missing::Refuse : simt::Missing::Skip;
  auto emitted = simt::emitKernels(executable, target, amdgpu::backend, missing, kernels);
  if (!emitted)
    return emitted.takeError();
  if (failed(verify(*module)))
    return llvm::createStringError("the GPU emitters made invalid IR; see the diagnostics above");
  CodeObject code;
  if (options.stage == CodegenStage::Kernels) {
    llvm::raw_string_ostream(code.bytes) << *module << "\n";
    return code;
  }
  for (const simt::EmittedKernel &kernel : *emitted)
    code.kernels.push_back({.name = kernel.name, .symbol = kernel.name, .threads = kernel.threads});
  return amdgpu::lowerAndLink(executable, *module, kernels, target, options, std::move(code));
}

} // namespace tawny
