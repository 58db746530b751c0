#include "runtime/device/CpuCode.h"

#include "runtime/KernelAbi.h"
#include "tests/runtime/toy/ToyArtifact.h"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>

namespace tawny {
namespace {

std::string findingOf(std::span<const std::byte> code) {
  ErrorOr<void> checked = checkSharedObject(code);
  return checked ? "" : checked.error().message;
}

/// Visits each section header of a shared object that is known to be good.
template <typename Visit> void forEachSection(std::vector<std::byte> &code, Visit visit) {
  Elf64_Ehdr header;
  std::memcpy(&header, code.data(), sizeof(header));
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    std::byte *at = code.data() + header.e_shoff + i * sizeof(Elf64_Shdr);
    Elf64_Shdr section;
    std::memcpy(&section, at, sizeof(section));
    visit(section);
    std::memcpy(at, &section, sizeof(section));
  }
}

TEST(CodeObject, LoadsTwiceAtTheSameTime) {
  std::vector<std::byte> code = test::toyCode();
  ASSERT_FALSE(code.empty());
  auto first = CpuCode::load(code), second = CpuCode::load(code);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
  auto one = (*first)->kernel("toy_append", 0), other = (*second)->kernel("toy_append", 0);
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_NE(*one, *other) << "each has its own code";
}

TEST(CodeObject, NamesAMissingKernel) {
  auto code = CpuCode::load(test::toyCode());
  ASSERT_TRUE(code) << code.error().message;
  auto kernel = (*code)->kernel("malloc", 0);
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().message, "the code object has no kernel 'malloc'");
}

TEST(CodeObject, RefusesWhatIsNone) {
  EXPECT_EQ(findingOf({}),
            "code object: expected a 64-bit ELF shared object, found something else");
  std::vector<std::byte> code = test::toyCode();
  code[EI_CLASS] = std::byte(ELFCLASS32);
  EXPECT_EQ(findingOf(code),
            "code object: expected a 64-bit ELF shared object, found something else");
  code = test::toyCode();
  code[offsetof(Elf64_Ehdr, e_machine)] = std::byte(EM_AARCH64);
  EXPECT_EQ(findingOf(code),
            "code object: expected code for x86-64 (ELF machine 62), found machine 183");
}

TEST(CodeObject, RefusesUndefinedSymbols) {
  std::vector<std::byte> code = test::toyCode();
  uint64_t symbols = 0;
  forEachSection(code, [&](Elf64_Shdr &section) {
    if (section.sh_type == SHT_DYNSYM)
      symbols = section.sh_offset;
  });
  ASSERT_NE(symbols, 0u);
  uint16_t undefined = SHN_UNDEF;
  std::memcpy(code.data() + symbols + sizeof(Elf64_Sym) + offsetof(Elf64_Sym, st_shndx), &undefined,
              sizeof(undefined));
  std::string finding = findingOf(code);
  EXPECT_EQ(finding.find("code object: expected no undefined symbols, found 'toy_"), 0u) << finding;
  auto loaded = CpuCode::load(code);
  EXPECT_FALSE(loaded) << "the loader is not asked";
}

TEST(CodeObject, RefusesNeededLibraries) {
  std::vector<std::byte> code = test::toyCode();
  uint64_t dynamic = 0;
  forEachSection(code, [&](Elf64_Shdr &section) {
    if (section.sh_type == SHT_DYNAMIC)
      dynamic = section.sh_offset;
  });
  ASSERT_NE(dynamic, 0u);
  Elf64_Dyn needed = {DT_NEEDED, {1}};
  std::memcpy(code.data() + dynamic, &needed, sizeof(needed));
  std::string finding = findingOf(code);
  EXPECT_EQ(finding.find("code object: expected no libraries, found that it needs 'toy_"), 0u)
      << finding;
}

TEST(CodeObject, RefusesTablesOutsideTheFile) {
  std::vector<std::byte> code = test::toyCode();
  forEachSection(code, [&](Elf64_Shdr &section) {
    if (section.sh_type == SHT_DYNSYM)
      section.sh_size = ~uint64_t(0);
  });
  EXPECT_EQ(findingOf(code), "code object: the symbol table leaves the file");
  code = test::toyCode();
  uint64_t far = ~uint64_t(0) - 8;
  std::memcpy(code.data() + offsetof(Elf64_Ehdr, e_shoff), &far, sizeof(far));
  EXPECT_EQ(findingOf(code), "code object: section header 0 leaves the file");
  code = test::toyCode();
  for (size_t kept = 0; kept < code.size(); kept += 37)
    EXPECT_NE(findingOf(std::span(code).first(kept)), "") << kept;
}

} // namespace
} // namespace tawny
