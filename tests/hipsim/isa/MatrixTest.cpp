// Matrix instructions against matrices multiplied by hand: layouts as the ISA manuals draw them.
// Elements are small integers, so that sums are exact in any order and format.
#include "tests/hipsim/isa/Snippet.h"

#include <bit>
#include <gtest/gtest.h>
#include <random>

namespace tawny::hipsim::test {
namespace {

struct Shape {
  const char *chip, *code;
  unsigned side, depth, blocks;
  unsigned perLane; ///< elements of K in a lane's registers
  unsigned bits;    ///< of an element
  bool isFloat;
};

uint32_t encode(const Shape &shape, int value) {
  if (!shape.isFloat)
    return uint32_t(value) & ((1u << shape.bits) - 1);
  if (shape.bits == 32)
    return std::bit_cast<uint32_t>(float(value));
  bool brain = std::string(shape.code).find("bf16") != std::string::npos;
  return brain ? std::bit_cast<uint32_t>(float(value)) >> 16
               : std::bit_cast<uint16_t>(static_cast<_Float16>(value));
}

/// Puts element k of a lane's part into its registers.
void put(const Shape &shape, Wave &wave, unsigned reg, unsigned lane, unsigned k, int value) {
  unsigned perWord = 32 / shape.bits;
  uint32_t &word = wave.lane(reg + k / perWord, lane);
  unsigned shift = shape.bits * (k % perWord);
  uint32_t field = shape.bits == 32 ? ~0u : ((1u << shape.bits) - 1) << shift;
  word = (word & ~field) | encode(shape, value) << shift;
}

/// Register (from the first of D) and lane of an element, for each layout.
struct Place {
  unsigned reg, lane;
};
Place place(const Shape &shape, unsigned block, unsigned row, unsigned column) {
  std::string chip = shape.chip;
  if (chip == "gfx1100")
    return {row / 2, column + 16 * (row & 1)};
  if (chip == "gfx1201")
    return {row & 7, column + 16 * (row >> 3)};
  if (shape.side == 32)
    return {block * 16 + (row >> 3) * 4 + (row & 3), column + 32 * (row >> 2 & 1)};
  if (shape.side == 16)
    return {block * 4 + (row & 3), column + 16 * (row >> 2)};
  return {row, column + 4 * block};
}

constexpr unsigned aReg = 0, bReg = 16, cReg = 32, dReg = 64;

void check(const Shape &shape, uint32_t seed) {
  SCOPED_TRACE(std::string(shape.chip) + ": " + shape.code + ", seed " + std::to_string(seed));
  Machine machine(shape.chip, shape.code);
  ASSERT_TRUE(machine.group);
  Wave &wave = machine.group->waves[0];
  std::mt19937 random(seed);
  auto draw = [&] { return int(random() % 15) - 7; };
  static int a[16][32][32], b[16][32][32], c[16][32][32]; // block, row or column, k or column
  bool wmma = shape.blocks == 0;
  unsigned blocks = std::max(shape.blocks, 1u), lanes = wave.lanes();
  for (unsigned block = 0; block < blocks; ++block)
    for (unsigned which = 0; which < shape.side; ++which) {
      for (unsigned k = 0; k < shape.depth; ++k) {
        a[block][which][k] = draw();
        b[block][which][k] = draw();
        // Lanes that hold the element: groups of `side` lanes are slices of K, or blocks.
        for (unsigned group = 0; group < lanes / shape.side; ++group) {
          bool whole = shape.perLane == shape.depth && wmma;
          bool here = whole || (blocks > 1 ? group == block : group == k / shape.perLane);
          if (!here)
            continue;
          unsigned lane = which + shape.side * group;
          put(shape, wave, aReg, lane, k % shape.perLane, a[block][which][k]);
          put(shape, wave, bReg, lane, k % shape.perLane, b[block][which][k]);
        }
      }
      for (unsigned column = 0; column < shape.side; ++column) {
        c[block][which][column] = draw();
        Place at = place(shape, block, which, column);
        wave.lane(cReg + at.reg, at.lane) =
            shape.isFloat ? std::bit_cast<uint32_t>(float(c[block][which][column]))
                          : uint32_t(c[block][which][column]);
      }
    }
  auto result = machine.run();
  ASSERT_TRUE(result) << result.error().message;
  for (unsigned block = 0; block < blocks; ++block)
    for (unsigned row = 0; row < shape.side; ++row)
      for (unsigned column = 0; column < shape.side; ++column) {
        int sum = c[block][row][column];
        for (unsigned k = 0; k < shape.depth; ++k)
          sum += a[block][row][k] * b[block][column][k];
        Place at = place(shape, block, row, column);
        uint32_t found = wave.lane(dReg + at.reg, at.lane);
        int value = shape.isFloat ? int(std::bit_cast<float>(found)) : int(found);
        ASSERT_EQ(value, sum) << "block " << block << " row " << row << " column " << column;
      }
}

// Registers: A from v0, B from v16, C from v32, D from v64. Blocks 0 means WMMA.
const Shape shapes[] = {
    {"gfx1100", "v_wmma_f32_16x16x16_f16 v[64:71], v[0:7], v[16:23], v[32:39]", 16, 16, 0, 16, 16,
     true},
    {"gfx1100", "v_wmma_f32_16x16x16_bf16 v[64:71], v[0:7], v[16:23], v[32:39]", 16, 16, 0, 16, 16,
     true},
    {"gfx1100", "v_wmma_i32_16x16x16_iu8 v[64:71], v[0:3], v[16:19], v[32:39] neg_lo:[1,1,0]", 16,
     16, 0, 16, 8, false},
    {"gfx1100", "v_wmma_i32_16x16x16_iu4 v[64:71], v[0:1], v[16:17], v[32:39] neg_lo:[1,1,0]", 16,
     16, 0, 16, 4, false},
    {"gfx1201", "v_wmma_f32_16x16x16_f16 v[64:71], v[0:3], v[16:19], v[32:39]", 16, 16, 0, 8, 16,
     true},
    {"gfx1201", "v_wmma_f32_16x16x16_bf16 v[64:71], v[0:3], v[16:19], v[32:39]", 16, 16, 0, 8, 16,
     true},
    {"gfx1201", "v_wmma_i32_16x16x16_iu8 v[64:71], v[0:1], v[16:17], v[32:39] neg_lo:[1,1,0]", 16,
     16, 0, 8, 8, false},
    {"gfx1201", "v_wmma_i32_16x16x32_iu4 v[64:71], v[0:1], v[16:17], v[32:39] neg_lo:[1,1,0]", 16,
     32, 0, 16, 4, false},
    {"gfx90a", "v_mfma_f32_32x32x8f16 v[64:79], v[0:1], v[16:17], v[32:47]", 32, 8, 1, 4, 16, true},
    {"gfx90a", "v_mfma_f32_16x16x16f16 v[64:67], v[0:1], v[16:17], v[32:35]", 16, 16, 1, 4, 16,
     true},
    {"gfx90a", "v_mfma_f32_16x16x16bf16_1k v[64:67], v[0:1], v[16:17], v[32:35]", 16, 16, 1, 4, 16,
     true},
    {"gfx90a", "v_mfma_f32_32x32x4f16 v[64:95], v[0:1], v[16:17], v[32:63]", 32, 4, 2, 4, 16, true},
    {"gfx90a", "v_mfma_f32_16x16x4f16 v[64:79], v[0:1], v[16:17], v[32:47]", 16, 4, 4, 4, 16, true},
    {"gfx90a", "v_mfma_f32_4x4x4f16 v[64:67], v[0:1], v[16:17], v[32:35]", 4, 4, 16, 4, 16, true},
    {"gfx90a", "v_mfma_f32_32x32x2f32 v[64:79], v0, v16, v[32:47]", 32, 2, 1, 1, 32, true},
    {"gfx90a", "v_mfma_f32_16x16x4f32 v[64:67], v0, v16, v[32:35]", 16, 4, 1, 1, 32, true},
    {"gfx90a", "v_mfma_i32_32x32x8i8 v[64:79], v0, v16, v[32:47]", 32, 8, 1, 4, 8, false},
    {"gfx90a", "v_mfma_i32_16x16x16i8 v[64:67], v0, v16, v[32:35]", 16, 16, 1, 4, 8, false},
    {"gfx942", "v_mfma_f32_16x16x16_f16 v[64:67], v[0:1], v[16:17], v[32:35]", 16, 16, 1, 4, 16,
     true},
    {"gfx942", "v_mfma_i32_16x16x32_i8 v[64:67], v[0:1], v[16:17], v[32:35]", 16, 32, 1, 8, 8,
     false},
    {"gfx942", "v_mfma_i32_32x32x16_i8 v[64:79], v[0:1], v[16:17], v[32:47]", 32, 16, 1, 8, 8,
     false},
};

TEST(IsaMatrix, MultipliesByTheLayoutsOfTheManuals) {
  for (const Shape &shape : shapes)
    for (uint32_t seed : {1u, 2u})
      check(shape, seed);
}

TEST(IsaMatrix, AccumulatesInAgprs) {
  Machine machine("gfx908", "v_mfma_f32_4x4x4f16 a[0:3], v[0:1], v[2:3], a[0:3]\n"
                            "v_accvgpr_read_b32 v64, a3");
  ASSERT_TRUE(machine.group);
  for (const char *reg : {"v0", "v1", "v2", "v3"})
    machine.set({reg, {0x3c003c00}}); // ones
  for (const char *reg : {"a0", "a1", "a2", "a3"})
    machine.set({reg, {std::bit_cast<uint32_t>(1.0f)}});
  ASSERT_TRUE(machine.run());
  machine.expect({"v64", {std::bit_cast<uint32_t>(5.0f)}});
}

TEST(IsaMatrix, HalfResultsTakeTheHalfThatOpSelNames) {
  for (bool high : {false, true}) {
    Machine machine("gfx1100", std::string("v_wmma_f16_16x16x16_f16 v[16:23], v[0:7], v[8:15], "
                                           "v[16:23]") +
                                   (high ? " op_sel:[0,0,1]" : ""));
    ASSERT_TRUE(machine.group);
    for (unsigned reg = 0; reg < 16; ++reg)
      machine.set({"v" + std::to_string(reg), {0x3c003c00}});
    for (unsigned reg = 16; reg < 24; ++reg)
      machine.set({"v" + std::to_string(reg), {0x40003c00}}); // 1 and 2
    ASSERT_TRUE(machine.run());
    for (unsigned reg = 16; reg < 24; ++reg)
      machine.expect({"v" + std::to_string(reg), {high ? 0x4c803c00u : 0x40004c40u}});
  }
}

TEST(IsaMatrix, DenormalsAreFlushedByMi200Alone) {
  struct Flush {
    const char *chip, *code;
    uint32_t expected;
  };
  for (const Flush &test :
       {Flush{"gfx90a", "v_mfma_f32_4x4x4f16 v[8:11], v[0:1], v[2:3], 0", 0},
        Flush{"gfx942", "v_mfma_f32_4x4x4_16b_f16 v[8:11], v[0:1], v[2:3], 0", 0x34000000}}) {
    SCOPED_TRACE(test.chip);
    Machine machine(test.chip, test.code);
    ASSERT_TRUE(machine.group);
    machine.set({"v0", {0x00000004}}); // 2^-22
    machine.set({"v1", {0}});
    machine.set({"v2", {0x00003800}}); // 0.5
    machine.set({"v3", {0}});
    ASSERT_TRUE(machine.run());
    machine.expect({"v8", {test.expected}});
  }
}

} // namespace
} // namespace tawny::hipsim::test
