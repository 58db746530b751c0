// s_waitcnt and its kin. Memory is up to date at once here; what is kept is which registers a
// program may already use (PendingLoads).
#include "tools/hipsim/isa/OpTable.h"

#include <cstdlib>

namespace tawny::hipsim {

namespace {

using Pending = PendingLoads;

enum WaitFlag : uint32_t { WaitVector = 1, WaitLgkm = 2, WaitLds = 4, WaitScalar = 8 };

/// On lgkmcnt LDS and scalar loads share a counter, and scalar loads arrive in any order: they are
/// there for certain when it is 0 alone.
void waitLgkm(Wave &wave, uint32_t left) {
  wave.loads.waitFor(Pending::Lds, left);
  if (left == 0)
    wave.loads.waitFor(Pending::Scalar, 0);
}

void execute(Wave &wave, const Instruction &i) {
  if (i.flags & WaitVector)
    wave.loads.waitFor(Pending::Vector, uint32_t(i.immediate));
  if (i.flags & WaitLgkm)
    waitLgkm(wave, uint32_t(i.immediate2));
  if (i.flags & WaitLds)
    wave.loads.waitFor(Pending::Lds, uint32_t(i.immediate2));
  if (i.flags & WaitScalar && i.immediate == 0)
    wave.loads.waitFor(Pending::Scalar, 0);
}

/// The number in `name(number)`, -1 if the text has none.
int64_t counterIn(const std::string &text, std::string_view name) {
  size_t at = text.find(name);
  return at == std::string::npos ? -1 : std::strtoll(text.c_str() + at + name.size(), nullptr, 0);
}

std::string prepareWaitcnt(AsmText &line, const void *, const DecodeContext &, Instruction &out) {
  out.kind = InstructionClass::Wait;
  out.execute = execute;
  int64_t vector = counterIn(line.rest, "vmcnt("), lgkm = counterIn(line.rest, "lgkmcnt(");
  if (vector >= 0) {
    out.flags |= WaitVector;
    out.immediate = vector;
  }
  if (lgkm >= 0) {
    out.flags |= WaitLgkm;
    out.immediate2 = lgkm;
  }
  // `s_waitcnt 0` is a number where every counter is 0.
  if (vector < 0 && lgkm < 0 && !line.operands.empty() &&
      line.operands[0].kind == AsmOperand::Integer) {
    if (line.operands[0].integer != 0)
      return "a form that is not modelled";
    out.flags = WaitVector | WaitLgkm;
  }
  for (AsmModifier &modifier : line.modifiers)
    modifier.used = true;
  return "";
}

struct CounterOp {
  std::string_view names;
  uint32_t flags;
};

/// Counters of stores, samples and exports: nothing waits for a register.
constexpr CounterOp counters[] = {
    {"s_wait_loadcnt s_waitcnt_vmcnt", WaitVector},
    {"s_wait_dscnt", WaitLds},
    {"s_wait_kmcnt", WaitScalar},
    {"s_waitcnt_lgkmcnt", WaitLgkm},
    {"s_wait_loadcnt_dscnt", WaitVector | WaitLds},
    {"s_wait_storecnt_dscnt", WaitLds},
    {"s_wait_storecnt s_wait_samplecnt s_wait_bvhcnt s_wait_expcnt s_waitcnt_vscnt "
     "s_waitcnt_expcnt s_wait_event",
     0},
};

std::string prepareCounter(AsmText &line, const void *entry, const DecodeContext &,
                           Instruction &out) {
  out.kind = InstructionClass::Wait;
  out.execute = execute;
  out.flags = static_cast<const CounterOp *>(entry)->flags;
  if (line.operands.empty() || line.operands.back().kind != AsmOperand::Integer)
    return "a form that is not modelled";
  int64_t left = line.operands.back().integer;
  out.immediate = out.immediate2 = left;
  if (out.flags == (WaitVector | WaitLds)) {
    out.immediate = left >> 8 & 0x3f;
    out.immediate2 = left & 0x3f;
  } else if (line.mnemonic == "s_wait_storecnt_dscnt") {
    out.immediate2 = left & 0x3f;
  }
  return "";
}

} // namespace

void addWaitOps(OpTable &table) {
  table.add("s_waitcnt", prepareWaitcnt, nullptr);
  table.addRows(counters, prepareCounter);
}

} // namespace tawny::hipsim
