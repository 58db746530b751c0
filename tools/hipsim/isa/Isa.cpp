#include "tools/hipsim/isa/Isa.h"

#include "tools/hipsim/isa/Disassembler.h"
#include "tools/hipsim/isa/Workgroup.h"

namespace tawny::hipsim {

std::string_view violationName(ViolationKind kind) {
  switch (kind) {
  case ViolationKind::LdsOutOfBounds:
    return "LDS out of bounds";
  case ViolationKind::LdsUninitialised:
    return "LDS read before it was written";
  case ViolationKind::LdsRace:
    return "LDS race";
  case ViolationKind::LdsMisaligned:
    return "LDS misaligned";
  case ViolationKind::ScratchOutOfBounds:
    return "scratch out of bounds";
  case ViolationKind::MissingWait:
    return "missing wait";
  case ViolationKind::MatrixHalves:
    return "matrix operand";
  case ViolationKind::BarrierDivergence:
    return "barrier after waves have ended";
  }
  return "unknown";
}

std::string_view className(InstructionClass kind) {
  constexpr std::string_view names[numInstructionClasses] = {
      "SALU",       "SMEM",        "VALU",        "VALU transcendental",
      "VALU dot",   "matrix",      "lane",        "VMEM load",
      "VMEM store", "VMEM atomic", "scratch",     "LDS load",
      "LDS store",  "LDS atomic",  "LDS permute", "branch",
      "barrier",    "wait",        "other"};
  size_t index = static_cast<size_t>(kind);
  return index < numInstructionClasses ? names[index] : "unknown";
}

Counters &Counters::operator+=(const Counters &other) {
  for (size_t i = 0; i < numInstructionClasses; ++i)
    instructions[i] += other.instructions[i];
  workgroups += other.workgroups;
  waves += other.waves;
  valuCycles += other.valuCycles;
  ldsBankConflictCycles += other.ldsBankConflictCycles;
  ldsBytesRead += other.ldsBytesRead;
  ldsBytesWritten += other.ldsBytesWritten;
  return *this;
}

CodeImage::CodeImage(std::unique_ptr<Program> state) : state(std::move(state)) {}
CodeImage::CodeImage(CodeImage &&) noexcept = default;
CodeImage &CodeImage::operator=(CodeImage &&) noexcept = default;
CodeImage::~CodeImage() = default;

ErrorOr<CodeImage> CodeImage::create(uint64_t loadAddress, std::span<const std::byte> image,
                                     std::string_view chip) {
  const Chip *found = findChip(chip);
  if (!found)
    return makeError("chip %.*s is not one that this simulator executes; it knows gfx906, gfx908, "
                     "gfx90a, gfx942, gfx1100 to gfx1103, gfx1150 to gfx1153, gfx1200 and gfx1201",
                     int(chip.size()), chip.data());
#if defined(__x86_64__) && defined(__AVX2__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return makeError("this build of the simulator needs a CPU with AVX2, FMA and F16C");
#endif
  if (loadAddress % 4 != 0)
    return makeError("code must be loaded at a multiple of 4, not at 0x%llx",
                     static_cast<unsigned long long>(loadAddress));
  auto disassembler = Disassembler::create(chip);
  if (!disassembler)
    return disassembler.takeError();
  return CodeImage(std::make_unique<Program>(loadAddress, image, *found, std::move(*disassembler)));
}

std::string CodeImage::text(uint64_t pc) const { return state->text(pc); }

WorkgroupRunner::WorkgroupRunner(const KernelLaunch &launch, MemoryPort &port)
    : state(std::make_unique<Workgroup>(launch, port)) {}
WorkgroupRunner::~WorkgroupRunner() = default;

ErrorOr<void> WorkgroupRunner::run(Dim3 workgroup) {
  state->start(workgroup);
  return state->finish();
}
const Counters &WorkgroupRunner::counters() const { return state->counters; }

} // namespace tawny::hipsim
