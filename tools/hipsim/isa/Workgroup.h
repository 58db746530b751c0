// A workgroup while it runs: its waves, LDS and scratch, and the loop that executes them.
#pragma once

#include "tools/hipsim/isa/LdsMemory.h"
#include "tools/hipsim/isa/Program.h"
#include "tools/hipsim/isa/Trace.h"
#include "tools/hipsim/isa/Wave.h"

#include <memory>
#include <string>
#include <vector>

namespace tawny::hipsim {

/// The base of the buffer descriptor for scratch that kernels of gfx9 start with: 48 bits that no
/// allocation of a host has.
constexpr uint64_t scratchBufferBase = 0xfff000000000;

class Workgroup {
public:
  Workgroup(const KernelLaunch &launch, MemoryPort &port);

  /// Sets all waves to their beginning; finish() runs them to their end.
  void start(Dim3 workgroup);
  ErrorOr<void> finish();

  Location location(const Wave &wave) const {
    return {launch.name, id, wave.index, wave.instructionPc};
  }
  /// Passes a violation on. False ends the kernel; the wave has failed then.
  bool report(Wave &wave, ViolationKind kind, unsigned lane, uint64_t address, std::string message);
  /// Notes an error with the location of a wave.
  void fail(Wave &wave, std::string_view why);
  bool failed() const { return !failure.empty(); }

  const KernelLaunch launch;
  MemoryPort &port;
  Program &program;
  LdsMemory lds;
  Counters counters;
  std::vector<Wave> waves;

  /// Where the host finds `width` bytes at `offset` in a lane's scratch; null if that is out of
  /// bounds. Bytes that were never written may be read: code that diverges spills some lanes of a
  /// register and reloads all.
  uint8_t *scratch(Wave &wave, unsigned lane, uint64_t offset, unsigned width, bool &goOn);

private:
  void runWave(Wave &wave);
  bool checkWaits(Wave &wave, const Instruction &instruction);
  void passBarriers();
  void traceInstruction(Wave &wave);
  void initialise(Wave &wave, unsigned number);
  void initialiseScalars(Wave &wave);

  struct Aligned {
    void operator()(uint32_t *rows) const;
  };

  Dim3 id;
  std::unique_ptr<uint32_t[], Aligned> vectors;
  std::vector<uint32_t> scratchData;
  std::string failure;
  std::unique_ptr<WaveTrace> trace; ///< while the traced wave runs
};

} // namespace tawny::hipsim
