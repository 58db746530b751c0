#include "tools/hipsim/isa/VectorExecute.h"

#include "tools/hipsim/isa/Lanes.h"
#include "tools/hipsim/isa/Modifiers.h"

#include <cstring>

namespace tawny::hipsim {

const uint32_t *fetchSource(Wave &wave, const Source &source, unsigned block, uint32_t *scratch) {
  switch (source.kind) {
  case Source::Vector:
    return wave.row(source.index, block);
  case Source::Constant:
    return source.constant;
  case Source::Scalar:
    break;
  }
  for (unsigned dword = 0; dword < source.dwords; ++dword) {
    uint32_t value = source.index == Null ? 0 : wave.scalars[source.index + dword];
    for (unsigned lane = 0; lane < blockLanes; ++lane)
      scratch[dword * blockLanes + lane] = value;
  }
  return scratch;
}

void mergeRows(uint32_t *to, const uint32_t *from, unsigned dwords, uint32_t exec) {
  for (unsigned dword = 0; dword < dwords; ++dword) {
    uint32_t *target = to + size_t(dword) * blockLanes;
    const uint32_t *value = from + size_t(dword) * blockLanes;
    HIPSIM_LANE_LOOP
    for (unsigned lane = 0; lane < blockLanes; ++lane)
      target[lane] = exec >> lane & 1 ? value[lane] : target[lane];
  }
}

namespace {

struct Scratch {
  alignas(64) uint32_t sources[4][2 * blockLanes];
  alignas(64) uint32_t result[2 * blockLanes];
};

/// Writes what an instruction says about lanes: a mask, EXEC or both.
void writeMasks(Wave &wave, const Instruction &instruction, const uint32_t *masks) {
  uint64_t mask = masks[0] | (wave.blocks == 2 ? uint64_t(masks[1]) << 32 : 0);
  if (instruction.hasMaskOut && instruction.maskOut != Null)
    wave.setMask(instruction.maskOut, mask);
  if (instruction.writesExec)
    wave.setMask(Exec, mask);
}

LaneArgs arguments(Wave &wave, const Instruction &instruction, unsigned block) {
  LaneArgs args;
  args.mask = instruction.hasMaskIn && instruction.maskIn != Null
                  ? wave.scalars[instruction.maskIn + block]
                  : 0;
  args.clamp = instruction.clamp;
  args.negLo = instruction.negLo;
  args.wave = &wave;
  return args;
}

} // namespace

void executeVector(Wave &wave, const Instruction &instruction) {
  if (instruction.single && wave.flushesSingle())
    return executeModifiedVector(wave, instruction);
  Scratch scratch;
  uint32_t masks[2] = {};
  for (unsigned block = 0; block < wave.blocks; ++block) {
    uint32_t exec = wave.scalars[Exec + block];
    if (!exec)
      continue;
    LaneArgs args = arguments(wave, instruction, block);
    for (unsigned i = 0; i < instruction.numSources; ++i)
      args.s[i] = fetchSource(wave, instruction.sources[i], block, scratch.sources[i]);
    uint32_t *row = wave.row(instruction.destination, block);
    bool whole = exec == ~0u;
    args.d = whole ? row : scratch.result;
    masks[block] = instruction.lanes(args) & exec;
    if (!whole)
      mergeRows(row, scratch.result, instruction.destinationDwords, exec);
  }
  if (instruction.hasMaskOut || instruction.writesExec)
    writeMasks(wave, instruction, masks);
}

void executeModifiedVector(Wave &wave, const Instruction &instruction) {
  Scratch scratch[2];
  uint32_t masks[2] = {}, written[2] = {};
  for (unsigned block = 0; block < wave.blocks; ++block) {
    uint32_t exec = wave.scalars[Exec + block];
    written[block] = exec;
    if (!exec)
      continue;
    LaneArgs args = arguments(wave, instruction, block);
    for (unsigned i = 0; i < instruction.numSources; ++i) {
      const Source &source = instruction.sources[i];
      uint32_t *rows = scratch[block].sources[i];
      const uint32_t *fetched = i == 0 && instruction.dpp
                                    ? permuteRows(wave, instruction, block, rows, written[block])
                                    : fetchSource(wave, source, block, rows);
      args.s[i] = modifySource(wave, instruction, source, fetched, rows);
    }
    args.d = scratch[block].result;
    masks[block] = instruction.lanes(args) & written[block];
  }
  // DPP may read lanes of the other block, so registers change when both have been read.
  for (unsigned block = 0; block < wave.blocks; ++block)
    if (written[block] && instruction.destinationDwords)
      storeResult(wave, instruction, block, scratch[block].result, written[block]);
  if (instruction.hasMaskOut || instruction.writesExec)
    writeMasks(wave, instruction, masks);
}

void executeDual(Wave &wave, const Instruction &instruction) {
  if (instruction.separable && !wave.flushesSingle()) {
    executeVector(wave, instruction);
    executeVector(wave, *instruction.second);
    return;
  }
  // VOPD exists for waves of 32 lanes alone.
  uint32_t exec = wave.scalars[Exec];
  if (!exec)
    return;
  Scratch scratch[2];
  const Instruction *halves[2] = {&instruction, instruction.second.get()};
  bool flush = wave.flushesSingle();
  for (unsigned which = 0; which < 2; ++which) {
    const Instruction &half = *halves[which];
    LaneArgs args = arguments(wave, half, 0);
    for (unsigned i = 0; i < half.numSources; ++i) {
      uint32_t *rows = scratch[which].sources[i];
      args.s[i] = fetchSource(wave, half.sources[i], 0, rows);
      if (half.sources[i].modified() || (flush && half.single))
        args.s[i] = modifySource(wave, half, half.sources[i], args.s[i], rows);
    }
    args.d = scratch[which].result;
    half.lanes(args);
  }
  for (unsigned which = 0; which < 2; ++which)
    storeResult(wave, *halves[which], 0, scratch[which].result, exec);
}

} // namespace tawny::hipsim
