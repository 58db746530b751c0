// Global memory as the workgroups of one launch see it from one host thread: every access is
// checked and counted.
#pragma once

#include "tools/hipsim/isa/Isa.h"
#include "tools/hipsim/memory/DeviceMemory.h"
#include "tools/hipsim/memory/RaceTable.h"

#include <array>
#include <vector>

namespace tawny::hipsim {

/// Bytes per lane that are counted apart: 1, 2, 4, 8, 12, 16.
constexpr size_t numWidths = 6;

/// What a thread's lanes asked of one allocation.
struct AllocationUse {
  const Allocation *allocation = nullptr;
  std::array<uint64_t, numWidths> bytesRead{}, bytesWritten{};
  uint64_t scalarBytesRead = 0;
};

/// A check that failed, as a person reads it; lines are separated, the last one not ended.
struct Finding {
  uint64_t workgroup = 0; ///< in the order in which workgroups are started
  size_t order = 0;       ///< among those of its workgroup
  std::string text;
};

/// What ports of all launches are told.
struct PortOptions {
  bool stopAtFinding = true;
  bool checkUninitialised = true;
  bool countTraffic = true;
  RaceTable *races = nullptr; ///< null: races between workgroups are not looked for
  uint64_t mostFindings = 10; ///< of a thread, which meets workgroups in order
};

/// One thread's port. Not shared between threads, unlike the memory behind it.
class LaunchPort final : public MemoryPort {
public:
  LaunchPort(DeviceMemory &memory, const CodeImage &code, const PortOptions &options)
      : memory(memory), code(code), options(options) {}

  void beginWorkgroup(uint64_t index) { workgroup = index; }

  bool access(const Access &access, const Location &location, std::byte **hosts) override;
  bool report(const Violation &violation) override;

  std::vector<Finding> findings; ///< in order of their workgroups
  std::vector<AllocationUse> uses;
  std::vector<uint64_t> pagesRead, pagesWritten; ///< that no other thread has noted
  uint64_t memoryInstructions = 0;               ///< vector ones
  uint64_t instructionLines = 0;                 ///< distinct lines of each of them, summed

private:
  enum class Problem : uint8_t { None, Outside, ReadOnly, Uninitialised, Misaligned, Race };
  /// Lanes of one instruction that share a problem.
  struct Trouble {
    Problem problem = Problem::None;
    unsigned firstLane = 0, lanes = 0;
  };

  bool accessRun(const Access &access, uint8_t wanted, std::byte **hosts);
  bool accessRaces(const Access &access, uint64_t address);
  void countInstruction(const Access &access);
  Problem check(const Access &access, uint64_t address, std::byte *&host);
  void count(const Access &access, uint64_t address, uint64_t bytes);
  void use(uint64_t address, uint64_t bytes, bool isWrite);
  const Allocation *allocationOf(uint64_t address, uint64_t bytes);
  bool addFinding(std::string text);
  bool describe(const Access &access, const Location &location, const Trouble &trouble);
  std::string place(const Location &location, unsigned lane, unsigned lanes) const;

  DeviceMemory &memory;
  const CodeImage &code;
  PortOptions options;
  uint64_t workgroup = 0;
  size_t current = 0; ///< of uses
};

} // namespace tawny::hipsim
