// DPP: the first operand comes from other lanes (RDNA 3 ISA, "DPP"; "AMD Instinct MI200" ISA,
// "Data Parallel Processing"). SDWA: operands and results are parts of registers.
#include "tools/hipsim/isa/Modifiers.h"

#include <cstdlib>

namespace tawny::hipsim {

namespace {

constexpr uint8_t noLane = 255;

/// A lane of the same row of 16, or none.
uint8_t inRow(unsigned lane, int position) {
  return position < 0 || position > 15 ? noLane : static_cast<uint8_t>((lane & ~15u) + position);
}

/// The lane that `lane` reads under one named control.
uint8_t sourceLane(std::string_view control, int n, unsigned lane, unsigned lanes) {
  int position = static_cast<int>(lane & 15);
  if (control == "row_shl")
    return inRow(lane, position + n);
  if (control == "row_shr")
    return inRow(lane, position - n);
  if (control == "row_ror")
    return inRow(lane, (position - n) & 15);
  if (control == "row_mirror")
    return inRow(lane, 15 - position);
  if (control == "row_half_mirror")
    return inRow(lane, (position & 8) + 7 - (position & 7));
  if (control == "row_share" || control == "row_newbcast")
    return inRow(lane, n);
  if (control == "row_xmask")
    return inRow(lane, position ^ n);
  if (control == "row_bcast") {
    if (n == 15)
      return lane < 16 ? noLane : static_cast<uint8_t>((lane & ~15u) - 1);
    return lane < 32 ? noLane : 31;
  }
  int last = static_cast<int>(lanes) - 1, at = static_cast<int>(lane);
  if (control == "wave_shl")
    return at == last ? noLane : static_cast<uint8_t>(at + 1);
  if (control == "wave_rol")
    return static_cast<uint8_t>(at == last ? 0 : at + 1);
  if (control == "wave_shr")
    return at == 0 ? noLane : static_cast<uint8_t>(at - 1);
  return static_cast<uint8_t>(at == 0 ? last : at - 1); // wave_ror
}

constexpr std::string_view controls[] = {
    "row_shl",   "row_shr",      "row_ror",   "row_mirror", "row_half_mirror",
    "row_share", "row_newbcast", "row_xmask", "row_bcast",  "wave_shl",
    "wave_rol",  "wave_shr",     "wave_ror"};

/// Fills the table of lanes from whichever control the line has.
bool fillLanes(AsmText &line, unsigned lanes, DppControl &dpp) {
  if (AsmModifier *permutation = line.take("quad_perm")) {
    std::vector<int> order = parseNumbers(permutation->value);
    for (unsigned lane = 0; lane < 64 && order.size() == 4; ++lane)
      dpp.from[lane] = static_cast<uint8_t>((lane & ~3u) + order[lane & 3]);
    return order.size() == 4;
  }
  if (AsmModifier *permutation = line.take("dpp8")) {
    std::vector<int> order = parseNumbers(permutation->value);
    for (unsigned lane = 0; lane < 64 && order.size() == 8; ++lane)
      dpp.from[lane] = static_cast<uint8_t>((lane & ~7u) + order[lane & 7]);
    // DPP8 has no bound_ctrl: a lane that is switched off reads as 0.
    dpp.boundControl = true;
    return order.size() == 8;
  }
  for (std::string_view control : controls)
    if (AsmModifier *modifier = line.take(control)) {
      int n = static_cast<int>(std::strtol(modifier->value.c_str(), nullptr, 0));
      for (unsigned lane = 0; lane < 64; ++lane)
        dpp.from[lane] = sourceLane(control, n, lane, lanes);
      return true;
    }
  return false;
}

} // namespace

std::string prepareDpp(AsmText &line, const DecodeContext &context, Instruction &out) {
  out.dpp = std::make_unique<DppControl>();
  if (!fillLanes(line, context.wave64 ? 64 : 32, *out.dpp))
    return "a DPP control that is not modelled";
  auto rows = static_cast<uint32_t>(line.takeNumber("row_mask", 0xf));
  auto banks = static_cast<uint32_t>(line.takeNumber("bank_mask", 0xf));
  out.dpp->written = 0;
  for (unsigned lane = 0; lane < 64; ++lane)
    out.dpp->written |= uint64_t(rows >> (lane / 16) & banks >> (lane % 16 / 4) & 1) << lane;
  out.dpp->boundControl |= line.takeNumber("bound_ctrl", 0) != 0;
  out.dpp->fetchInactive = line.takeNumber("fi", 0) != 0;
  return "";
}

const uint32_t *permuteRows(Wave &wave, const Instruction &instruction, unsigned block,
                            uint32_t *rows, uint32_t &written) {
  const DppControl &dpp = *instruction.dpp;
  const Source &source = instruction.sources[0];
  written &= static_cast<uint32_t>(dpp.written >> (block * blockLanes));
  uint64_t exec = wave.exec();
  for (unsigned lane = 0; lane < blockLanes; ++lane) {
    unsigned from = dpp.from[block * blockLanes + lane];
    bool valid = from != noLane && (dpp.fetchInactive || (exec >> from & 1));
    for (unsigned dword = 0; dword < source.dwords; ++dword)
      rows[dword * blockLanes + lane] = valid ? wave.lane(source.index + dword, from) : 0;
    if (!valid && !dpp.boundControl)
      written &= ~(1u << lane);
  }
  return rows;
}

namespace {

uint8_t parseSelect(const AsmModifier *modifier) {
  constexpr std::string_view names[] = {"BYTE_0", "BYTE_1", "BYTE_2", "BYTE_3",
                                        "WORD_0", "WORD_1", "DWORD"};
  for (uint8_t i = 0; modifier && i < 7; ++i)
    if (modifier->value == names[i])
      return i;
  return 6;
}

} // namespace

std::string prepareSdwa(AsmText &line, Instruction &out) {
  out.sources[0].select = parseSelect(line.take("src0_sel"));
  if (AsmModifier *second = line.take("src1_sel"))
    out.sources[1].select = parseSelect(second);
  out.destinationSelect = parseSelect(line.take("dst_sel"));
  if (AsmModifier *unused = line.take("dst_unused"))
    out.destinationUnused = unused->value == "UNUSED_SEXT"       ? 1
                            : unused->value == "UNUSED_PRESERVE" ? 2
                                                                 : 0;
  return "";
}

} // namespace tawny::hipsim
