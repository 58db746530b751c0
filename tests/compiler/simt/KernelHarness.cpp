#include "tests/compiler/simt/KernelHarness.h"

#include "compiler/codegen/Codegen.h"
#include "dialects/rt/Rt.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>

namespace tawny::test {
namespace {

[[noreturn]] void fail(const std::string &message) {
  llvm::errs() << "test harness: " << message << "\n";
  std::abort();
}

} // namespace

std::string chip() {
  for (const char *variable : {"TAWNY_TEST_TARGET", "HIPSIM_ARCH"})
    if (const char *name = std::getenv(variable))
      return name;
  return "gfx1151";
}

static const TargetInfo &target() {
  llvm::Expected<const TargetInfo *> found = findTarget(chip());
  if (!found)
    fail(llvm::toString(found.takeError()));
  return **found;
}

Device &gpu() {
  static std::unique_ptr<Device> device = [] {
    ErrorOr<std::unique_ptr<Device>> opened = openDevice(target().device.str(), 0);
    if (!opened)
      fail(opened.error().message);
    return std::move(*opened);
  }();
  return *device;
}

GpuBuffer::GpuBuffer(size_t bytes) {
  ErrorOr<Buffer> allocated = gpu().allocate(bytes);
  if (!allocated)
    fail(allocated.error().message);
  memory = std::move(*allocated);
  write(std::vector<std::byte>(bytes, std::byte{0xFF}));
}

void GpuBuffer::write(std::span<const std::byte> bytes) {
  if (ErrorOr<void> written = gpu().write(memory.address(), bytes); !written)
    fail(written.error().message);
}

void GpuBuffer::readBytes(std::span<std::byte> bytes) const {
  if (ErrorOr<void> done = gpu().read(bytes, memory.address()); !done)
    fail(done.error().message);
}

GpuBuffer GpuBuffer::halves(const std::vector<float> &values) {
  std::vector<uint16_t> bits;
  for (float value : values)
    bits.push_back(floatToHalf(value));
  return of(bits);
}

GpuBuffer GpuBuffer::weight(const RandomWeight &weight) {
  std::vector<std::byte> packed(weight.packedBytes(simt32Layout));
  weight.pack(simt32Layout, packed.data());
  return of(packed);
}

std::vector<float> GpuBuffer::readHalves() const {
  std::vector<float> values;
  for (uint16_t bits : read<uint16_t>())
    values.push_back(halfToFloat(bits));
  return values;
}

std::vector<float> roundedToHalf(std::vector<float> values) {
  for (float &value : values)
    value = halfToFloat(floatToHalf(value));
  return values;
}

SimtKernel SimtKernel::compile(const std::string &kernel, uint64_t maxContext) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<llm::LlmDialect, rt::RtDialect, mlir::arith::ArithDialect,
                      mlir::math::MathDialect>();
  std::string text = "rt.executable @gpu target <\"" + chip() +
                     "\", layout = \"simt32\", activations = \"f16\"> {\n" + kernel + "\n}\n";
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    fail("the kernel does not parse:\n" + text);
  CodegenOptions options;
  options.maxContext = maxContext;
  auto executable = *module->getOps<rt::ExecutableOp>().begin();
  rt::GridAttr grid = (*executable.getBody().getOps<rt::KernelOp>().begin()).getGrid();
  const bool isNvidia = target().family == TargetFamily::NVPTX;
  auto compiled = (isNvidia ? compileNVPTX : compileAMDGPU)(executable, target(), options);
  if (!compiled)
    fail(llvm::toString(compiled.takeError()));
  // ptxas spills a few of the 255 that a thread may have, into the first cache (docs/nvidia.md).
  EXPECT_LE(compiled->kernels[0].spills, isNvidia ? 16u : 0u) << text;
  ErrorOr<std::unique_ptr<LoadedCode>> loaded =
      gpu().loadCode(std::as_bytes(std::span(compiled->bytes)));
  if (!loaded)
    fail(loaded.error().message);
  SimtKernel result;
  result.code = std::move(*loaded);
  result.threads = compiled->kernels[0].threads;
  result.sharedBytes = compiled->kernels[0].sharedBytes;
  ErrorOr<KernelHandle> handle = result.code->kernel("k", result.sharedBytes);
  if (!handle)
    fail(handle.error().message);
  result.handle = *handle;
  result.rowTiles = grid.getFixed();
  result.divisor = grid.getDivisor();
  result.countsRows = grid.getExtent() != rt::Extent::One;
  return result;
}

void SimtKernel::run(const std::vector<const GpuBuffer *> &bindings, uint64_t rows) const {
  std::vector<void *> addresses;
  for (const GpuBuffer *binding : bindings)
    addresses.push_back(binding->address());
  Launch launch;
  launch.kernel = handle;
  launch.bindings = addresses.data();
  launch.bindingCount = static_cast<uint32_t>(addresses.size());
  launch.tileThreads = threads;
  launch.sharedBytes = static_cast<uint32_t>(sharedBytes);
  launch.tiles = rowTiles * (countsRows ? (rows + divisor - 1) / divisor : 1);
  ErrorOr<void> done = gpu().submit({&launch, 1});
  if (done)
    done = gpu().wait();
  if (!done)
    FAIL() << done.error().message;
}

} // namespace tawny::test
