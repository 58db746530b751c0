#include "tests/hipsim/isa/Snippet.h"

#include "tests/hipsim/isa/Assembler.h"

#include <algorithm>
#include <cstdio>
#include <gtest/gtest.h>

namespace tawny::hipsim::test {

std::vector<std::byte> assemble(const std::string &chip, const std::string &code) {
  std::vector<std::byte> bytes;
  std::string why = assembleInto(chip, code, bytes);
  EXPECT_EQ(why, "") << code;
  return bytes;
}

bool TestMemory::access(const Access &access, const Location &, std::byte **hosts) {
  for (unsigned lane = 0; lane < 64; ++lane) {
    if (!(access.lanes >> lane & 1))
      continue;
    uint64_t offset = access.addresses[lane] - memoryAddress;
    bool inside = access.addresses[lane] >= memoryAddress && offset + access.bytes <= memoryBytes;
    outside += !inside;
    hosts[lane] = inside ? reinterpret_cast<std::byte *>(words.data()) + offset : nullptr;
  }
  return true;
}

bool TestMemory::report(const Violation &violation) {
  violations.push_back(violation);
  messages.push_back(std::string(violationName(violation.kind)) + ", lane " +
                     std::to_string(violation.lane) + ": " + violation.message);
  return true;
}

Machine::Machine(const std::string &chip, const std::string &text, unsigned waves)
    : code(assemble(chip, text + "\ns_endpgm\n")) {
  if (code.empty())
    return;
  auto created = CodeImage::create(0x1000, code, chip);
  if (!created) {
    ADD_FAILURE() << created.error().message;
    return;
  }
  image = std::make_unique<CodeImage>(std::move(*created));
  KernelLaunch launch;
  launch.code = image.get();
  launch.name = "snippet";
  launch.kernel.entry = 0x1000;
  launch.kernel.waveSize = chip.substr(0, 4) == "gfx9" ? 64 : 32;
  launch.kernel.ldsBytes = ldsBytes;
  launch.kernel.scratchBytesPerLane = 64;
  // Denormals kept, DX10_CLAMP and IEEE as compute kernels have them.
  launch.kernel.rsrc1 = 0xfu << 16 | 1u << 21 | 1u << 23;
  launch.block.x = launch.kernel.waveSize * waves;
  launch.instructionBudget = 100000;
  group = std::make_unique<Workgroup>(launch, memory);
  group->start({0, 0, 0});
}

namespace {

uint32_t *scalar(Wave &wave, const std::string &name) {
  AsmText line = AsmText::parse("x " + name)[0];
  if (name == "mode")
    return &wave.mode;
  if (line.operands.empty() || line.operands[0].kind != AsmOperand::Scalar)
    return nullptr;
  return &wave.scalars[line.operands[0].index];
}

int vectorIndex(const std::string &name) {
  AsmText line = AsmText::parse("x " + name)[0];
  bool vector = !line.operands.empty() && line.operands[0].kind == AsmOperand::Vector;
  return vector ? line.operands[0].index : -1;
}

} // namespace

void Machine::set(const Values &values, unsigned which) {
  Wave &wave = group->waves[which];
  if (values.reg == "mem") {
    std::copy(values.values.begin(), values.values.end(), memory.words.begin());
  } else if (values.reg == "lds") {
    group->lds.preload(values.values);
  } else if (int vector = vectorIndex(values.reg); vector >= 0) {
    for (unsigned lane = 0; lane < wave.lanes(); ++lane)
      wave.lane(unsigned(vector), lane) = values.values[lane % values.values.size()];
  } else if (uint32_t *reg = scalar(wave, values.reg)) {
    *reg = values.values[0];
  } else {
    ADD_FAILURE() << "no register " << values.reg;
  }
}

void Machine::expect(const Values &values, unsigned which) {
  Wave &wave = group->waves[which];
  char text[128];
  if (values.reg == "mem") {
    for (size_t i = 0; i < values.values.size(); ++i)
      if (memory.words[i] != values.values[i]) {
        std::snprintf(text, sizeof(text), "mem dword %zu is 0x%08x, not 0x%08x", i, memory.words[i],
                      values.values[i]);
        ADD_FAILURE() << text;
      }
    return;
  }
  if (int vector = vectorIndex(values.reg); vector >= 0) {
    for (unsigned lane = 0; lane < wave.lanes(); ++lane) {
      uint32_t found = wave.lane(unsigned(vector), lane);
      uint32_t wanted = values.values[lane % values.values.size()];
      if (found == wanted)
        continue;
      std::snprintf(text, sizeof(text), "%s lane %u is 0x%08x, not 0x%08x", values.reg.c_str(),
                    lane, found, wanted);
      ADD_FAILURE() << text;
      return;
    }
    return;
  }
  uint32_t *reg = scalar(wave, values.reg);
  ASSERT_NE(reg, nullptr) << values.reg;
  std::snprintf(text, sizeof(text), "%s is 0x%08x, not 0x%08x", values.reg.c_str(), *reg,
                values.values[0]);
  EXPECT_EQ(*reg, values.values[0]) << text;
}

void runCase(const std::string &chip, const Case &test) {
  SCOPED_TRACE(chip + ": " + test.code);
  Machine machine(chip, test.code);
  if (!machine.group)
    return;
  for (const Values &values : test.before)
    machine.set(values);
  auto result = machine.run();
  EXPECT_TRUE(result) << result.error().message;
  for (const std::string &message : machine.memory.messages)
    ADD_FAILURE() << message;
  EXPECT_EQ(machine.memory.outside, 0u);
  for (const Values &values : test.after)
    machine.expect(values);
}

} // namespace tawny::hipsim::test
