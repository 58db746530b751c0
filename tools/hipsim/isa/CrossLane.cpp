// Vector operations that look across lanes or beyond vector registers, apart from DPP and LDS's
// permutes.
#include "tools/hipsim/isa/Immediate.h"
#include "tools/hipsim/isa/OpTable.h"
#include "tools/hipsim/isa/VectorExecute.h"

#include <bit>
#include <utility>

namespace tawny::hipsim {

namespace {

struct CrossLaneOp {
  std::string_view names;
  ExecuteFn execute;
  std::string_view shape; ///< v: vector register, s: scalar register, x: anything
};

uint32_t uniform(Wave &wave, const Source &source) {
  if (source.kind == Source::Constant)
    return static_cast<uint32_t>(source.value);
  return source.index == Null ? 0 : wave.scalars[source.index];
}

uint32_t laneValue(Wave &wave, const Source &source, unsigned lane) {
  return source.kind == Source::Vector ? wave.lane(source.index, lane) : uniform(wave, source);
}

void writeScalar(Wave &wave, uint16_t index, uint32_t value) {
  if (index != Null)
    wave.scalars[index] = value;
}

void readFirstLane(Wave &wave, const Instruction &i) {
  uint64_t exec = wave.exec();
  unsigned lane = exec ? std::countr_zero(exec) : 0;
  writeScalar(wave, i.destination, laneValue(wave, i.sources[0], lane));
}

void readLane(Wave &wave, const Instruction &i) {
  unsigned lane = uniform(wave, i.sources[1]) & (wave.lanes() - 1);
  writeScalar(wave, i.destination, laneValue(wave, i.sources[0], lane));
}

void writeLane(Wave &wave, const Instruction &i) {
  unsigned lane = uniform(wave, i.sources[1]) & (wave.lanes() - 1);
  wave.lane(i.destination, lane) = uniform(wave, i.sources[0]);
}

/// Lanes of the row (or, crossed, of the row beside it) by 4-bit indices in two scalars.
void permuteLanes(Wave &wave, const Instruction &i, bool crossed) {
  uint64_t select = uniform(wave, i.sources[1]) | uint64_t(uniform(wave, i.sources[2])) << 32;
  bool fetchInactive = i.flags & 1, boundControl = i.flags & 2;
  uint64_t exec = wave.exec();
  uint32_t results[64];
  bool written[64];
  for (unsigned lane = 0; lane < wave.lanes(); ++lane) {
    unsigned row = (lane & ~15u) ^ (crossed ? 16 : 0);
    unsigned from = row + (select >> (4 * (lane & 15)) & 15);
    bool valid = fetchInactive || (exec >> from & 1);
    written[lane] = (exec >> lane & 1) && (valid || boundControl);
    results[lane] = valid ? laneValue(wave, i.sources[0], from) : 0;
  }
  for (unsigned lane = 0; lane < wave.lanes(); ++lane)
    if (written[lane])
      wave.lane(i.destination, lane) = results[lane];
}
void permuteInRow(Wave &wave, const Instruction &i) { permuteLanes(wave, i, false); }
void permuteAcrossRows(Wave &wave, const Instruction &i) { permuteLanes(wave, i, true); }

/// Swaps the halves of a wave of 64; a wave of 32 is copied.
void permuteHalves(Wave &wave, const Instruction &i) {
  uint32_t results[64];
  uint64_t exec = wave.exec();
  for (unsigned lane = 0; lane < wave.lanes(); ++lane)
    results[lane] = laneValue(wave, i.sources[0], wave.blocks == 2 ? lane ^ 32 : lane);
  for (unsigned lane = 0; lane < wave.lanes(); ++lane)
    if (exec >> lane & 1)
      wave.lane(i.destination, lane) = results[lane];
}

void swapRegisters(Wave &wave, const Instruction &i) {
  for (unsigned lane = 0; lane < wave.lanes(); ++lane)
    if (wave.exec() >> lane & 1)
      std::swap(wave.lane(i.destination, lane), wave.lane(i.sources[0].index, lane));
}

/// Set bits of a mask below the lane, in its low or high word.
void countBelow(Wave &wave, const Instruction &i, unsigned firstLane) {
  for (unsigned lane = 0; lane < wave.lanes(); ++lane) {
    if (!(wave.exec() >> lane & 1))
      continue;
    unsigned bits = lane > firstLane ? std::min(lane - firstLane, 32u) : 0;
    auto below = static_cast<uint32_t>((uint64_t(1) << bits) - 1);
    uint32_t mask = laneValue(wave, i.sources[0], lane) & below;
    wave.lane(i.destination, lane) = std::popcount(mask) + laneValue(wave, i.sources[1], lane);
  }
}
void countBelowLow(Wave &wave, const Instruction &i) { countBelow(wave, i, 0); }
void countBelowHigh(Wave &wave, const Instruction &i) { countBelow(wave, i, 32); }

constexpr CrossLaneOp ops[] = {
    {"v_readfirstlane_b32", readFirstLane, "sx"},
    {"v_readlane_b32", readLane, "sxx"},
    {"v_writelane_b32", writeLane, "vxx"},
    {"v_permlane16_b32", permuteInRow, "vvxx"},
    {"v_permlanex16_b32", permuteAcrossRows, "vvxx"},
    {"v_permlane64_b32", permuteHalves, "vv"},
    {"v_swap_b32", swapRegisters, "vv"},
    {"v_mbcnt_lo_u32_b32", countBelowLow, "vxx"},
    {"v_mbcnt_hi_u32_b32", countBelowHigh, "vxx"},
};

std::string prepareCrossLane(AsmText &line, const void *entry, const DecodeContext &context,
                             Instruction &out) {
  const auto &op = *static_cast<const CrossLaneOp *>(entry);
  if (line.operands.size() != op.shape.size() || line.encoding != Encoding::Plain)
    return "a form that is not modelled";
  for (size_t i = 0; i < op.shape.size(); ++i) {
    const AsmOperand &operand = line.operands[i];
    bool vector = operand.kind == AsmOperand::Vector, scalar = operand.kind == AsmOperand::Scalar;
    if ((op.shape[i] == 'v' && !vector) || (op.shape[i] == 's' && !scalar))
      return "an operand that is not modelled";
    if (vector)
      out.touchesVector(operand.index, 1);
    else if (scalar && operand.index < Scc && operand.index != Null)
      out.touches(operand.index, 1);
    if (i == 0) {
      out.destination = operand.index;
      continue;
    }
    Source &source = out.sources[out.numSources++];
    source.kind = vector ? Source::Vector : scalar ? Source::Scalar : Source::Constant;
    source.index = operand.index;
    if (source.kind == Source::Constant)
      source.value = immediateBits(operand, Type::B32);
  }
  out.flags = line.takeBits("op_sel", 0);
  out.kind = InstructionClass::CrossLane;
  out.cycles = 1;
  out.execute = op.execute;
  return "";
}

} // namespace

void addCrossLaneOps(OpTable &table) { table.addRows(ops, prepareCrossLane); }

} // namespace tawny::hipsim
