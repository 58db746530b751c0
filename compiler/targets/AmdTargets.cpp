// AMD GPUs. A chip of a known family is one row; what a family shares is one line below.
//
// Compute units and LDS: AMD, ROCm documentation, "AMD GPU specifications". Clocks and bandwidth:
// AMD's page of the product; the bandwidth of an APU is that of the fastest memory it takes.
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

/// Emitters state alignments; without the feature LLVM keeps to them, so that a load at an odd
/// address is a mistake that the simulator finds. `chip` has static storage and holds one name: the
/// row's, LLVM's and what the device reports.
TargetInfo amd(const llvm::StringRef &chip, const Family &family, const Product &product) {
  return {/*name=*/chip, TargetFamily::AMDGPU,
          /*device=*/"hip",
          /*layout=*/"simt32",
          /*triple=*/"amdgcn-amd-amdhsa",
          /*cpu=*/chip,
          /*features=*/"-unaligned-access-mode",
          /*required=*/llvm::ArrayRef<llvm::StringRef>(chip),
          /*activations=*/"f16",
          /*vectorBits=*/0,
          /*vnni=*/false, family.waveSize,
          /*sharedBytes=*/65536, family.vectorRegisters, family.matrix,
          // From Vega 20 on all have v_dot4_i32_i8 (or _iu8) and v_dot2_f32_f16.
          /*dotI8=*/true,
          /*dotF16=*/true, product, family.source};
}

constexpr llvm::StringRef gfx906 = "gfx906", gfx908 = "gfx908", gfx90a = "gfx90a",
                          gfx942 = "gfx942", gfx1100 = "gfx1100", gfx1101 = "gfx1101",
                          gfx1102 = "gfx1102", gfx1103 = "gfx1103", gfx1150 = "gfx1150",
                          gfx1151 = "gfx1151", gfx1152 = "gfx1152", gfx1153 = "gfx1153",
                          gfx1200 = "gfx1200", gfx1201 = "gfx1201";

// A GCD of the MI250X is a device of its own, with half of the card's memory.
const TargetInfo rows[] = {
    amd(gfx1151, rdna35, {"Radeon 8060S, LPDDR5X-8000 of 256 bits", 40, 2900, 256}),
    amd(gfx1150, rdna35, {"Radeon 890M, LPDDR5X-8000 of 128 bits", 16, 2900, 128}),
    amd(gfx1152, rdna35, {"Radeon 860M, LPDDR5X-8000 of 128 bits", 8, 3000, 128}),
    amd(gfx1153, rdna35, {"", 0, 0, 0}),
    amd(gfx1100, rdna3, {"Radeon RX 7900 XTX", 96, 2500, 960}),
    amd(gfx1101, rdna3, {"Radeon RX 7800 XT", 60, 2430, 624}),
    amd(gfx1102, rdna3, {"Radeon RX 7600", 32, 2655, 288}),
    amd(gfx1103, rdna3, {"Radeon 780M, LPDDR5X-7500 of 128 bits", 12, 2700, 120}),
    amd(gfx1200, rdna4, {"Radeon RX 9060 XT", 32, 3130, 320}),
    amd(gfx1201, rdna4, {"Radeon RX 9070 XT", 64, 2970, 640}),
    amd(gfx906, vega20, {"Radeon Instinct MI50", 60, 1725, 1024}),
    amd(gfx908, cdna1, {"Instinct MI100", 120, 1502, 1229}),
    amd(gfx90a, cdna2, {"Instinct MI250X, one GCD", 110, 1700, 1638}),
    amd(gfx942, cdna3, {"Instinct MI300X", 304, 2100, 5300}),
};

} // namespace

llvm::ArrayRef<TargetInfo> amdTargets() { return rows; }

} // namespace tawny
