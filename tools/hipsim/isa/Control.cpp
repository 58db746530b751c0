// Branches, barriers, the mode register, and what has no effect here.
#include "tools/hipsim/isa/OpTable.h"
#include "tools/hipsim/isa/Workgroup.h"

#include <cstdlib>

namespace tawny::hipsim {

namespace {

enum class Operands : uint8_t { None, Target, Pair, PairPair, PairTarget, Any };

struct ControlOp {
  std::string_view names;
  ExecuteFn execute;
  Operands operands;
  InstructionClass kind;
};

using W = Wave;
using In = const Instruction;

void jump(W &wave, In &i) { wave.pc = static_cast<uint64_t>(i.immediate); }
void jumpIf(W &wave, In &i, bool condition) {
  if (condition)
    jump(wave, i);
}

/// Stores to LDS must have been waited for before others are let at them.
bool ldsIsOrdered(W &wave) {
  const PendingLoads &loads = wave.loads;
  if (wave.group->waves.size() == 1 ||
      int32_t(loads.lastLdsStore - loads.completed[PendingLoads::Lds]) <= 0)
    return true;
  return wave.group->report(wave, ViolationKind::MissingWait, 0, 0,
                            "a barrier is reached while stores to LDS are outstanding");
}

/// A workgroup of one wave has nobody to wait for.
void waitForOthers(W &wave) {
  if (wave.group->waves.size() > 1)
    wave.state = WaveState::AtBarrier;
  else
    wave.group->lds.passBarrier();
}

void barrier(W &wave, In &) {
  if (ldsIsOrdered(wave))
    waitForOthers(wave);
}

/// gfx12 splits a barrier: waiting is where the others are needed.
void barrierSignal(W &wave, In &) {
  if (ldsIsOrdered(wave))
    wave.barrierSignalled = true;
}
void barrierWait(W &wave, In &) {
  if (!wave.barrierSignalled)
    return wave.fail("s_barrier_wait without s_barrier_signal");
  wave.barrierSignalled = false;
  waitForOthers(wave);
}

void end(W &wave, In &) { wave.state = WaveState::Ended; }
void nothing(W &, In &) {}
void trap(W &wave, In &) { wave.fail("the kernel traps"); }

void getPc(W &wave, In &i) { wave.setScalar64(i.destination, wave.pc); }
void setPc(W &wave, In &i) { wave.pc = wave.scalar64(i.destination); }
void swapPc(W &wave, In &i) {
  uint64_t target = wave.scalar64(i.sources[0].index);
  wave.setScalar64(i.destination, wave.pc);
  wave.pc = target;
}
void call(W &wave, In &i) {
  wave.setScalar64(i.destination, wave.pc);
  jump(wave, i);
}

/// Clocks are instructions of the wave: monotonic, and no measure of time.
void clock(W &wave, In &i) { wave.setScalar64(i.destination, wave.instructions); }

constexpr auto branch = InstructionClass::Branch;
constexpr auto other = InstructionClass::Other;

constexpr ControlOp ops[] = {
    {"s_branch", jump, Operands::Target, branch},
    {"s_cbranch_scc0", [](W &w, In &i) { jumpIf(w, i, !w.scc()); }, Operands::Target, branch},
    {"s_cbranch_scc1", [](W &w, In &i) { jumpIf(w, i, w.scc()); }, Operands::Target, branch},
    {"s_cbranch_vccz", [](W &w, In &i) { jumpIf(w, i, !w.mask(Vcc)); }, Operands::Target, branch},
    {"s_cbranch_vccnz", [](W &w, In &i) { jumpIf(w, i, w.mask(Vcc)); }, Operands::Target, branch},
    {"s_cbranch_execz", [](W &w, In &i) { jumpIf(w, i, !w.exec()); }, Operands::Target, branch},
    {"s_cbranch_execnz", [](W &w, In &i) { jumpIf(w, i, w.exec()); }, Operands::Target, branch},
    {"s_getpc_b64", getPc, Operands::Pair, other},
    {"s_setpc_b64", setPc, Operands::Pair, branch},
    {"s_swappc_b64", swapPc, Operands::PairPair, branch},
    {"s_call_b64", call, Operands::PairTarget, branch},
    {"s_barrier", barrier, Operands::None, InstructionClass::Barrier},
    {"s_barrier_signal", barrierSignal, Operands::Any, InstructionClass::Barrier},
    {"s_barrier_wait", barrierWait, Operands::Any, InstructionClass::Barrier},
    {"s_endpgm", end, Operands::None, other},
    {"s_trap", trap, Operands::Any, other},
    {"s_memtime s_memrealtime", clock, Operands::Pair, InstructionClass::Smem},
    {"s_nop s_delay_alu s_clause s_sleep s_sendmsg s_set_inst_prefetch_distance s_inst_prefetch "
     "s_setprio s_icache_inv s_dcache_inv s_gl1_inv s_dcache_wb s_wait_alu s_wait_idle "
     "s_code_end s_version s_wakeup s_round_mode_nearest buffer_gl0_inv buffer_gl1_inv buffer_wbl2 "
     "buffer_inv buffer_wbinvl1 buffer_wbinvl1_vol buffer_invl2 global_inv global_wb global_wbinv "
     "s_prefetch_inst s_prefetch_data s_prefetch_inst_pc_rel s_prefetch_data_pc_rel s_ttracedata "
     "s_waitcnt_depctr s_set_gpr_idx_off",
     nothing, Operands::Any, other},
};

std::string prepareControl(AsmText &line, const void *entry, const DecodeContext &context,
                           Instruction &out) {
  const auto &op = *static_cast<const ControlOp *>(entry);
  out.kind = op.kind;
  out.execute = op.execute;
  auto pair = [&](size_t i) {
    return i < line.operands.size() && line.operands[i].kind == AsmOperand::Scalar &&
           line.operands[i].count == 2;
  };
  // Branches count dwords from the next instruction on, in the low half of the first word.
  auto offset = static_cast<int16_t>(line.words[0] & 0xffff);
  out.immediate = static_cast<int64_t>(context.pc) + 4 + int64_t(4) * offset;
  switch (op.operands) {
  case Operands::None:
  case Operands::Target:
    break;
  case Operands::Any:
    for (AsmModifier &modifier : line.modifiers)
      modifier.used = true;
    break;
  case Operands::PairPair:
    if (!pair(1))
      return "an operand that is not modelled";
    out.sources[0].index = line.operands[1].index;
    out.touches(line.operands[1].index, 2);
    [[fallthrough]];
  case Operands::Pair:
  case Operands::PairTarget:
    if (!pair(0))
      return "an operand that is not modelled";
    out.destination = line.operands[0].index;
    out.touches(out.destination, 2);
  }
  return "";
}

/// hwreg(HW_REG_MODE, offset, width): which bits of MODE, which gfx12 calls HW_REG_WAVE_MODE. Other
/// registers are not modelled.
std::string parseMode(const std::string &text, unsigned &offset, unsigned &width) {
  size_t end = text.find("MODE");
  std::string name = text.substr(0, end == std::string::npos ? end : end + 4);
  if (name != "hwreg(HW_REG_MODE" && name != "hwreg(HW_REG_WAVE_MODE")
    return "hardware register " + text + " is not modelled";
  std::vector<int> numbers = parseNumbers(std::string_view(text).substr(name.size()));
  offset = numbers.size() == 2 ? unsigned(numbers[0]) : 0;
  width = numbers.size() == 2 ? unsigned(numbers[1]) : 32;
  return "";
}

void writeMode(W &wave, uint64_t offset, uint64_t width, uint32_t value) {
  auto field = static_cast<uint32_t>(((uint64_t(1) << width) - 1) << offset);
  wave.mode = (wave.mode & ~field) | (value << offset & field);
  unsigned single = wave.mode >> 4 & 3;
  if (wave.mode & 0xf)
    wave.fail("FP_ROUND other than to nearest is not modelled");
  else if ((single != 0 && single != 3) || (wave.mode >> 6 & 3) != 3)
    wave.fail("f32 denormals must be all flushed or all kept, those of f16 and f64 kept");
}

void executeGetMode(W &wave, In &i) {
  auto field = static_cast<uint32_t>((uint64_t(1) << i.immediate2) - 1);
  wave.scalars[i.destination] = wave.mode >> i.immediate & field;
}
void executeSetMode(W &wave, In &i) {
  uint32_t value = i.sources[0].kind == Source::Constant ? uint32_t(i.sources[0].value)
                                                         : wave.scalars[i.sources[0].index];
  writeMode(wave, uint64_t(i.immediate), uint64_t(i.immediate2), value);
}

std::string prepareMode(AsmText &line, const void *, const DecodeContext &, Instruction &out) {
  bool reads = line.mnemonic == "s_getreg_b32";
  if (line.operands.size() != 2)
    return "a form that is not modelled";
  unsigned offset = 0, width = 0;
  if (std::string why = parseMode(line.operands[reads].text, offset, width); !why.empty())
    return why;
  const AsmOperand &value = line.operands[!reads];
  out.kind = InstructionClass::Salu;
  out.immediate = offset;
  out.immediate2 = width;
  out.destination = out.sources[0].index = value.index;
  out.sources[0].kind = value.kind == AsmOperand::Scalar ? Source::Scalar : Source::Constant;
  out.sources[0].value = static_cast<uint64_t>(value.integer);
  if (value.kind == AsmOperand::Scalar)
    out.touches(value.index, 1);
  out.execute = reads ? executeGetMode : executeSetMode;
  return "";
}

/// s_denorm_mode: bits 7:4 of MODE; s_round_mode: bits 3:0.
std::string prepareModeField(AsmText &line, const void *, const DecodeContext &, Instruction &out) {
  out.kind = InstructionClass::Salu;
  out.immediate = line.mnemonic == "s_denorm_mode" ? 4 : 0;
  out.immediate2 = 4;
  out.sources[0].kind = Source::Constant;
  out.sources[0].value = line.words[0] & 0xf;
  out.execute = executeSetMode;
  return "";
}

} // namespace

void addControlOps(OpTable &table) {
  table.addRows(ops, prepareControl);
  table.add("s_getreg_b32 s_setreg_b32 s_setreg_imm32_b32", prepareMode, nullptr);
  table.add("s_denorm_mode s_round_mode", prepareModeField, nullptr);
}

} // namespace tawny::hipsim
