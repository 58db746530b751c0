// An instruction, predecoded: what to call and where its operands are.
#pragma once

#include "tools/hipsim/isa/Wave.h"

#include <memory>
#include <vector>

namespace tawny::hipsim {

/// What an operand of a vector instruction holds: decides about registers, constants and modifiers.
enum class Type : uint8_t {
  None,
  B16, ///< low or high half of a register
  F16,
  BF16,
  B32,
  F32,
  B64,
  F64,
  PkB16, ///< two halves; op_sel picks them
  PkF16,
  PkBF16,
  PkF32, ///< two registers; op_sel picks them
  PkB32,
  Mix, ///< f32, or a half as op_sel and op_sel_hi say (v_fma_mix)
  Mask ///< a bit per lane, in scalar registers
};

constexpr unsigned typeDwords(Type type) {
  return type == Type::B64 || type == Type::F64 || type == Type::PkF32 || type == Type::PkB32 ? 2
                                                                                              : 1;
}

/// The operands of one block of 32 lanes. 64-bit values are two rows of 32, low words first.
struct LaneArgs {
  uint32_t *d = nullptr;
  const uint32_t *s[4] = {};
  uint32_t mask = 0;  ///< a bit per lane: carry in, or what v_cndmask selects by
  bool clamp = false; ///< for integers: saturate
  uint32_t negLo = 0; ///< the modifier, where it is not a sign (dot products: signedness)
  const Wave *wave = nullptr;
};

/// Computes 32 lanes; returns a bit per lane for instructions that have such a result.
using LaneFn = uint32_t (*)(const LaneArgs &);

/// An operand of a vector instruction.
struct Source {
  enum Kind : uint8_t { Vector, Scalar, Constant };
  Kind kind = Vector;
  Type type = Type::None;
  uint8_t dwords = 1;
  uint8_t half = 0;       ///< of 16-bit types
  uint8_t halfOfHigh = 1; ///< packed: for the high result
  bool negated = false, negatedHigh = false, absolute = false;
  bool isHalf = false; ///< Mix: a half
  uint8_t select = 6;  ///< SDWA: BYTE_0 to 3, WORD_0, WORD_1, DWORD
  bool signExtended = false;
  uint16_t index = 0;
  uint64_t value = 0;                 ///< Constant, and what `constant` repeats
  const uint32_t *constant = nullptr; ///< rows of the value

  bool modified() const {
    bool packed = type == Type::PkB16 || type == Type::PkF16 || type == Type::PkBF16 ||
                  type == Type::PkF32 || type == Type::PkB32;
    return negated || negatedHigh || absolute || half || select != 6 || type == Type::Mix ||
           (packed && !halfOfHigh);
  }
};

/// DPP's permutation of one operand's lanes.
struct DppControl {
  uint8_t from[64];                ///< lane to read, 255 for none
  uint64_t written = ~uint64_t(0); ///< lanes that row_mask and bank_mask let through
  bool boundControl = false, fetchInactive = false;
};

/// Registers that an instruction reads or writes, for PendingLoads.
struct RegisterRange {
  uint16_t first = 0, count = 0;
};

struct Instruction;
using ExecuteFn = void (*)(Wave &, const Instruction &);

/// One half of what executes at an address. What a field means is up to `execute`; most are for
/// vector instructions.
struct Instruction {
  ExecuteFn execute = nullptr;
  uint8_t bytes = 4;
  InstructionClass kind = InstructionClass::Other;
  uint8_t cycles = 0; ///< of vector issue
  uint8_t numSources = 0;
  uint8_t numRanges = 0;

  // Vector arithmetic.
  LaneFn lanes = nullptr;
  Source sources[4];
  uint16_t destination = 0; ///< vector register, or scalar for scalar instructions
  uint8_t destinationDwords = 0;
  uint8_t destinationHalf = 0;
  Type type = Type::None; ///< of the result
  bool hasMaskIn = false, hasMaskOut = false, writesExec = false;
  bool clamp = false;
  bool keepsHigh = true; ///< a 16-bit result leaves the other half of its register alone
  bool single = false;   ///< computes in f32, so MODE's denormals matter
  uint8_t omod = 0;      ///< 1: times 2, 2: times 4, 3: divided by 2
  uint8_t destinationSelect = 6, destinationUnused = 0; ///< SDWA
  uint16_t maskIn = 0, maskOut = 0;                     ///< scalar registers
  uint32_t negLo = 0;
  std::unique_ptr<DppControl> dpp;

  // Scalar arithmetic, memory and control: the row of the operation's table, and numbers.
  const void *entry = nullptr;
  int64_t immediate = 0;
  int64_t immediate2 = 0;
  uint8_t accessBytes = 0;
  uint32_t flags = 0;

  std::unique_ptr<Instruction> second; ///< of a VOPD
  bool separable = false;              ///< the second half may run after the first
  RegisterRange ranges[8];

  void touches(uint16_t first, unsigned count) {
    if (count && numRanges < 8)
      ranges[numRanges++] = {first, static_cast<uint16_t>(count)};
  }
  void touchesVector(uint16_t first, unsigned count) { touches(NumScalars + first, count); }
};

} // namespace tawny::hipsim
