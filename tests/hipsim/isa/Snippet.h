// Runs a few instructions on one wave (or workgroup) and looks at the registers.
#pragma once

#include "tools/hipsim/isa/Workgroup.h"

#include <memory>
#include <string>
#include <vector>

namespace tawny::hipsim::test {

/// What one register holds: v0, a3, s5, vcc_lo, exec_lo, scc, m0, mode. Lane l of a vector register
/// has values[l % n]. `mem` are dwords of memory from `memoryAddress` on, `lds` of LDS.
struct Values {
  std::string reg;
  std::vector<uint32_t> values;
};

/// A line of a file in cases/: code, registers before, registers after (cases/README.md).
struct Case {
  std::string code;
  std::vector<Values> before, after;
};

constexpr uint64_t memoryAddress = 0x10000;
constexpr uint32_t memoryBytes = 0x10000;
constexpr uint32_t ldsBytes = 0x1000;

/// Machine code of some lines of assembly; fails the test if there is an error.
std::vector<std::byte> assemble(const std::string &chip, const std::string &code);

/// Memory of memoryBytes bytes, which refuses what lies outside, and notes violations.
class TestMemory : public MemoryPort {
public:
  bool access(const Access &access, const Location &location, std::byte **hosts) override;
  bool report(const Violation &violation) override;

  std::vector<uint32_t> words = std::vector<uint32_t>(memoryBytes / 4);
  std::vector<Violation> violations;
  std::vector<std::string> messages; ///< violations, as one line each
  uint64_t outside = 0;              ///< lanes refused
};

/// One workgroup of a chip on which a snippet runs.
class Machine {
public:
  /// `waves` full waves; those of gfx9 have 64 lanes.
  Machine(const std::string &chip, const std::string &code, unsigned waves = 1);

  void set(const Values &values, unsigned wave = 0);
  /// Fails the test with a message about each lane that differs.
  void expect(const Values &values, unsigned wave = 0);
  ErrorOr<void> run() { return group->finish(); }

  TestMemory memory;
  std::unique_ptr<Workgroup> group;

private:
  std::vector<std::byte> code;
  std::unique_ptr<CodeImage> image;
};

/// Runs a case on a chip; registers that are not in `after` are not looked at.
void runCase(const std::string &chip, const Case &test);

} // namespace tawny::hipsim::test
