// x86 processors. LLVM may use any instruction of the processor a row names, so `required` lists
// every vector extension of it. What LLVM emits only for intrinsics this project does not use
// (AMX, SHA, …) is not listed.
#include "compiler/targets/TargetTables.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/TargetParser/Host.h"

#include <array>

namespace tawny {
namespace {

template <size_t N> using Features = std::array<llvm::StringRef, N>;

template <size_t N, size_t M>
constexpr Features<N + M> operator+(const Features<N> &a, const Features<M> &b) {
  Features<N + M> all;
  for (size_t i = 0; i < N + M; ++i)
    all[i] = i < N ? a[i] : b[i - N];
  return all;
}

constexpr Features<8> v3{"avx", "avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"};
constexpr auto v4 = v3 + Features<5>{"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"};
constexpr auto iceLake =
    v4 + Features<7>{"avx512vnni",   "avx512ifma",      "avx512vbmi", "avx512vbmi2",
                     "avx512bitalg", "avx512vpopcntdq", "gfni"};
constexpr auto zen4 = iceLake + Features<1>{"avx512bf16"};
constexpr auto zen5 = zen4 + Features<2>{"avxvnni", "avx512vp2intersect"};
constexpr auto sapphireRapids = zen4 + Features<2>{"avxvnni", "avx512fp16"};

/// One row. All x86 processors share the layout of 16 rows and the ABI; int8 products are the
/// fastest way through a quantised weight with VNNI and without.
constexpr TargetInfo x86(llvm::StringRef name, llvm::StringRef features,
                         llvm::ArrayRef<llvm::StringRef> required, unsigned vectorBits, bool vnni,
                         CpuPrefetch prefetch, llvm::StringRef source) {
  return {name,
          TargetFamily::X86,
          /*device=*/"cpu",
          /*layout=*/"simd16",
          /*triple=*/"x86_64-unknown-linux-gnu",
          /*cpu=*/name,
          features,
          required,
          /*activations=*/"i8",
          vectorBits,
          vnni,
          /*waveSize=*/0,
          /*sharedBytes=*/0,
          /*vectorRegisters=*/0,
          MatrixUnit::None,
          /*dotI8=*/vnni,
          /*dotF16=*/false,
          /*product=*/{"", 0, 0, 0},
          source,
          prefetch};
}

// The best of a sweep over decoding, on Zen 4 and on Emerald Rapids; kin take their family's. Zen's
// prefetchers follow a stream by themselves: asking for what is far ahead stops them, and asking
// for what is near helps only where much happens between loads.
constexpr CpuPrefetch zenPrefetch = {{4096, 12288}, {256, 0}, {}};
constexpr CpuPrefetch intelPrefetch = {{6144, 20480}, {6144, 20480}, {6144, 20480}};

// LLVM's cost model for Intel's processors splits 512-bit vectors; that guards against frequency
// drops of parts older than these. SSE4a is AMD's alone and of no use here, so without it code for
// Zen runs wherever the listed extensions are.
constexpr llvm::StringRef wide = "-prefer-256-bit";
constexpr llvm::StringRef zenFeatures = "-sse4a";

// Sapphire Rapids stands before Zen 4, whose extensions it has too.
const TargetInfo rows[] = {
    x86("znver5", zenFeatures, zen5, 512, true, zenPrefetch,
        "AMD, Software Optimization Guide for the AMD Zen5 Microarchitecture, 58455"),
    x86("sapphirerapids", wide, sapphireRapids, 512, true, intelPrefetch,
        "Intel 64 and IA-32 Architectures Optimization Reference Manual, 248966"),
    x86("znver4", zenFeatures, zen4, 512, true, zenPrefetch,
        "AMD, Software Optimization Guide for the AMD Zen4 Microarchitecture, 57647"),
    x86("icelake-server", wide, iceLake, 512, true, intelPrefetch,
        "Intel 64 and IA-32 Architectures Optimization Reference Manual, 248966"),
    x86("x86-64-v4", wide, v4, 512, false, intelPrefetch,
        "System V ABI, AMD64 Supplement, table 3.1: micro-architecture levels"),
    x86("x86-64-v3", "", v3, 256, false, intelPrefetch,
        "System V ABI, AMD64 Supplement, table 3.1: micro-architecture levels"),
};

} // namespace

llvm::ArrayRef<TargetInfo> x86Targets() { return rows; }

llvm::Expected<llvm::StringRef> hostTarget() {
  const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (const TargetInfo &row : rows)
    if (llvm::all_of(row.required, [&](llvm::StringRef name) { return host.lookup(name); }))
      return row.name;
  return llvm::createStringError("target 'cpu': expected this machine to support at least %s "
                                 "(AVX2, FMA, F16C, BMI), found that it does not; name the target "
                                 "that the file is for",
                                 std::end(rows)[-1].name.str().c_str());
}

} // namespace tawny
