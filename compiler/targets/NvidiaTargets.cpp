// NVIDIA GPUs. A compute capability is one row.
#include "compiler/targets/TargetTables.h"

namespace tawny {
namespace {

/// `chip` has static storage and holds one name: the row's, LLVM's and what devices of this
/// capability and of later ones report, for PTX runs on them too.
TargetInfo nvidia(const llvm::StringRef &chip, unsigned sharedKiB) {
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
          /*source=*/
          "NVIDIA, CUDA C++ Programming Guide, table Technical Specifications per Compute "
          "Capability"};
}

constexpr llvm::StringRef sm80 = "sm_80", sm86 = "sm_86", sm89 = "sm_89", sm90 = "sm_90";

// The latest first: a device takes the first that it can run. Shared memory is the most that a
// block can ask for.
const TargetInfo rows[] = {nvidia(sm90, 227), nvidia(sm89, 99), nvidia(sm86, 99),
                           nvidia(sm80, 163)};

} // namespace

llvm::ArrayRef<TargetInfo> nvidiaTargets() { return rows; }

} // namespace tawny
