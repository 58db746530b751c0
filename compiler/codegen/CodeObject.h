// What a code generator hands to the artifact writer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tawny {

/// One kernel inside a code object. Facts that a family does not have are 0.
struct KernelCode {
  std::string name;          ///< The `rt.kernel` it implements.
  std::string symbol;        ///< Its entry point in the code object.
  uint64_t codeBytes = 0;    ///< Machine code of the entry point.
  uint64_t scratchBytes = 0; ///< Private memory of one tile (the stack on a CPU).
  uint64_t sharedBytes = 0;  ///< LDS (shared memory) of a workgroup.
  uint32_t threads = 1;      ///< Threads of a tile: 1 on a CPU, the workgroup on a GPU.
  uint32_t scalarRegisters = 0;
  uint32_t vectorRegisters = 0;
  uint32_t spills = 0;
};

/// The kernels that measure the machine; runtime/artifact.fbs (Probes) says what they do.
struct ProbeCode {
  KernelCode read;
  uint64_t readTileBytes = 0;
  KernelCode peak;
  uint64_t peakTileOperations = 0;
  std::string peakUnit; ///< vpdpbusd, fma.f32, …
};

/// Linked machine code of one target: a shared object, a code object, a cubin or PTX.
struct CodeObject {
  std::string bytes;
  std::string fallback; ///< For drivers that refuse `bytes`; empty where there is nothing else.
  std::vector<KernelCode> kernels; ///< One per `rt.kernel` of the executable, in any order.
  std::optional<ProbeCode> probes;

  /// All kernels, those of the probes included.
  std::vector<KernelCode *> allKernels() {
    std::vector<KernelCode *> all;
    for (KernelCode &kernel : kernels)
      all.push_back(&kernel);
    if (probes)
      all.insert(all.end(), {&probes->read, &probes->peak});
    return all;
  }
};

} // namespace tawny
