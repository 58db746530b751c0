#include "tools/hipsim/isa/Disassembler.h"

#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/MCTargetOptions.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

namespace tawny::hipsim {

struct Disassembler::Impl {
  llvm::Triple triple{"amdgcn-amd-amdhsa"};
  llvm::MCTargetOptions options;
  std::unique_ptr<llvm::MCRegisterInfo> registers;
  std::unique_ptr<llvm::MCAsmInfo> assembly;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
  std::unique_ptr<llvm::MCInstrInfo> instructions;
  std::unique_ptr<llvm::MCContext> context;
  std::unique_ptr<llvm::MCDisassembler> disassembler;
  std::unique_ptr<llvm::MCInstPrinter> printer;
};

Disassembler::Disassembler(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Disassembler::~Disassembler() = default;

ErrorOr<std::unique_ptr<Disassembler>> Disassembler::create(std::string_view chip) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeAMDGPUTargetInfo();
    LLVMInitializeAMDGPUTargetMC();
    LLVMInitializeAMDGPUDisassembler();
  });
  auto impl = std::make_unique<Impl>();
  std::string why;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(impl->triple, why);
  if (!target)
    return makeError("this LLVM has no AMDGPU target: %s", why.c_str());
  impl->registers.reset(target->createMCRegInfo(impl->triple));
  impl->assembly.reset(target->createMCAsmInfo(*impl->registers, impl->triple, impl->options));
  impl->subtarget.reset(
      target->createMCSubtargetInfo(impl->triple, llvm::StringRef(chip.data(), chip.size()), ""));
  impl->instructions.reset(target->createMCInstrInfo());
  if (!impl->registers || !impl->assembly || !impl->subtarget || !impl->instructions)
    return makeError("LLVM cannot describe the chip %.*s", int(chip.size()), chip.data());
  impl->context = std::make_unique<llvm::MCContext>(impl->triple, impl->assembly.get(),
                                                    impl->registers.get(), impl->subtarget.get());
  impl->disassembler.reset(target->createMCDisassembler(*impl->subtarget, *impl->context));
  impl->printer.reset(
      target->createMCInstPrinter(impl->triple, impl->assembly->getAssemblerDialect(),
                                  *impl->assembly, *impl->instructions, *impl->registers));
  if (!impl->disassembler || !impl->printer)
    return makeError("LLVM has no disassembler for the chip %.*s", int(chip.size()), chip.data());
  return std::unique_ptr<Disassembler>(new Disassembler(std::move(impl)));
}

bool Disassembler::print(std::span<const std::byte> code, uint64_t pc, std::string &text,
                         unsigned &size) {
  llvm::MCInst instruction;
  uint64_t length = 0;
  llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(code.data()), code.size());
  if (impl->disassembler->getInstruction(instruction, length, bytes, pc, llvm::nulls()) !=
      llvm::MCDisassembler::Success)
    return false;
  text.clear();
  llvm::raw_string_ostream stream(text);
  impl->printer->printInst(&instruction, pc, "", *impl->subtarget, stream);
  size_t first = text.find_first_not_of(" \t");
  text.erase(0, first == std::string::npos ? text.size() : first);
  for (char &c : text)
    if (c == '\t' || c == '\n')
      c = ' ';
  size = static_cast<unsigned>(length);
  return true;
}

} // namespace tawny::hipsim
