// Constants in instructions.
#pragma once

#include "tools/hipsim/isa/Instruction.h"

namespace tawny::hipsim {

/// The bits that a constant has for an operand of a type (RDNA 3 ISA, "Constants"): floating-point
/// constants in the operand's format, in packed formats in the low half; a literal of a 64-bit
/// float is its high word; integers are extended by their sign.
uint64_t immediateBits(const AsmOperand &operand, Type type);

} // namespace tawny::hipsim
