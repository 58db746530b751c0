// A workgroup's LDS, and what is checked about it: bounds, alignment, bytes that were never
// written, two waves at one byte without a barrier between, lanes that share a bank.
#pragma once

#include "tools/hipsim/isa/Isa.h"

#include <cstdint>
#include <vector>

namespace tawny::hipsim {

struct Wave;

class LdsMemory {
public:
  enum class Use : uint8_t { Read, Write, Atomic };

  /// Makes `bytes` bytes, none of them written, for so many waves.
  void reset(uint32_t bytes, unsigned waves);
  /// Writes the first dwords, for tests of instructions.
  void preload(const std::vector<uint32_t> &words);
  /// A barrier has been passed: accesses before and after it are ordered.
  void passBarrier() { beginEpoch(); }

  /// Checks an access of up to 64 lanes and writes where the host finds each lane's bytes; null for
  /// lanes out of bounds. `width` bytes per lane. False ends the kernel.
  [[nodiscard]] bool access(Wave &wave, Use use, uint64_t lanes, const uint32_t *addresses,
                            unsigned width, uint8_t **hosts);

  uint64_t bankConflictCycles = 0; ///< since the workgroup's runner was made
  uint64_t bytesRead = 0, bytesWritten = 0;

private:
  /// What is known of a dword. Writers and readers since the barrier: a byte for each of its bytes,
  /// see LdsMemory.cpp. What an earlier epoch or workgroup noted is void.
  struct Dword {
    uint32_t writers = 0, readers = 0;
    uint32_t epoch = 0;
    uint32_t written = 0; ///< the workgroup's first epoch << 4 | a bit for each byte
  };

  bool touch(Wave &wave, Use use, unsigned lane, uint32_t address, unsigned width);
  bool touchPart(Wave &wave, Use use, unsigned lane, uint32_t dword, uint32_t bytes);
  bool checkRace(Wave &wave, Use use, unsigned lane, uint32_t dword, uint32_t bytes);
  bool report(Wave &wave, ViolationKind kind, unsigned lane, uint32_t address, const char *what,
              unsigned width);
  void beginEpoch();

  std::vector<uint8_t> data;
  std::vector<Dword> dwords;
  uint32_t size = 0;
  uint32_t epoch = 1, firstEpoch = 1;
  bool shared = false; ///< more than one wave
};

/// Cycles that an access takes beyond those it would without lanes at different dwords of a bank:
/// 32 banks of 4 bytes; a cycle serves 32 dwords, so 32, 16 or 8 lanes of 4, 8 or 16 bytes.
unsigned bankConflicts(uint64_t lanes, const uint32_t *addresses, unsigned width);

} // namespace tawny::hipsim
