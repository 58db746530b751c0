// What the simulator counted, for the process that uses it. Found with dlsym in the library that
// stands in for HIP's; a library without these functions is hardware's. C, like HIP itself.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Handed to every function below, which answers 0 to a version it does not know.
#define HIPSIM_COUNTERS_VERSION 1u

/// Instruction classes; `hipsimClassName` says what they are called.
#define HIPSIM_MAX_CLASSES 24

/// Widths of memory accesses per lane, in bytes: 1, 2, 4, 8, 12, 16.
#define HIPSIM_WIDTHS 6

/// One kernel, summed over its launches since the start or the last reset.
typedef struct HipsimKernelCounters {
  const char *name; ///< valid until the library is unloaded
  uint64_t launches;
  uint64_t workgroups;
  uint64_t waves;
  uint64_t instructions;                            ///< of waves, all classes together
  uint64_t instructionsByClass[HIPSIM_MAX_CLASSES]; ///< index: class
  uint64_t memoryInstructions; ///< vector loads, stores and atomics on global memory, of waves
  uint64_t bytesRead;          ///< that lanes asked for, scalar loads included
  uint64_t bytesWritten;
  uint64_t instructionLines; ///< distinct 128-byte lines of each memory instruction, summed
  uint64_t linesRead;        ///< distinct 128-byte lines of each launch, summed over launches
  uint64_t linesWritten;
  uint64_t sectorsRead; ///< distinct 64-byte sectors of each launch, summed over launches
  uint64_t sectorsWritten;
  uint64_t usedBytesRead; ///< distinct bytes of each launch: of linesRead · 128 so many were used
  uint64_t usedBytesWritten;
  uint64_t vectorIssueCycles;     ///< in which a SIMD issues vector instructions, summed over waves
  uint64_t ldsBankConflictCycles; ///< beyond those that LDS instructions take without conflicts
  uint64_t ldsBytesRead;
  uint64_t ldsBytesWritten;
  uint32_t vectorRegisters; ///< of the code object's metadata, as the next ones
  uint32_t scalarRegisters;
  uint32_t ldsBytes;
  uint32_t scratchBytes;
} HipsimKernelCounters;

/// One kernel's traffic with one allocation, summed over launches. An allocation of weights tells
/// how well weights are fetched: usedBytesRead / (128 · linesRead).
typedef struct HipsimStreamCounters {
  const char *kernel;
  uint64_t allocation;               ///< device address of its first byte
  uint64_t allocationBytes;          ///< as asked for
  uint64_t bytesRead[HIPSIM_WIDTHS]; ///< that vector loads asked for, by bytes per lane
  uint64_t scalarBytesRead;
  uint64_t bytesWritten[HIPSIM_WIDTHS];
  uint64_t linesRead;
  uint64_t linesWritten;
  uint64_t sectorsRead;
  uint64_t sectorsWritten;
  uint64_t usedBytesRead;
  uint64_t usedBytesWritten;
} HipsimStreamCounters;

/// Copies at most `capacity` entries, in the order in which kernels first ran, and returns how many
/// there are. `out` may be null where `capacity` is 0.
typedef size_t (*HipsimGetKernelCounters)(uint32_t version, HipsimKernelCounters *out,
                                          size_t capacity);
typedef size_t (*HipsimGetStreamCounters)(uint32_t version, HipsimStreamCounters *out,
                                          size_t capacity);
/// The name of class `index`, or null behind the last one.
typedef const char *(*HipsimClassName)(uint32_t version, uint32_t index);
/// Starts all counters again from zero. Returns 1.
typedef size_t (*HipsimResetCounters)(uint32_t version);

/// What dlsym is asked for.
#define HIPSIM_GET_KERNEL_COUNTERS "hipsimGetKernelCounters"
#define HIPSIM_GET_STREAM_COUNTERS "hipsimGetStreamCounters"
#define HIPSIM_CLASS_NAME "hipsimClassName"
#define HIPSIM_RESET_COUNTERS "hipsimResetCounters"

size_t hipsimGetKernelCounters(uint32_t version, HipsimKernelCounters *out, size_t capacity);
size_t hipsimGetStreamCounters(uint32_t version, HipsimStreamCounters *out, size_t capacity);
const char *hipsimClassName(uint32_t version, uint32_t index);
size_t hipsimResetCounters(uint32_t version);

#ifdef __cplusplus
} // extern "C"
#endif
