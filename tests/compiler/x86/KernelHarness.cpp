#include "tests/compiler/x86/KernelHarness.h"

#include "compiler/codegen/Codegen.h"
#include "dialects/formats/Activations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tawny::test {

namespace {
[[noreturn]] void fail(const std::string &message) {
  llvm::errs() << "test harness: " << message << "\n";
  std::abort();
}
constexpr size_t pageBytes = 4096;
} // namespace

GuardedBuffer::GuardedBuffer(size_t bytes) : bytes(bytes) {
  size_t pages = (bytes + pageBytes - 1) / pageBytes;
  mappedBytes = (pages + 1) * pageBytes;
  void *memory =
      mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    fail("out of memory");
  mapping = static_cast<std::byte *>(memory);
  std::memset(mapping, 0xFF, pages * pageBytes); // every f32 and f16 of it is NaN
  if (mprotect(mapping + pages * pageBytes, pageBytes, PROT_NONE) != 0)
    fail("cannot guard a page");
  data = mapping + pages * pageBytes - bytes;
}
GuardedBuffer::GuardedBuffer(GuardedBuffer &&other) noexcept
    : mapping(std::exchange(other.mapping, nullptr)), data(other.data), bytes(other.bytes),
      mappedBytes(other.mappedBytes) {}
GuardedBuffer::~GuardedBuffer() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

struct CompiledModule::Library {
  void *handle = nullptr;
  int descriptor = -1;
  ~Library() {
    if (handle)
      dlclose(handle);
    if (descriptor >= 0)
      close(descriptor);
  }
};
CompiledModule::~CompiledModule() = default;

CompiledModule CompiledModule::compile(const std::string &kernels, const std::string &target,
                                       const std::string &activations, uint64_t maxContext) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<llm::LlmDialect, rt::RtDialect, mlir::arith::ArithDialect,
                      mlir::math::MathDialect>();
  std::string text = "rt.executable @cpu target <\"" + target +
                     "\", layout = \"simd16\", activations = \"" + activations + "\"> {\n" +
                     kernels + "\n}\n";
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    fail("the kernels do not parse:\n" + text);
  auto info = findTarget(target);
  if (!info)
    fail(llvm::toString(info.takeError()));
  CodegenOptions options;
  options.maxContext = maxContext;
  auto executable = *module->getOps<rt::ExecutableOp>().begin();
  auto code = compileX86(executable, **info, options);
  if (!code)
    fail(llvm::toString(code.takeError()));
  CompiledModule result;
  result.library = std::make_shared<Library>();
  result.library->descriptor = memfd_create("kernel", MFD_CLOEXEC);
  auto written = write(result.library->descriptor, code->bytes.data(), code->bytes.size());
  if (written != static_cast<ssize_t>(code->bytes.size()))
    fail("cannot write the code");
  std::string path = "/proc/self/fd/" + std::to_string(result.library->descriptor);
  result.library->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!result.library->handle)
    fail(dlerror());
  return result;
}

CpuKernel CompiledModule::kernel(const std::string &name) const {
  auto function = reinterpret_cast<CpuKernel>(dlsym(library->handle, name.c_str()));
  if (!function)
    fail("the code has no kernel " + name);
  return function;
}

CompiledKernel CompiledKernel::compile(const std::string &kernel, const std::string &target,
                                       const std::string &activations, uint64_t maxContext) {
  return CompiledKernel(CompiledModule::compile(kernel, target, activations, maxContext));
}

GuardedBuffer packForX86(const RandomWeight &weight) {
  GuardedBuffer packed(weight.packedBytes(simd16Layout));
  weight.pack(simd16Layout, packed.as<std::byte>());
  return packed;
}

GuardedBuffer quantise(std::vector<float> &x, uint64_t rows, uint64_t columns) {
  ActivationRow layout{columns};
  GuardedBuffer buffer(rows * layout.bytes());
  for (uint64_t row = 0; row < rows; ++row) {
    std::byte *out = buffer.as<std::byte>() + row * layout.bytes();
    auto put = [&](uint64_t offset, uint64_t index, auto value) {
      std::memcpy(out + offset + sizeof(value) * index, &value, sizeof(value));
    };
    auto putSum = [&](uint64_t scaled, uint64_t negated, uint64_t index, float scale, int sum) {
      put(scaled, index, scale * static_cast<float>(sum));
      put(negated, index, -sum);
    };
    for (uint64_t group = 0; group < columns / 32; ++group) {
      float *values = &x[row * columns + group * 32], largest = 0;
      for (int i = 0; i < 32; ++i)
        largest = std::max(largest, std::fabs(values[i]));
      float scale = largest / 127, inverse = largest == 0 ? 0 : 127 / largest;
      int sums[2] = {0, 0};
      for (int i = 0; i < 32; ++i) {
        float code = std::nearbyint(values[i] * inverse);
        out[group * 32 + i] = static_cast<std::byte>(static_cast<int8_t>(code));
        sums[i / 16] += static_cast<int>(code);
        values[i] = code * scale;
      }
      put(layout.scalesOffset(), group, scale);
      putSum(layout.sums32Offset(), layout.offsets32Offset(), group, scale, sums[0] + sums[1]);
      for (uint64_t half = 0; half < 2; ++half)
        putSum(layout.sums16Offset(), layout.offsets16Offset(), 2 * group + half, scale,
               sums[half]);
    }
  }
  return buffer;
}

GuardedBuffer guarded(const std::vector<float> &values) {
  GuardedBuffer buffer(values.size() * sizeof(float));
  std::memcpy(buffer.as<float>(), values.data(), buffer.size());
  return buffer;
}
GuardedBuffer guarded(const std::vector<int32_t> &values) {
  GuardedBuffer buffer(values.size() * sizeof(int32_t));
  std::memcpy(buffer.as<int32_t>(), values.data(), buffer.size());
  return buffer;
}

std::vector<std::string> runnableTargets() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  std::vector<std::string> names;
  for (const TargetInfo &target : allTargets())
    if (target.family == TargetFamily::X86 &&
        llvm::all_of(target.required, [&](llvm::StringRef name) { return features.lookup(name); }))
      names.push_back(target.name.str());
  return names;
}

} // namespace tawny::test
