// What a workgroup does beyond its instructions: barriers, the order of waves, what is checked
// about LDS, scratch and waits, initial registers, and errors.
#include "tests/hipsim/isa/Snippet.h"

#include <gtest/gtest.h>

namespace tawny::hipsim::test {
namespace {

/// Each wave writes its number times 100 to its lanes' places and reads its neighbour's.
constexpr const char *exchange = "ds_store_b32 v0, v1\n"
                                 "s_waitcnt lgkmcnt(0)\n"
                                 "s_barrier\n"
                                 "ds_load_b32 v3, v2\n"
                                 "s_waitcnt lgkmcnt(0)\n";

void setExchange(Machine &machine) {
  for (unsigned wave = 0; wave < 2; ++wave)
    for (unsigned lane = 0; lane < 32; ++lane) {
      Wave &registers = machine.group->waves[wave];
      registers.lane(0, lane) = wave * 128 + lane * 4;
      registers.lane(1, lane) = wave * 100 + lane;
      registers.lane(2, lane) = (1 - wave) * 128 + lane * 4;
    }
}

std::string firstMessage(const Machine &machine) {
  return machine.memory.messages.empty() ? "" : machine.memory.messages[0];
}

TEST(IsaWorkgroup, BarriersOrderWaves) {
  Machine machine("gfx1100", exchange, 2);
  setExchange(machine);
  ASSERT_TRUE(machine.run());
  EXPECT_EQ(firstMessage(machine), "");
  EXPECT_EQ(machine.group->waves[0].lane(3, 5), 105u);
  EXPECT_EQ(machine.group->waves[1].lane(3, 5), 5u);
}

TEST(IsaWorkgroup, SplitBarriersOrderWaves) {
  Machine machine("gfx1201",
                  "ds_store_b32 v0, v1\ns_wait_dscnt 0x0\ns_barrier_signal -1\n"
                  "s_barrier_wait -1\nds_load_b32 v3, v2\ns_wait_dscnt 0x0",
                  2);
  setExchange(machine);
  ASSERT_TRUE(machine.run());
  EXPECT_EQ(firstMessage(machine), "");
  EXPECT_EQ(machine.group->waves[0].lane(3, 5), 105u);
}

TEST(IsaWorkgroup, ALdsRaceIsReported) {
  Machine machine("gfx1100",
                  "ds_store_b32 v0, v1\ns_waitcnt lgkmcnt(0)\nds_load_b32 v3, v2\n"
                  "s_waitcnt lgkmcnt(0)",
                  2);
  setExchange(machine);
  ASSERT_TRUE(machine.run());
  bool race = false;
  for (const Violation &violation : machine.memory.violations)
    race |= violation.kind == ViolationKind::LdsRace;
  EXPECT_TRUE(race);
}

TEST(IsaWorkgroup, NeighbouringBytesAndAtomicsAreNoRace) {
  Machine machine("gfx1100", "ds_store_b16 v0, v1\nds_add_u32 v2, v1\ns_waitcnt lgkmcnt(0)", 2);
  for (unsigned wave = 0; wave < 2; ++wave) {
    machine.set({"v1", {1}}, wave);
    for (unsigned lane = 0; lane < 32; ++lane) {
      machine.group->waves[wave].lane(0, lane) = lane * 4 + wave * 2;
      machine.group->waves[wave].lane(2, lane) = 512;
    }
  }
  machine.group->lds.preload(std::vector<uint32_t>(256));
  ASSERT_TRUE(machine.run());
  EXPECT_EQ(firstMessage(machine), "");
}

struct Report {
  const char *chip, *code, *message;
};

TEST(IsaWorkgroup, ViolationsAreReported) {
  const Report reports[] = {
      {"gfx1100", "v_mov_b32 v0, 4\nds_load_b32 v1, v0\ns_waitcnt lgkmcnt(0)",
       "LDS read before it was written, lane 0: 4 bytes at LDS address 4 are read and were never "
       "written (4096 bytes are allocated)"},
      {"gfx1100", "v_mov_b32 v0, 0x1000\nds_store_b32 v0, v0",
       "LDS out of bounds, lane 0: 4 bytes at LDS address 4096 are out of bounds (4096 bytes are "
       "allocated)"},
      {"gfx1100", "v_mov_b32 v0, 8\nds_store_b128 v0, v[0:3]",
       "LDS misaligned, lane 0: 16 bytes at LDS address 8 are not aligned (4096 bytes are "
       "allocated)"},
      {"gfx1100", "scratch_store_b32 off, v0, off offset:64",
       "scratch out of bounds, lane 0: scratch is accessed out of bounds: 4 bytes at 64 of 64"},
      {"gfx1100",
       "v_mov_b32 v0, 0\ns_mov_b32 s0, 0x10000\ns_mov_b32 s1, 0\n"
       "global_load_b32 v2, v0, s[0:1]\nv_mov_b32 v3, v2",
       "missing wait, lane 0: v2 is used while a load to it is outstanding"},
      {"gfx1100",
       "v_mov_b32 v0, 0\ns_mov_b32 s0, 0x10000\ns_mov_b32 s1, 0\n"
       "global_load_b32 v2, v0, s[0:1]\nglobal_load_b32 v3, v0, s[0:1]\n"
       "s_waitcnt vmcnt(1)\nv_mov_b32 v4, v2\nv_mov_b32 v4, v3",
       "missing wait, lane 0: v3 is used while a load to it is outstanding"},
      {"gfx1100",
       "s_mov_b32 s0, 0x10000\ns_mov_b32 s1, 0\ns_load_b32 s2, s[0:1], 0x0\ns_mov_b32 s3, s2",
       "missing wait, lane 0: s2 is used while a load to it is outstanding"},
      {"gfx1201",
       "s_mov_b32 s0, 0x10000\ns_mov_b32 s1, 0\ns_load_b32 s2, s[0:1], 0x0\n"
       "s_wait_dscnt 0x0\ns_mov_b32 s3, s2",
       "missing wait, lane 0: s2 is used while a load to it is outstanding"},
      {"gfx1100",
       "v_mbcnt_lo_u32_b32 v15, -1, 0\n"
       "v_wmma_f32_16x16x16_f16 v[16:23], v[4:11], v[8:15], v[16:23]",
       "matrix operand, lane 0: v15 differs between lanes 0 to 15 and lanes 16 to 31"},
      {"gfx906",
       "v_mov_b32 v0, 0\ns_mov_b32 s0, 0x10000\ns_mov_b32 s1, 0\n"
       "global_load_dword v2, v0, s[0:1]\ns_waitcnt lgkmcnt(0)\nv_mov_b32 v2, 0",
       "missing wait, lane 0: v2 is used while a load to it is outstanding"},
  };
  for (const Report &report : reports) {
    SCOPED_TRACE(std::string(report.chip) + ": " + report.code);
    Machine machine(report.chip, report.code);
    ASSERT_TRUE(machine.group);
    ASSERT_TRUE(machine.run());
    EXPECT_EQ(firstMessage(machine), report.message);
  }
}

TEST(IsaWorkgroup, StoresMustBeWaitedForBeforeABarrier) {
  Machine machine("gfx1100", "v_lshlrev_b32 v0, 2, v0\nds_store_b32 v0, v0\ns_barrier", 2);
  for (unsigned wave = 0; wave < 2; ++wave)
    machine.set({"v0", {wave * 64}}, wave);
  ASSERT_TRUE(machine.run());
  EXPECT_EQ(firstMessage(machine),
            "missing wait, lane 0: a barrier is reached while stores to LDS are outstanding");
}

TEST(IsaWorkgroup, ErrorsNameTheInstruction) {
  struct Failing {
    const char *code, *message;
  };
  const Failing failures[] = {
      {"s_nop 0\ntbuffer_load_format_x v0, off, s[0:3], 0 format:[BUF_FMT_32_FLOAT]",
       "kernel snippet, workgroup 0,0,0, wave 0: 0x1004: tbuffer_load_format_x v0, off, s[0:3], 0 "
       "format:[BUF_FMT_32_FLOAT]: an instruction that is not modelled"},
      {"s_branch -1",
       "kernel snippet, workgroup 0,0,0, wave 0: 0x1000: s_branch 65535: the wave has run 131072 "
       "instructions and does not end"},
      {"s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 1",
       "kernel snippet, workgroup 0,0,0, wave 0: 0x1000: s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, "
       "2), 1: FP_ROUND other than to nearest is not modelled"},
      {"s_trap 2", "kernel snippet, workgroup 0,0,0, wave 0: 0x1000: s_trap 2: the kernel traps"},
  };
  for (const Failing &failure : failures) {
    SCOPED_TRACE(failure.code);
    Machine machine("gfx1100", failure.code);
    ASSERT_TRUE(machine.group);
    auto result = machine.run();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, failure.message);
  }
}

TEST(IsaWorkgroup, BankConflictsAreCounted) {
  uint32_t addresses[64];
  for (unsigned stride : {1u, 2u, 32u, 33u, 0u}) {
    for (unsigned lane = 0; lane < 64; ++lane)
      addresses[lane] = lane * stride * 4;
    unsigned lost = stride == 2 ? 1 : stride == 32 ? 31 : 0;
    EXPECT_EQ(bankConflicts(0xffffffff, addresses, 4), lost) << "stride " << stride;
  }
  for (unsigned lane = 0; lane < 64; ++lane)
    addresses[lane] = lane * 16;
  EXPECT_EQ(bankConflicts(0xffffffff, addresses, 16), 0u);
}

TEST(IsaWorkgroup, CountsInstructionsByClass) {
  Machine machine("gfx1100", "v_mov_b32 v0, 0\nv_rcp_f32 v1, v0\ns_mov_b32 s0, 0\n"
                             "v_dual_mov_b32 v2, 0 :: v_dual_mov_b32 v3, 0\ns_barrier");
  ASSERT_TRUE(machine.run());
  const auto &counts = machine.group->counters.instructions;
  EXPECT_EQ(counts[size_t(InstructionClass::Valu)], 3u);
  EXPECT_EQ(counts[size_t(InstructionClass::ValuTranscendental)], 1u);
  EXPECT_EQ(counts[size_t(InstructionClass::Salu)], 1u);
  EXPECT_EQ(counts[size_t(InstructionClass::Barrier)], 1u);
  EXPECT_EQ(counts[size_t(InstructionClass::Other)], 1u); // s_endpgm
}

} // namespace
} // namespace tawny::hipsim::test
