// Code objects that do not load, and why.
#include "tests/hipsim/Library.h"

#include <cstring>
#include <elf.h>
#include <random>

namespace tawny::hipsim {
namespace {

class CodeObjectTest : public HipsimTest {
protected:
  /// What loading a code object answers and says.
  static std::pair<hipError_t, std::string> load(const std::vector<std::byte> &object) {
    hipModule_t module = nullptr;
    testing::internal::CaptureStderr();
    hipError_t error = HIP(hipModuleLoadData)(&module, object.data());
    return {error, testing::internal::GetCapturedStderr()};
  }
  template <typename T> static T &at(std::vector<std::byte> &object, size_t offset) {
    return *reinterpret_cast<T *>(object.data() + offset);
  }
};

using Result = std::pair<hipError_t, std::string>;

TEST_F(CodeObjectTest, ForAnotherChip) {
  EXPECT_EQ(load(codeObject("gfx1100")),
            Result(hipErrorNoBinaryForGpu, "hipsim: the code object is not loaded: it is for "
                                           "gfx1100, and the device is gfx1151\n"));
  restart({{"ARCH", "gfx90a"}});
  std::vector<std::byte> object = codeObject("gfx90a");
  // Bits 8 and 9 of e_flags say "compiled for xnack": 1 any, 2 off, 3 on.
  auto &header = at<Elf64_Ehdr>(object, 0);
  header.e_flags |= 0x300;
  EXPECT_EQ(load(object), Result(hipErrorNoBinaryForGpu,
                                 "hipsim: the code object is not loaded: it is for gfx90a:xnack+, "
                                 "and the device is gfx90a:sramecc+:xnack-\n"));
  header.e_flags = (header.e_flags & ~0x300u) | 0x200;
  EXPECT_EQ(load(object).first, hipSuccess);
}

TEST_F(CodeObjectTest, Damaged) {
  EXPECT_EQ(
      load(std::vector<std::byte>(4096)),
      Result(hipErrorInvalidImage, "hipsim: the code object is not loaded: it is no ELF file\n"));
  const std::vector<std::byte> good = codeObject("gfx1151");
  auto broken = [&](auto damage) {
    std::vector<std::byte> object = good;
    auto &header = at<Elf64_Ehdr>(object, 0);
    damage(header, reinterpret_cast<Elf64_Phdr *>(object.data() + header.e_phoff));
    return load(object);
  };
  auto expected = [](const std::string &why) {
    return Result(hipErrorSharedObjectInitFailed,
                  "hipsim: the code object is not loaded: " + why + "\n");
  };
  EXPECT_EQ(broken([](Elf64_Ehdr &header, Elf64_Phdr *) { header.e_machine = EM_X86_64; }),
            expected("it is an ELF file, but not one for AMD GPUs under HSA"));
  EXPECT_EQ(broken([](Elf64_Ehdr &header, Elf64_Phdr *) { header.e_ident[EI_ABIVERSION] = 1; }),
            expected("its ABI version is 1; code object versions 4 to 6 have 2 to 4"));
  EXPECT_EQ(broken([](Elf64_Ehdr &header, Elf64_Phdr *) { header.e_type = ET_REL; }),
            expected("it is an ELF file of type 1; a linked one is of type 3"));
  EXPECT_EQ(broken([](Elf64_Ehdr &, Elf64_Phdr *segments) { segments[1].p_filesz = 1ull << 40; }),
            expected("its headers claim more than 1073741824 bytes"));
  EXPECT_EQ(broken([](Elf64_Ehdr &, Elf64_Phdr *segments) { segments[2].p_vaddr = 0; }),
            expected("program header 2 overlaps the one before"));
  EXPECT_EQ(broken([](Elf64_Ehdr &, Elf64_Phdr *segments) {
              for (unsigned i = 0; i < 9; ++i)
                if (segments[i].p_type == PT_NOTE)
                  segments[i].p_type = PT_NULL;
            }),
            expected("it has no metadata note"));
  EXPECT_EQ(broken([](Elf64_Ehdr &, Elf64_Phdr *segments) {
              for (unsigned i = 0; i < 9; ++i)
                if (segments[i].p_type == PT_DYNAMIC)
                  segments[i].p_type = PT_NULL;
            }),
            expected("its dynamic section lacks DT_SYMTAB, DT_STRTAB or DT_HASH"));
}

/// No damage may crash the loader; most of it is noticed, some leaves a code object sound.
TEST_F(CodeObjectTest, DamagedAtRandom) {
  const std::vector<std::byte> good = codeObject("gfx1151");
  constexpr unsigned seed = 20;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  unsigned refused = 0;
  testing::internal::CaptureStderr();
  for (int round = 0; round < 500; ++round) {
    std::vector<std::byte> object = good;
    // Headers, notes, symbols and relocations lie in front of the code.
    for (int i = 0; i < 8; ++i)
      object[random() % 0x2960] = static_cast<std::byte>(random());
    hipModule_t module = nullptr;
    if (HIP(hipModuleLoadData)(&module, object.data()) == hipSuccess)
      EXPECT_EQ(HIP(hipModuleUnload)(module), hipSuccess);
    else
      ++refused;
  }
  testing::internal::GetCapturedStderr();
  EXPECT_GT(refused, 50u);
}

TEST_F(CodeObjectTest, KernelsAreFoundByName) {
  hipModule_t module = nullptr;
  hipFunction_t function = nullptr;
  ASSERT_EQ(HIP(hipModuleLoadData)(&module, codeObject("gfx1151").data()), hipSuccess);
  EXPECT_EQ(HIP(hipModuleGetFunction)(&function, module, "missing"), hipErrorNotFound);
  ASSERT_EQ(HIP(hipModuleGetFunction)(&function, module, "exchange"), hipSuccess);
  int value = 0;
  ASSERT_EQ(HIP(hipFuncGetAttribute)(&value, HIP_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function),
            hipSuccess);
  EXPECT_EQ(value, 256);
  EXPECT_EQ(HIP(hipModuleUnload)(module), hipSuccess);
  EXPECT_EQ(HIP(hipFuncGetAttribute)(&value, HIP_FUNC_ATTRIBUTE_NUM_REGS, function),
            hipErrorInvalidDeviceFunction);
  void *parameters[] = {&value};
  EXPECT_EQ(
      HIP(hipModuleLaunchKernel)(function, 1, 1, 1, 64, 1, 1, 0, nullptr, parameters, nullptr),
      hipErrorInvalidHandle);
}

} // namespace
} // namespace tawny::hipsim
