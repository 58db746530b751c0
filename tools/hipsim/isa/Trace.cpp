#include "tools/hipsim/isa/Trace.h"

#include <algorithm>
#include <cstdio>

namespace tawny::hipsim {
namespace {

std::string scalarName(unsigned index) {
  switch (index) {
  case Vcc:
    return "vcc_lo";
  case Vcc + 1:
    return "vcc_hi";
  case M0:
    return "m0";
  case Scc:
    return "scc";
  case Exec:
    return "exec_lo";
  case Exec + 1:
    return "exec_hi";
  default:
    return "s" + std::to_string(index);
  }
}

size_t vectorWords(const Wave &wave) { return size_t{wave.blocks} * numVectors * blockLanes; }

void appendHex(std::string &text, uint32_t value) {
  char digits[16];
  std::snprintf(digits, sizeof(digits), " %08x", value);
  text += digits;
}

} // namespace

WaveTrace::WaveTrace(Wave &wave)
    : vectors(wave.vectors, wave.vectors + vectorWords(wave)),
      scalars(wave.scalars, wave.scalars + NumScalars) {}

void WaveTrace::executed(Wave &wave, const std::string &text) {
  std::string out = "hipsim: wave " + std::to_string(wave.index) + ": " + text + "\n";
  for (unsigned i = 0; i < NumScalars; ++i)
    if (scalars[i] != wave.scalars[i]) {
      out += "    " + scalarName(i) + " =";
      appendHex(out, scalars[i] = wave.scalars[i]);
      out += "\n";
    }
  for (unsigned reg = 0; reg < numVectors; ++reg)
    for (unsigned block = 0; block < wave.blocks; ++block) {
      const uint32_t *now = wave.row(reg, block);
      uint32_t *before = vectors.data() + (now - wave.vectors);
      if (std::equal(now, now + blockLanes, before))
        continue;
      out += "    v" + std::to_string(reg) + (block ? " lanes 32 to 63 =" : " =");
      for (unsigned lane = 0; lane < blockLanes; ++lane)
        appendHex(out, before[lane] = now[lane]);
      out += "\n";
    }
  std::fputs(out.c_str(), stderr);
}

} // namespace tawny::hipsim
