#include "tools/hipsim/isa/Workgroup.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace tawny::hipsim {

namespace {

/// Instructions that a wave runs before the next one has its turn.
constexpr uint64_t turn = 1 << 16;

} // namespace

void Workgroup::Aligned::operator()(uint32_t *rows) const {
  ::operator delete[](rows, std::align_val_t(64));
}

Workgroup::Workgroup(const KernelLaunch &launch, MemoryPort &port)
    : launch(launch), port(port), program(launch.code->program()) {
  uint32_t items = launch.block.x * launch.block.y * launch.block.z;
  waves.resize((items + launch.kernel.waveSize - 1) / launch.kernel.waveSize);
  size_t words =
      size_t(waves.size()) * (launch.kernel.waveSize / blockLanes) * numVectors * blockLanes;
  vectors.reset(new (std::align_val_t(64)) uint32_t[std::max<size_t>(words, 1)]);
}

void Workgroup::fail(Wave &wave, std::string_view why) {
  wave.state = WaveState::Failed;
  if (!failure.empty())
    return;
  char where[256];
  std::snprintf(where, sizeof(where),
                "kernel %.*s, workgroup %u,%u,%u, wave %u: ", int(launch.name.size()),
                launch.name.data(), id.x, id.y, id.z, wave.index);
  failure = where + program.text(wave.instructionPc) + ": " + std::string(why);
}

void Wave::fail(std::string_view why) { group->fail(*this, why); }

bool Workgroup::report(Wave &wave, ViolationKind kind, unsigned lane, uint64_t address,
                       std::string message) {
  Violation violation{kind, location(wave), lane, address, std::move(message)};
  if (port.report(violation))
    return true;
  fail(wave, violation.message);
  return false;
}

uint8_t *Workgroup::scratch(Wave &wave, unsigned lane, uint64_t offset, unsigned width,
                            bool &goOn) {
  uint64_t size = launch.kernel.scratchBytesPerLane;
  if (offset > size || width > size - offset) {
    goOn = report(wave, ViolationKind::ScratchOutOfBounds, lane, offset,
                  "scratch is accessed out of bounds: " + std::to_string(width) + " bytes at " +
                      std::to_string(offset) + " of " + std::to_string(size));
    return nullptr;
  }
  size_t at = (size_t(wave.index) * wave.lanes() + lane) * size + offset;
  return reinterpret_cast<uint8_t *>(scratchData.data()) + at;
}

/// Whether a load may write a register that an earlier one is still to write: loads of one counter
/// arrive in order, so the halves of a register need no wait between them.
static bool arrivesInOrder(const PendingLoads &loads, const Instruction &instruction,
                           const RegisterRange &range, unsigned reg) {
  const uint32_t counter = loads.pending[reg] >> 30;
  const bool isVector = instruction.kind == InstructionClass::VmemLoad ||
                        instruction.kind == InstructionClass::Scratch;
  const bool isLoad =
      (isVector && counter == PendingLoads::Vector) ||
      (instruction.kind == InstructionClass::LdsLoad && counter == PendingLoads::Lds);
  return isLoad && range.first == NumScalars + instruction.destination;
}

bool Workgroup::checkWaits(Wave &wave, const Instruction &instruction) {
  for (unsigned i = 0; i < instruction.numRanges; ++i) {
    RegisterRange range = instruction.ranges[i];
    for (unsigned reg = range.first; reg < unsigned(range.first + range.count); ++reg) {
      if (!wave.loads.isPending(reg) || arrivesInOrder(wave.loads, instruction, range, reg))
          [[likely]]
        continue;
      wave.loads.pending[reg] = 0;
      bool vector = reg >= NumScalars;
      if (!report(wave, ViolationKind::MissingWait, 0, 0,
                  std::string(vector ? "v" : "s") +
                      std::to_string(vector ? reg - NumScalars : reg) +
                      " is used while a load to it is outstanding"))
        return false;
    }
  }
  return true;
}

void Workgroup::runWave(Wave &wave) {
  bool wave64 = wave.blocks == 2;
  for (uint64_t left = turn; left && wave.state == WaveState::Running; --left) {
    const Instruction &instruction = program.at(wave.pc, wave64);
    wave.instructionPc = wave.pc;
    if (wave.loads.outstanding() && !checkWaits(wave, instruction))
      return;
    wave.pc += instruction.bytes;
    ++counters.instructions[static_cast<size_t>(instruction.kind)];
    if (instruction.second)
      ++counters.instructions[static_cast<size_t>(instruction.second->kind)];
    counters.valuCycles += uint64_t(instruction.cycles) * wave.blocks;
    ++wave.instructions;
    instruction.execute(wave, instruction);
    if (launch.trace) [[unlikely]]
      traceInstruction(wave);
  }
  if (wave.state == WaveState::Running && wave.instructions > launch.instructionBudget)
    fail(wave, "the wave has run " + std::to_string(wave.instructions) +
                   " instructions and does not end");
}

/// Prints what has run, if it is of the traced wave.
void Workgroup::traceInstruction(Wave &wave) {
  const Dim3 &wanted = launch.trace->workgroup;
  if (wave.index != launch.trace->wave || id.x != wanted.x || id.y != wanted.y || id.z != wanted.z)
    return;
  trace->executed(wave, program.text(wave.instructionPc));
}

void Workgroup::passBarriers() {
  bool waiting = false, ended = false;
  for (Wave &wave : waves) {
    waiting |= wave.state == WaveState::AtBarrier;
    ended |= wave.state == WaveState::Ended;
    if (wave.state == WaveState::Running)
      return;
  }
  if (!waiting)
    return;
  lds.passBarrier();
  for (Wave &wave : waves) {
    if (wave.state != WaveState::AtBarrier)
      continue;
    wave.state = WaveState::Running;
    // Hardware counts waves that have ended as present; that code means it is unlikely.
    if (ended && !report(wave, ViolationKind::BarrierDivergence, 0, 0,
                         "a barrier is passed after other waves have ended"))
      return;
    ended = false;
  }
}

ErrorOr<void> Workgroup::finish() {
  if (launch.trace && launch.trace->wave < waves.size())
    trace = std::make_unique<WaveTrace>(waves[launch.trace->wave]);
  while (!failed()) {
    bool running = false;
    for (Wave &wave : waves) {
      if (wave.state == WaveState::Running)
        runWave(wave);
      running |= wave.state == WaveState::Running || wave.state == WaveState::AtBarrier;
      if (failed())
        break;
    }
    if (!running)
      break;
    passBarriers();
  }
  counters.ldsBankConflictCycles = lds.bankConflictCycles;
  counters.ldsBytesRead = lds.bytesRead;
  counters.ldsBytesWritten = lds.bytesWritten;
  if (failed())
    return Error{std::exchange(failure, std::string())};
  ++counters.workgroups;
  counters.waves += waves.size();
  return {};
}

} // namespace tawny::hipsim
