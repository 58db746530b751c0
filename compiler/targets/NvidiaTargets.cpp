// NVIDIA GPUs. A compute capability is one row.
#include "compiler/targets/TargetTables.h"

namespace tawny {
namespace {

/// `chip` has static storage and holds one name: the row's, LLVM's and what devices of this
/// capability and of later ones report, for PTX runs on them too.
TargetInfo nvidia(const llvm::StringRef &chip, unsigned sharedKiB, const Product &product) {
  return {/*name=*/chip, TargetFamily::NVPTX,
          /*device=*/"cuda",
          /*layout=*/"simt32",
          /*triple=*/"nvptx64-nvidia-cuda",
          /*cpu=*/chip,
          // PTX ISA 8.0, of CUDA 12.0: the first with all that sm_90 has.
          /*features=*/"+ptx80",
          /*required=*/llvm::ArrayRef<llvm::StringRef>(chip),
          /*activations=*/"f16",
          /*vectorBits=*/0,
          /*vnni=*/false,
          /*waveSize=*/32,
          /*sharedBytes=*/sharedKiB * 1024,
          /*vectorRegisters=*/255, MatrixUnit::MmaSync,
          /*dotI8=*/true, // dp4a
          /*dotF16=*/false, product,
          /*source=*/
          "NVIDIA, CUDA C++ Programming Guide, table Technical Specifications per Compute "
          "Capability"};
}

constexpr llvm::StringRef sm80 = "sm_80", sm86 = "sm_86", sm89 = "sm_89", sm90 = "sm_90";

// The latest first: a device takes the first that it can run. Shared memory is the most that a
// block can ask for.
const TargetInfo rows[] = {
    nvidia(sm90, 227, {"H100 SXM, data sheet; H200 has 4800 GB/s", 132, 0, 3350}),
    nvidia(sm89, 99, {"GeForce RTX 4090, Ada GPU architecture whitepaper", 128, 2520, 1008}),
    nvidia(sm86, 99, {"GeForce RTX 3090, GA102 GPU architecture whitepaper", 82, 1695, 936}),
    nvidia(sm80, 163,
           {"A100 SXM 80GB, data sheet; A100 GPU architecture whitepaper", 108, 1410, 2039}),
};

} // namespace

llvm::ArrayRef<TargetInfo> nvidiaTargets() { return rows; }

} // namespace tawny
