#include "tools/hipsim/isa/Program.h"

#include "tools/hipsim/isa/Disassembler.h"
#include "tools/hipsim/isa/OpTable.h"
#include "tools/hipsim/isa/VectorExecute.h"
#include "tools/hipsim/isa/Workgroup.h"

#include <cstring>

namespace tawny::hipsim {

namespace {

void executeRefusal(Wave &wave, const Instruction &instruction) {
  wave.fail(*static_cast<const std::string *>(instruction.entry));
}

/// A VOPD's halves are spelled v_dual_X; what each does is v_X.
void undoDual(AsmText &line) {
  constexpr std::string_view prefix = "v_dual_";
  if (line.mnemonic.compare(0, prefix.size(), prefix) != 0)
    return;
  line.mnemonic = "v_" + line.mnemonic.substr(prefix.size());
  if (line.mnemonic == "v_cndmask_b32" && line.operands.size() == 3) {
    // Its mask is VCC without being written down.
    AsmOperand vcc;
    vcc.kind = AsmOperand::Scalar;
    vcc.index = Vcc;
    vcc.count = 1;
    line.operands.push_back(vcc);
  }
}

} // namespace

Program::Program(uint64_t loadAddress, std::span<const std::byte> image, const Chip &chip,
                 std::unique_ptr<Disassembler> disassembler)
    : loadAddress(loadAddress), image(image), target(chip), numSlots(image.size() / 4),
      slots(new std::atomic<const Instruction *>[2 * numSlots]()),
      disassembler(std::move(disassembler)) {}

Program::~Program() = default;

const uint32_t *Program::repeated(uint64_t value) {
  std::unique_ptr<uint32_t[]> &rows = constants[value];
  if (!rows) {
    rows.reset(new uint32_t[size_t(2) * blockLanes]);
    for (unsigned lane = 0; lane < blockLanes; ++lane) {
      rows[lane] = static_cast<uint32_t>(value);
      rows[blockLanes + lane] = static_cast<uint32_t>(value >> 32);
    }
  }
  return rows.get();
}

std::string Program::fillLine(AsmText &line, uint64_t pc, bool wave64, Instruction &out) {
  undoDual(line);
  const OpTable::Op *op = OpTable::get().find(line.mnemonic);
  if (!op)
    return "an instruction that is not modelled";
  DecodeContext context{
      target, pc, wave64,
      [](void *pool, uint64_t value) { return static_cast<Program *>(pool)->repeated(value); },
      this};
  if (std::string why = op->prepare(line, op->entry, context, out); !why.empty())
    return why;
  for (const AsmModifier &modifier : line.modifiers)
    if (!modifier.used)
      return "modifier " + modifier.name + " is not modelled here";
  return "";
}

std::string Program::fill(uint64_t pc, bool wave64, Instruction &out) {
  if (pc % 4 != 0 || pc < loadAddress || pc - loadAddress >= image.size())
    return "execution left the code object";
  std::string text;
  unsigned size = 0;
  std::span<const std::byte> code = image.subspan(pc - loadAddress);
  if (!disassembler->print(code, pc, text, size))
    return "these bytes are no instruction of the chip";
  std::vector<AsmText> lines = AsmText::parse(text);
  for (AsmText &line : lines)
    std::memcpy(line.words, code.data(), std::min<size_t>(sizeof(line.words), code.size()));
  out.bytes = static_cast<uint8_t>(size);
  if (std::string why = fillLine(lines[0], pc, wave64, out); !why.empty())
    return why;
  if (lines.size() < 2)
    return "";
  out.second = std::make_unique<Instruction>();
  if (std::string why = fillLine(lines[1], pc, wave64, *out.second); !why.empty())
    return why;
  // Waits are checked for both at once.
  for (unsigned i = 0; i < out.second->numRanges; ++i)
    out.touches(out.second->ranges[i].first, out.second->ranges[i].count);
  // Unless the second half reads what the first one writes, they can run one after the other.
  out.separable = out.execute == executeVector && out.second->execute == executeVector;
  for (unsigned i = 0; i < out.second->numSources; ++i) {
    const Source &source = out.second->sources[i];
    if (source.kind == Source::Vector && source.index == out.destination)
      out.separable = false;
  }
  out.execute = executeDual;
  return "";
}

const Instruction &Program::decode(uint64_t pc, bool wave64) {
  std::lock_guard lock(mutex);
  uint64_t slot = (pc - loadAddress) / 4;
  bool inside = pc % 4 == 0 && slot < numSlots;
  if (inside)
    if (const Instruction *known = slots[2 * slot + wave64].load(std::memory_order_relaxed))
      return *known;
  Instruction &instruction = instructions.emplace_back();
  if (std::string why = fill(pc, wave64, instruction); !why.empty()) {
    // An instruction that cannot be executed fails when it is reached.
    instruction = Instruction();
    instruction.entry = &refusals.emplace_back(std::move(why));
    instruction.execute = executeRefusal;
  }
  if (inside)
    slots[2 * slot + wave64].store(&instruction, std::memory_order_release);
  return instruction;
}

std::string_view Program::refusal(const Instruction &instruction) const {
  if (instruction.execute != executeRefusal)
    return "";
  return *static_cast<const std::string *>(instruction.entry);
}

std::string Program::text(uint64_t pc) {
  std::lock_guard lock(mutex);
  char address[32];
  std::snprintf(address, sizeof(address), "0x%llx: ", static_cast<unsigned long long>(pc));
  std::string line = "(not in the code object)";
  unsigned size = 0;
  if (pc >= loadAddress && pc - loadAddress < image.size() &&
      !disassembler->print(image.subspan(pc - loadAddress), pc, line, size))
    line = "(no instruction)";
  return address + line;
}

} // namespace tawny::hipsim
