// AMD GPUs. A chip of a known family is one row; what a family shares is one line below.
#include "compiler/targets/TargetTables.h"

namespace tawny {
namespace {

/// What the chips of one instruction set share.
struct Family {
  unsigned waveSize;
  unsigned vectorRegisters;
  MatrixUnit matrix;
  llvm::StringRef source;
};

// Registers: those a lane can address without switching banks or accumulation registers. All have
// 64 KiB of LDS for a workgroup.
constexpr Family vega20{64, 256, MatrixUnit::None,
                        "AMD, Vega 7nm Instruction Set Architecture Reference Guide"};
constexpr Family cdna1{64, 256, MatrixUnit::Mfma,
                       "AMD, Instinct MI100 (CDNA) Instruction Set Architecture Guide"};
constexpr Family cdna2{64, 512, MatrixUnit::Mfma,
                       "AMD, Instinct MI200 (CDNA2) Instruction Set Architecture Guide"};
constexpr Family cdna3{64, 512, MatrixUnit::Mfma,
                       "AMD, Instinct MI300 (CDNA3) Instruction Set Architecture Guide"};
constexpr Family rdna3{32, 256, MatrixUnit::WmmaReplicated,
                       "AMD, RDNA3 Instruction Set Architecture Reference Guide"};
constexpr Family rdna35{32, 256, MatrixUnit::WmmaReplicated,
                        "AMD, RDNA3.5 Instruction Set Architecture Reference Guide"};
constexpr Family rdna4{32, 256, MatrixUnit::WmmaSplit,
                       "AMD, RDNA4 Instruction Set Architecture Reference Guide"};

/// `chip` has static storage and holds one name: the row's, LLVM's and what the device reports.
TargetInfo amd(const llvm::StringRef &chip, const Family &family) {
  return {/*name=*/chip,
          TargetFamily::AMDGPU,
          /*device=*/"hip",
          /*layout=*/"simt32",
          /*triple=*/"amdgcn-amd-amdhsa",
          /*cpu=*/chip,
          /*features=*/"",
          /*required=*/llvm::ArrayRef<llvm::StringRef>(chip),
          /*activations=*/"f16",
          /*vectorBits=*/0,
          /*vnni=*/false,
          family.waveSize,
          /*sharedBytes=*/65536,
          family.vectorRegisters,
          family.matrix,
          family.source};
}

constexpr llvm::StringRef gfx906 = "gfx906", gfx908 = "gfx908", gfx90a = "gfx90a",
                          gfx942 = "gfx942", gfx1100 = "gfx1100", gfx1101 = "gfx1101",
                          gfx1102 = "gfx1102", gfx1103 = "gfx1103", gfx1150 = "gfx1150",
                          gfx1151 = "gfx1151", gfx1152 = "gfx1152", gfx1153 = "gfx1153",
                          gfx1200 = "gfx1200", gfx1201 = "gfx1201";

const TargetInfo rows[] = {
    amd(gfx1151, rdna35), amd(gfx1150, rdna35), amd(gfx1152, rdna35), amd(gfx1153, rdna35),
    amd(gfx1100, rdna3),  amd(gfx1101, rdna3),  amd(gfx1102, rdna3),  amd(gfx1103, rdna3),
    amd(gfx1200, rdna4),  amd(gfx1201, rdna4),  amd(gfx906, vega20),  amd(gfx908, cdna1),
    amd(gfx90a, cdna2),   amd(gfx942, cdna3),
};

} // namespace

llvm::ArrayRef<TargetInfo> amdTargets() { return rows; }

} // namespace tawny
