// The instructions of a code object, decoded when they are first reached and kept by address.
#pragma once

#include "tools/hipsim/isa/Instruction.h"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace tawny::hipsim {

class Disassembler;

class Program {
public:
  Program(uint64_t loadAddress, std::span<const std::byte> image, const Chip &chip,
          std::unique_ptr<Disassembler> disassembler);
  ~Program();

  /// The instruction at `pc` for a wave size. What cannot be decoded or executed is an instruction
  /// too, which fails when it is reached. Safe from several threads.
  const Instruction &at(uint64_t pc, bool wave64) {
    uint64_t slot = (pc - loadAddress) / 4;
    if (pc % 4 == 0 && slot < numSlots) [[likely]]
      if (const Instruction *known = slots[2 * slot + wave64].load(std::memory_order_acquire))
          [[likely]]
        return *known;
    return decode(pc, wave64);
  }

  /// Why an instruction fails when it is reached; empty if it can be executed.
  std::string_view refusal(const Instruction &instruction) const;
  std::string text(uint64_t pc);
  const Chip &chip() const { return target; }
  std::span<const std::byte> bytes() const { return image; }
  uint64_t address() const { return loadAddress; }

private:
  const Instruction &decode(uint64_t pc, bool wave64);
  std::string fill(uint64_t pc, bool wave64, Instruction &out);
  std::string fillLine(AsmText &line, uint64_t pc, bool wave64, Instruction &out);
  const uint32_t *repeated(uint64_t value);

  const uint64_t loadAddress;
  const std::span<const std::byte> image;
  const Chip &target;
  const uint64_t numSlots;
  std::unique_ptr<std::atomic<const Instruction *>[]> slots; ///< two for each dword: wave sizes
  std::mutex mutex;
  std::unique_ptr<Disassembler> disassembler;
  std::deque<Instruction> instructions;
  std::deque<std::string> refusals; ///< why instructions cannot be executed
  std::map<uint64_t, std::unique_ptr<uint32_t[]>> constants;
};

} // namespace tawny::hipsim
