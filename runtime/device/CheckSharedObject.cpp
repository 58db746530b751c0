// Looks through an ELF file the way a loader would. Source of the structures: System V ABI, gABI
// chapters 4 and 5, and the x86-64 supplement.
#include "runtime/device/CpuCode.h"

#include <cstring>
#include <elf.h>
#include <optional>

namespace tawny {
namespace {

/// A record at `offset`, or nothing where it is not wholly inside.
template <typename Record>
std::optional<Record> recordAt(std::span<const std::byte> bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Record))
    return std::nullopt;
  Record record;
  std::memcpy(&record, bytes.data() + offset, sizeof(record));
  return record;
}

std::optional<Elf64_Shdr> sectionAt(std::span<const std::byte> code, const Elf64_Ehdr &header,
                                    uint32_t index) {
  uint64_t offset;
  if (__builtin_add_overflow(header.e_shoff, uint64_t(index) * sizeof(Elf64_Shdr), &offset))
    return std::nullopt;
  return recordAt<Elf64_Shdr>(code, offset);
}

/// The bytes of a section, or nothing where they leave the file.
std::optional<std::span<const std::byte>> contents(std::span<const std::byte> code,
                                                   const Elf64_Shdr &section) {
  if (section.sh_offset > code.size() || section.sh_size > code.size() - section.sh_offset)
    return std::nullopt;
  return code.subspan(section.sh_offset, section.sh_size);
}

/// The zero-terminated name at `offset` of a string table, cut where the table ends.
std::string nameAt(std::span<const std::byte> strings, uint64_t offset) {
  if (offset >= strings.size())
    return "?";
  const char *text = reinterpret_cast<const char *>(strings.data() + offset);
  return std::string(text, strnlen(text, strings.size() - offset));
}

std::span<const std::byte> linkedStrings(std::span<const std::byte> code, const Elf64_Ehdr &header,
                                         const Elf64_Shdr &section) {
  auto strings = sectionAt(code, header, section.sh_link);
  return strings ? contents(code, *strings).value_or(std::span<const std::byte>{})
                 : std::span<const std::byte>{};
}

ErrorOr<void> checkSymbols(std::span<const std::byte> code, const Elf64_Ehdr &header,
                           const Elf64_Shdr &section) {
  auto symbols = contents(code, section);
  if (!symbols)
    return makeError("code object: the symbol table leaves the file");
  // Symbol 0 is the null symbol.
  for (uint64_t at = sizeof(Elf64_Sym); auto symbol = recordAt<Elf64_Sym>(*symbols, at);
       at += sizeof(Elf64_Sym))
    if (symbol->st_shndx == SHN_UNDEF)
      return makeError("code object: expected no undefined symbols, found '%s'",
                       nameAt(linkedStrings(code, header, section), symbol->st_name).c_str());
  return {};
}

ErrorOr<void> checkDynamic(std::span<const std::byte> code, const Elf64_Ehdr &header,
                           const Elf64_Shdr &section) {
  auto entries = contents(code, section);
  if (!entries)
    return makeError("code object: the dynamic section leaves the file");
  for (uint64_t at = 0; auto entry = recordAt<Elf64_Dyn>(*entries, at); at += sizeof(Elf64_Dyn))
    if (entry->d_tag == DT_NEEDED)
      return makeError("code object: expected no libraries, found that it needs '%s'",
                       nameAt(linkedStrings(code, header, section), entry->d_un.d_val).c_str());
  return {};
}

} // namespace

ErrorOr<void> checkSharedObject(std::span<const std::byte> code) {
  auto header = recordAt<Elf64_Ehdr>(code, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_type != ET_DYN)
    return makeError("code object: expected a 64-bit ELF shared object, found something else");
  if (header->e_machine != EM_X86_64)
    return makeError("code object: expected code for x86-64 (ELF machine %d), found machine %d",
                     EM_X86_64, header->e_machine);
  if (header->e_shentsize != sizeof(Elf64_Shdr))
    return makeError("code object: expected section headers of %zu bytes, found %d",
                     sizeof(Elf64_Shdr), header->e_shentsize);
  bool hasSymbols = false;
  for (uint32_t i = 0; i < header->e_shnum; ++i) {
    auto section = sectionAt(code, *header, i);
    if (!section)
      return makeError("code object: section header %u leaves the file", i);
    ErrorOr<void> checked;
    if (section->sh_type == SHT_DYNSYM)
      checked = checkSymbols(code, *header, *section);
    else if (section->sh_type == SHT_DYNAMIC)
      checked = checkDynamic(code, *header, *section);
    if (!checked)
      return checked;
    hasSymbols |= section->sh_type == SHT_DYNSYM;
  }
  if (!hasSymbols)
    return makeError("code object: expected a table of dynamic symbols, found none");
  return {};
}

} // namespace tawny
