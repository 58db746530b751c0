// A GPU driver for tests, in HIP's or CUDA's words (FAKE_CUDA): a shared library whose kernels are
// functions of the host. See FakeDriver.h for what a test can do with it.
#include "tests/runtime/gpu/FakeDriver.h"
#include "tests/runtime/gpu/FakeQueue.h"

#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

using tawny::test::FakeCall;
using tawny::test::FakeEvent;
using tawny::test::FakeGpu;
using tawny::test::FakeGraph;
using tawny::test::FakeModule;

#ifdef FAKE_CUDA
#define NAME(hip, cuda) cuda
#else
#define NAME(hip, cuda) hip
#endif
#define FAKE(hip, cuda) extern "C" __attribute__((visibility("default"))) int NAME(hip, cuda)

/// Counts the call and gives the planned failure, if any.
#define ENTER(hip, cuda)                                                                           \
  FakeCall call;                                                                                   \
  if (int failure = FakeGpu::instance().enter(NAME(#hip, #cuda)))                                  \
  return failure

static FakeGpu &gpu() { return FakeGpu::instance(); }
static constexpr int invalidValue = 1, invalidImage = 200, notFound = 500;

FAKE(hipInit, cuInit)(unsigned) {
  ENTER(hipInit, cuInit);
  return 0;
}
FAKE(hipDriverGetVersion, cuDriverGetVersion)(int *version) {
  *version = 1;
  return 0;
}
FAKE(hipGetDeviceCount, cuDeviceGetCount)(int *count) {
  ENTER(hipGetDeviceCount, cuDeviceGetCount);
  *count = 2;
  return 0;
}
FAKE(hipDeviceGetName, cuDeviceGetName)(char *name, int bytes, int device) {
  std::snprintf(name, static_cast<size_t>(bytes), "fake device %d", device);
  return 0;
}
FAKE(hipDeviceGetPCIBusId, cuDeviceGetPCIBusId)(char *id, int bytes, int device) {
  std::snprintf(id, static_cast<size_t>(bytes), "0000:C%d:00.0", device);
  return 0;
}
FAKE(hipMemGetInfo, cuMemGetInfo_v2)(size_t *available, size_t *total) {
  ENTER(hipMemGetInfo, cuMemGetInfo_v2);
  *total = gpu().capacity;
  *available = gpu().capacity - gpu().used;
  return 0;
}
FAKE(hipMalloc, cuMemAlloc_v2)(void **address, size_t bytes) {
  ENTER(hipMalloc, cuMemAlloc_v2);
  return gpu().allocate(address, bytes);
}
FAKE(hipFree, cuMemFree_v2)(void *address) {
  gpu().enter(NAME("hipFree", "cuMemFree_v2"));
  return gpu().free(address);
}
FAKE(hipHostMalloc, cuMemHostAlloc)(void **address, size_t bytes, unsigned) {
  ENTER(hipHostMalloc, cuMemHostAlloc);
  return gpu().pin(address, bytes);
}
FAKE(hipHostFree, cuMemFreeHost)(void *address) {
  gpu().enter(NAME("hipHostFree", "cuMemFreeHost"));
  return gpu().unpin(address);
}
FAKE(hipHostRegister, cuMemHostRegister_v2)(void *host, size_t bytes, unsigned) {
  ENTER(hipHostRegister, cuMemHostRegister_v2);
  gpu().adopt(host, bytes);
  return 0;
}
FAKE(hipHostUnregister, cuMemHostUnregister)(void *host) { return gpu().disown(host); }
FAKE(hipHostGetDevicePointer, cuMemHostGetDevicePointer_v2)(void **device, void *host, unsigned) {
  *device = tawny::test::deviceAddress(reinterpret_cast<uint64_t>(host));
  return gpu().hostOf(*device, 1) ? 0 : invalidValue;
}

/// A copy that looks at its addresses when it is issued and at its bytes when it is run.
static int queueCopy(std::byte *to, const std::byte *from, size_t bytes) {
  if (!to || !from)
    return invalidValue;
  return gpu().enqueue([=] {
    std::memmove(to, from, bytes);
    return 0;
  });
}
FAKE(hipMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2)(void *to, const void *from, size_t bytes, void *) {
  ENTER(hipMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2);
  if (!gpu().isPinned(from, bytes))
    gpu().blame("copied to the device from memory that is not pinned");
  return queueCopy(gpu().hostOf(to, bytes), static_cast<const std::byte *>(from), bytes);
}
FAKE(hipMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2)(void *to, const void *from, size_t bytes, void *) {
  ENTER(hipMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2);
  if (!gpu().isPinned(to, bytes))
    gpu().blame("copied from the device to memory that is not pinned");
  return queueCopy(static_cast<std::byte *>(to), gpu().hostOf(from, bytes), bytes);
}
FAKE(hipMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2)(void *to, const void *from, size_t bytes, void *) {
  ENTER(hipMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2);
  return queueCopy(gpu().hostOf(to, bytes), gpu().hostOf(from, bytes), bytes);
}
FAKE(hipMemsetD8Async, cuMemsetD8Async)(void *address, unsigned char value, size_t bytes, void *) {
  ENTER(hipMemsetD8Async, cuMemsetD8Async);
  std::byte *host = gpu().hostOf(address, bytes);
  return host ? gpu().enqueue([=] {
    std::memset(host, value, bytes);
    return 0;
  })
              : invalidValue;
}

FAKE(hipStreamCreateWithFlags, cuStreamCreate)(void **stream, unsigned) {
  ENTER(hipStreamCreateWithFlags, cuStreamCreate);
  ++gpu().objects;
  *stream = &gpu();
  return 0;
}
FAKE(hipStreamDestroy, cuStreamDestroy_v2)(void *) {
  --gpu().objects;
  return 0;
}
FAKE(hipStreamSynchronize, cuStreamSynchronize)(void *) {
  ENTER(hipStreamSynchronize, cuStreamSynchronize);
  return gpu().drain();
}
FAKE(hipEventCreateWithFlags, cuEventCreate)(void **event, unsigned) {
  ENTER(hipEventCreateWithFlags, cuEventCreate);
  ++gpu().objects;
  *event = new FakeEvent;
  return 0;
}
FAKE(hipEventDestroy, cuEventDestroy_v2)(void *event) {
  gpu().drain();
  --gpu().objects;
  delete static_cast<FakeEvent *>(event);
  return 0;
}
FAKE(hipEventRecord, cuEventRecord)(void *event, void *) {
  ENTER(hipEventRecord, cuEventRecord);
  auto *recorded = static_cast<FakeEvent *>(event);
  recorded->isPending = true;
  return gpu().enqueue([=] {
    recorded->seconds = gpu().clock;
    recorded->isPending = false;
    return 0;
  });
}
FAKE(hipEventSynchronize, cuEventSynchronize)(void *event) {
  ENTER(hipEventSynchronize, cuEventSynchronize);
  return static_cast<FakeEvent *>(event)->isPending ? gpu().drain() : 0;
}
FAKE(hipEventElapsedTime, cuEventElapsedTime)(float *milliseconds, void *from, void *to) {
  auto *first = static_cast<FakeEvent *>(from), *last = static_cast<FakeEvent *>(to);
  if (first->isPending || last->isPending)
    gpu().blame("read the time of an event that is not over");
  constexpr double perSecond = 1e3;
  *milliseconds = static_cast<float>((last->seconds - first->seconds) * perSecond);
  return 0;
}

/// Loads the toy kernels, whatever machine the ELF header has been made to name.
static int loadImage(void **module, const void *image) {
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine == EM_NONE)
    return invalidImage;
  size_t bytes = header.e_shoff + size_t(header.e_shnum) * sizeof(Elf64_Shdr);
  auto *made = new FakeModule;
  made->file = memfd_create("fake-module", MFD_CLOEXEC);
  header.e_machine = EM_X86_64;
  bool isWritten = write(made->file, image, bytes) == static_cast<ssize_t>(bytes) &&
                   pwrite(made->file, &header, sizeof(header), 0) == sizeof(header);
  std::string path = "/proc/self/fd/" + std::to_string(made->file);
  made->library = isWritten ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (!made->library) {
    close(made->file);
    delete made;
    return invalidImage;
  }
  ++gpu().objects;
  *module = made;
  return 0;
}
FAKE(hipModuleUnload, cuModuleUnload)(void *module) {
  auto *made = static_cast<FakeModule *>(module);
  gpu().drain();
  --gpu().objects;
  dlclose(made->library);
  close(made->file);
  delete made;
  return 0;
}
FAKE(hipModuleGetFunction, cuModuleGetFunction)(void **function, void *module, const char *name) {
  ENTER(hipModuleGetFunction, cuModuleGetFunction);
  static const std::map<std::string, unsigned> bindings = {
      {"toy_init", 2},          {"toy_append", 4}, {"toy_attend", 5}, {"toy_logits_step", 6},
      {"toy_logits_decode", 6}, {"toy_read", 2},   {"toy_peak", 1}};
  auto known = bindings.find(name);
  *function = dlsym(static_cast<FakeModule *>(module)->library, name);
  if (!*function || known == bindings.end())
    return notFound;
  gpu().functions[*function] = known->second;
  return 0;
}
FAKE(hipModuleLaunchKernel, cuLaunchKernel)(void *function, unsigned gridX, unsigned gridY,
                                            unsigned gridZ, unsigned blockX, unsigned, unsigned,
                                            unsigned sharedBytes, void *, void **parameters,
                                            void **) {
  ENTER(hipModuleLaunchKernel, cuLaunchKernel);
  constexpr unsigned plainShared = 48 << 10;
  if (gridX == 0 || gridY != 1 || gridZ != 1 || blockX == 0 || sharedBytes > plainShared)
    return invalidValue;
  return gpu().launch(function, gridX, gpu().functions.at(function), parameters);
}

FAKE(hipStreamBeginCapture, cuStreamBeginCapture_v2)(void *, int) {
  ENTER(hipStreamBeginCapture, cuStreamBeginCapture_v2);
  ++gpu().objects;
  gpu().capturing = new FakeGraph;
  return 0;
}
FAKE(hipStreamEndCapture, cuStreamEndCapture)(void *, void **graph) {
  *graph = gpu().capturing;
  gpu().capturing = nullptr;
  ENTER(hipStreamEndCapture, cuStreamEndCapture);
  return 0;
}
FAKE(hipGraphInstantiateWithFlags, cuGraphInstantiateWithFlags)(void **executable, void *graph,
                                                                unsigned long long) {
  ENTER(hipGraphInstantiateWithFlags, cuGraphInstantiateWithFlags);
  ++gpu().objects;
  *executable = new FakeGraph(*static_cast<FakeGraph *>(graph));
  return 0;
}
FAKE(hipGraphLaunch, cuGraphLaunch)(void *executable, void *) {
  ENTER(hipGraphLaunch, cuGraphLaunch);
  for (const auto &work : static_cast<FakeGraph *>(executable)->work)
    gpu().enqueue(work);
  return 0;
}
FAKE(hipGraphExecDestroy, cuGraphExecDestroy)(void *executable) {
  --gpu().objects;
  delete static_cast<FakeGraph *>(executable);
  return 0;
}
FAKE(hipGraphDestroy, cuGraphDestroy)(void *graph) {
  if (graph)
    --gpu().objects;
  delete static_cast<FakeGraph *>(graph);
  return 0;
}

static const char *describe(int status) { return status == 2 ? "out of memory" : "fake failure"; }

#ifdef FAKE_CUDA

FAKE(, cuDeviceGetAttribute)(int *value, int attribute, int) {
  static const std::map<int, int> values = {{1, 1024}, {16, 4}, {75, 8}, {76, 6}, {97, 99 << 10}};
  auto found = values.find(attribute);
  *value = found == values.end() ? 0 : found->second;
  return 0;
}
FAKE(, cuDeviceGet)(int *device, int ordinal) {
  *device = ordinal;
  return 0;
}
FAKE(, cuDevicePrimaryCtxRetain)(void **context, int) {
  ENTER(, cuDevicePrimaryCtxRetain);
  ++gpu().objects;
  *context = &gpu();
  return 0;
}
FAKE(, cuDevicePrimaryCtxRelease_v2)(int) {
  --gpu().objects;
  return 0;
}
FAKE(, cuCtxSetCurrent)(void *) {
  ENTER(, cuCtxSetCurrent);
  return 0;
}
FAKE(, cuModuleLoadDataEx)(void **module, const void *image, unsigned count, int *options,
                           void **values) {
  ENTER(, cuModuleLoadDataEx);
  int status = loadImage(module, image);
  constexpr int errorLog = 5;
  for (unsigned i = 0; status != 0 && i < count; ++i)
    if (options[i] == errorLog)
      std::strcpy(static_cast<char *>(values[i]), "ptxas fatal: fake log");
  return status;
}
FAKE(, cuFuncSetAttribute)(void *, int, int) {
  ENTER(, cuFuncSetAttribute);
  return 0;
}
FAKE(, cuGetErrorName)(int status, const char **name) {
  *name = status == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE";
  return 0;
}
FAKE(, cuGetErrorString)(int status, const char **text) {
  *text = describe(status);
  return 0;
}

#else

FAKE(hipDeviceGetAttribute, )(int *value, int attribute, int) {
  static const std::map<int, int> values = {{16, 1}, {56, 1024}, {63, 4}, {74, 64 << 10}};
  auto found = values.find(attribute);
  *value = found == values.end() ? 0 : found->second;
  return 0;
}
FAKE(hipSetDevice, )(int) {
  ENTER(hipSetDevice, );
  return 0;
}
/// The structure of ROCm 6, whose size a caller of the old function would not expect.
FAKE(hipGetDevicePropertiesR0600, )(void *properties, int) {
  std::strcpy(static_cast<char *>(properties) + 1160, "gfx1151:xnack-");
  return 0;
}
FAKE(hipModuleLoadData, )(void **module, const void *image) {
  ENTER(hipModuleLoadData, );
  return loadImage(module, image);
}
extern "C" __attribute__((visibility("default"))) const char *hipGetErrorName(int status) {
  return status == 2 ? "hipErrorOutOfMemory" : "hipErrorFake";
}
extern "C" __attribute__((visibility("default"))) const char *hipGetErrorString(int status) {
  return describe(status);
}

#endif

extern "C" __attribute__((visibility("default"))) const FakeDriverControls *fakeDriverControls() {
  static const FakeDriverControls controls = {
      [] { gpu().reset(); },
      [](const char *function, uint64_t call, int status) {
        gpu().failures[function] = {call, status};
      },
      [](uint64_t launch, int status) {
        gpu().loseCountdown = launch;
        gpu().loseStatus = status;
      },
      [](size_t bytes) { gpu().capacity = bytes; },
      [](const char *function, unsigned microseconds) { gpu().delays[function] = microseconds; },
      [](const char *function) { return gpu().callCounts[function]; },
      [] { return gpu().live(); },
      [] { return FakeCall::isInside(); },
      [] { return gpu().misuse.c_str(); },
  };
  return &controls;
}
