// The registers of a wave. Vector registers lie in blocks of 32 lanes, the unit in which
// instructions are executed: a wave of 64 lanes has two blocks and runs every instruction twice,
// which keeps every loop over lanes at a length that the compiler knows.
#pragma once

#include "tools/hipsim/isa/AsmText.h"
#include "tools/hipsim/isa/Chip.h"
#include "tools/hipsim/isa/Isa.h"

#include <cstdint>
#include <string>

namespace tawny::hipsim {

constexpr unsigned blockLanes = 32;

enum class WaveState : uint8_t { Running, AtBarrier, Ended, Failed };

/// Registers that loads have yet to fill, by the counter that tells of their arrival. Loads of one
/// counter arrive in order, except for those of the scalar cache.
struct PendingLoads {
  enum Counter : uint8_t { Vector, Lds, Scalar, NumCounters };
  uint32_t issued[NumCounters] = {};
  uint32_t completed[NumCounters] = {};
  uint32_t lastLdsStore = 0; ///< issued[Lds] of the last one
  /// By register (scalars, then vectors): counter << 30 | the load's number; 0 for none.
  uint32_t pending[NumScalars + numVectors] = {};

  bool outstanding() const {
    return issued[0] != completed[0] || issued[1] != completed[1] || issued[2] != completed[2];
  }
  bool isPending(unsigned reg) const {
    uint32_t entry = pending[reg], counter = entry >> 30;
    return entry && int32_t(((entry - completed[counter]) << 2)) > 0;
  }
  /// Marks `count` registers from `reg` on as destinations of the newest load of a counter.
  void mark(Counter counter, unsigned reg, unsigned count) {
    for (unsigned r = reg; r < reg + count; ++r)
      pending[r] = uint32_t(counter) << 30 | (issued[counter] & 0x3fffffff);
  }
  /// At most `left` operations of the counter are outstanding from now on.
  void waitFor(Counter counter, uint32_t left) {
    if (issued[counter] - completed[counter] > left)
      completed[counter] = issued[counter] - left;
  }
};

/// One wave of a workgroup.
struct Wave {
  Workgroup *group = nullptr;
  const Chip *chip = nullptr;
  uint32_t *vectors = nullptr; ///< [block][register][lane]
  alignas(64) uint32_t scalars[NumScalars] = {};
  uint64_t pc = 0;
  uint64_t instructionPc = 0; ///< of the instruction that executes
  uint32_t mode = 0;          ///< MODE, as s_setreg sees it
  uint32_t index = 0;         ///< within the workgroup
  uint8_t blocks = 1;
  WaveState state = WaveState::Running;
  bool barrierSignalled = false; ///< gfx12: between s_barrier_signal and s_barrier_wait
  uint64_t instructions = 0;
  PendingLoads loads;

  unsigned lanes() const { return blocks * blockLanes; }
  uint32_t *row(unsigned reg, unsigned block) {
    return vectors + size_t(block * numVectors + reg) * blockLanes;
  }
  /// The bits of one lane of a register.
  uint32_t &lane(unsigned reg, unsigned lane) {
    return row(reg, lane / blockLanes)[lane % blockLanes];
  }
  uint64_t scalar64(unsigned reg) const { return scalars[reg] | uint64_t(scalars[reg + 1]) << 32; }
  void setScalar64(unsigned reg, uint64_t value) {
    scalars[reg] = uint32_t(value);
    scalars[reg + 1] = uint32_t(value >> 32);
  }
  /// A mask of lanes in one or two registers.
  uint64_t mask(unsigned reg) const { return blocks == 2 ? scalar64(reg) : scalars[reg]; }
  void setMask(unsigned reg, uint64_t value) {
    scalars[reg] = uint32_t(value);
    if (blocks == 2)
      scalars[reg + 1] = uint32_t(value >> 32);
  }
  uint64_t exec() const { return mask(Exec); }
  uint32_t &scc() { return scalars[Scc]; }

  /// Whether f32 denormals are flushed: FP_DENORM of single precision, bits 5:4, allows neither
  /// inputs nor outputs. Half allowed is refused when the mode is set.
  bool flushesSingle() const { return (mode >> 4 & 3) == 0; }
  bool flushesHalfAndDouble() const { return (mode >> 6 & 3) == 0; }
  bool clampsNan() const { return mode >> 8 & 1; }
  bool ieee() const { return mode >> 9 & 1; }

  /// Ends the wave and its workgroup with an error; the location is added.
  void fail(std::string_view why);
};

} // namespace tawny::hipsim
