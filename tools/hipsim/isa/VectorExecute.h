// Execution of vector arithmetic, apart from the operation itself: operands with their modifiers,
// DPP and SDWA, EXEC, and what happens to results.
#pragma once

#include "tools/hipsim/isa/Instruction.h"

namespace tawny::hipsim {

/// Operands are registers, scalars or constants as they are.
void executeVector(Wave &wave, const Instruction &instruction);
/// Anything that modifies an operand or a result.
void executeModifiedVector(Wave &wave, const Instruction &instruction);
/// Two operations that read all their operands before either writes (VOPD).
void executeDual(Wave &wave, const Instruction &instruction);

/// Rows of a source as they lie in registers; a scalar is repeated in `scratch`.
const uint32_t *fetchSource(Wave &wave, const Source &source, unsigned block, uint32_t *scratch);

/// Copies the lanes of `exec` from a result to its register.
void mergeRows(uint32_t *to, const uint32_t *from, unsigned dwords, uint32_t exec);

/// An f32 with a denormal made a zero of its sign.
inline uint32_t flushSingle(uint32_t bits) { return bits & 0x7f800000 ? bits : bits & 0x80000000; }

} // namespace tawny::hipsim
