// Modifiers of vector instructions: signs, halves, op_sel, SDWA and DPP on operands; omod, clamp
// and destination selects on results.
#pragma once

#include "tools/hipsim/isa/OpTable.h"

namespace tawny::hipsim {

/// Applies a source's modifiers, and the flushing of denormals, to what was fetched. Returns
/// `fetched` or `rows`, which may be the same.
const uint32_t *modifySource(const Wave &wave, const Instruction &instruction, const Source &source,
                             const uint32_t *fetched, uint32_t *rows);

/// Applies omod, clamp and flushing and writes the lanes of `written` to the destination.
void storeResult(Wave &wave, const Instruction &instruction, unsigned block, uint32_t *result,
                 uint32_t written);

/// Source 0 of a DPP instruction. Clears the bits in `written` of lanes that are left alone.
const uint32_t *permuteRows(Wave &wave, const Instruction &instruction, unsigned block,
                            uint32_t *rows, uint32_t &written);

/// Reads DPP's modifiers from a line.
std::string prepareDpp(AsmText &line, const DecodeContext &context, Instruction &out);
/// Reads SDWA's.
std::string prepareSdwa(AsmText &line, Instruction &out);

} // namespace tawny::hipsim
