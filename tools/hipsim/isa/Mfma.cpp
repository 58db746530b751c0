// MFMA on waves of 64: D = A * B + C ("AMD Instinct MI300" ISA, "Matrix Arithmetic Instructions").
// A row of the table is a shape: M = N, K, how many independent blocks, and how many elements of K
// a lane holds. EXEC does not matter.
//
//   Lane l holds row l % M of A and column l % M of B; l / M counts blocks if there are several,
//   else slices of K. D of a block of 32 x 32: register r, lane l is row 8 (r / 4) + 4 (l / 32) +
//   r % 4, column l % 32. 16 x 16: row 4 (l / 16) + r, column l % 16. 4 x 4: row r, column l % 4,
//   block l / 4. Registers of one block follow those of the one before.
//
// Products are exact; each is added to the f32 accumulator in the order of K with one rounding. The
// hardware's order is not documented. MI200 flushes denormals of f16 and bf16 operands and of
// results. Integers wrap.
#include "tools/hipsim/isa/Immediate.h"
#include "tools/hipsim/isa/MatrixMath.h"
#include "tools/hipsim/isa/VectorExecute.h"

#include <algorithm>

namespace tawny::hipsim {

namespace {

using Element = MatrixElement;

struct MfmaOp {
  std::string_view names;
  uint8_t side, depth, blocks, perLane;
  Element input;
  uint8_t cycles; ///< of 32 lanes
};

constexpr unsigned inputDwords(const MfmaOp &op) { return op.perLane * elementBits(op.input) / 32; }
constexpr unsigned outputDwords(const MfmaOp &op) {
  return op.side == 4 ? 4 : op.side * op.side / 64 * op.blocks;
}

/// Element k of all rows of A or columns of B of a block.
LaneRow operandRow(Wave &wave, const MfmaOp &op, unsigned reg, unsigned block, unsigned k) {
  unsigned bits = elementBits(op.input), perWord = 32 / bits;
  unsigned group = op.blocks > 1 ? block : k / op.perLane, index = k % op.perLane;
  return {lanesFrom(wave, reg + index / perWord, op.side * group), bits * (index % perWord)};
}

/// A row of C or D.
LaneRow resultRow(Wave &wave, const MfmaOp &op, unsigned reg, unsigned block, unsigned row) {
  if (op.side == 32)
    return {lanesFrom(wave, reg + 16 * block + 4 * (row / 8) + row % 4, 32 * (row / 4 % 2)), 0};
  if (op.side == 16)
    return {lanesFrom(wave, reg + 4 * block + row % 4, 16 * (row / 4)), 0};
  return {lanesFrom(wave, reg + row, 4 * block), 0};
}

void multiplyFloats(Wave &wave, const Instruction &i, unsigned number) {
  const auto &op = *static_cast<const MfmaOp *>(i.entry);
  MatrixBlock<float> block;
  bool flush = wave.chip->flushesMatrixDenormals && op.input != Element::F32;
  for (unsigned k = 0; k < op.depth; ++k) {
    readFloats(op.input, operandRow(wave, op, i.sources[0].index, number, k), op.side, flush,
               block.a[k]);
    readFloats(op.input, operandRow(wave, op, i.sources[1].index, number, k), op.side, flush,
               block.b[k]);
  }
  const Source &c = i.sources[2];
  auto constant = static_cast<uint32_t>(c.value);
  for (unsigned row = 0; row < op.side; ++row) {
    if (c.kind == Source::Constant)
      std::fill_n(block.sums[row], op.side, std::bit_cast<float>(constant));
    else
      readFloats(Element::F32, resultRow(wave, op, c.index, number, row), op.side, false,
                 block.sums[row]);
  }
  block.multiply(op.side, op.depth);
  for (unsigned row = 0; row < op.side; ++row) {
    LaneRow to = resultRow(wave, op, i.destination, number, row);
    for (unsigned column = 0; column < op.side; ++column) {
      auto bits = std::bit_cast<uint32_t>(block.sums[row][column]);
      to.words[column] = flush ? flushSingle(bits) : bits;
    }
  }
}

void multiplyIntegers(Wave &wave, const Instruction &i, unsigned number) {
  const auto &op = *static_cast<const MfmaOp *>(i.entry);
  MatrixBlock<int32_t> block;
  for (unsigned k = 0; k < op.depth; ++k) {
    readIntegers(op.input, operandRow(wave, op, i.sources[0].index, number, k), op.side, true,
                 block.a[k]);
    readIntegers(op.input, operandRow(wave, op, i.sources[1].index, number, k), op.side, true,
                 block.b[k]);
  }
  const Source &c = i.sources[2];
  for (unsigned row = 0; row < op.side; ++row) {
    if (c.kind == Source::Constant)
      std::fill_n(block.sums[row], op.side, static_cast<int32_t>(c.value));
    else
      readIntegers(Element::I32, resultRow(wave, op, c.index, number, row), op.side, true,
                   block.sums[row]);
  }
  block.multiply(op.side, op.depth);
  for (unsigned row = 0; row < op.side; ++row)
    std::copy_n(block.sums[row], op.side, resultRow(wave, op, i.destination, number, row).words);
}

/// A block's results may stand where a later block's operands are read only if D overlaps A or B,
/// which prepare() refuses where there are several.
void execute(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const MfmaOp *>(i.entry);
  for (unsigned block = 0; block < op.blocks; ++block) {
    if (op.input == Element::I8)
      multiplyIntegers(wave, i, block);
    else
      multiplyFloats(wave, i, block);
  }
}

bool overlaps(unsigned first, unsigned count, const Source &source, unsigned sourceCount) {
  return source.kind == Source::Vector && first < source.index + sourceCount &&
         source.index < first + count;
}

std::string prepare(AsmText &line, const void *entry, const DecodeContext &context,
                    Instruction &out) {
  const auto &op = *static_cast<const MfmaOp *>(entry);
  if (!context.wave64 || line.operands.size() != 4 || line.operands[0].kind != AsmOperand::Vector)
    return "a form that is not modelled";
  out.entry = &op;
  out.kind = InstructionClass::Matrix;
  out.execute = execute;
  out.cycles = op.cycles;
  out.destination = line.operands[0].index;
  out.touchesVector(out.destination, outputDwords(op));
  for (unsigned i = 0; i < 3; ++i) {
    const AsmOperand &operand = line.operands[i + 1];
    Source &source = out.sources[i];
    source.index = operand.index;
    if (i == 2 && (operand.kind == AsmOperand::Integer || operand.kind == AsmOperand::Float)) {
      source.kind = Source::Constant;
      source.value = immediateBits(operand, op.input == Element::I8 ? Type::B32 : Type::F32);
    } else if (operand.kind != AsmOperand::Vector ||
               operand.count != (i < 2 ? inputDwords(op) : outputDwords(op))) {
      return "operands that do not fit the matrices";
    } else {
      out.touchesVector(operand.index, operand.count);
    }
  }
  // C may be D; otherwise, and for A and B, overlaps are the assembler's to forbid.
  unsigned results = outputDwords(op);
  for (unsigned i = 0; i < 3 && op.blocks > 1; ++i)
    if (!(i == 2 && out.sources[2].index == out.destination) &&
        overlaps(out.destination, results, out.sources[i], i < 2 ? inputDwords(op) : results))
      return "a result that overlaps with operands";
  // cbsz, abid and blgp, which permute blocks, stay unread and are refused by that.
  return "";
}

constexpr MfmaOp ops[] = {
    {"v_mfma_f32_32x32x4f16 v_mfma_f32_32x32x4_2b_f16", 32, 4, 2, 4, Element::F16, 32},
    {"v_mfma_f32_16x16x4f16 v_mfma_f32_16x16x4_4b_f16", 16, 4, 4, 4, Element::F16, 16},
    {"v_mfma_f32_4x4x4f16 v_mfma_f32_4x4x4_16b_f16", 4, 4, 16, 4, Element::F16, 4},
    {"v_mfma_f32_32x32x8f16 v_mfma_f32_32x32x8_f16", 32, 8, 1, 4, Element::F16, 32},
    {"v_mfma_f32_16x16x16f16 v_mfma_f32_16x16x16_f16", 16, 16, 1, 4, Element::F16, 16},
    {"v_mfma_f32_32x32x4bf16_1k v_mfma_f32_32x32x4_2b_bf16", 32, 4, 2, 4, Element::BF16, 32},
    {"v_mfma_f32_16x16x4bf16_1k v_mfma_f32_16x16x4_4b_bf16", 16, 4, 4, 4, Element::BF16, 16},
    {"v_mfma_f32_4x4x4bf16_1k v_mfma_f32_4x4x4_16b_bf16", 4, 4, 16, 4, Element::BF16, 4},
    {"v_mfma_f32_32x32x8bf16_1k v_mfma_f32_32x32x8_bf16", 32, 8, 1, 4, Element::BF16, 32},
    {"v_mfma_f32_16x16x16bf16_1k v_mfma_f32_16x16x16_bf16", 16, 16, 1, 4, Element::BF16, 16},
    {"v_mfma_f32_32x32x2bf16", 32, 2, 2, 2, Element::BF16, 32},
    {"v_mfma_f32_16x16x2bf16", 16, 2, 4, 2, Element::BF16, 16},
    {"v_mfma_f32_4x4x2bf16", 4, 2, 16, 2, Element::BF16, 4},
    {"v_mfma_f32_32x32x4bf16", 32, 4, 1, 2, Element::BF16, 32},
    {"v_mfma_f32_16x16x8bf16", 16, 8, 1, 2, Element::BF16, 16},
    {"v_mfma_f32_32x32x1f32 v_mfma_f32_32x32x1_2b_f32", 32, 1, 2, 1, Element::F32, 32},
    {"v_mfma_f32_16x16x1f32 v_mfma_f32_16x16x1_4b_f32", 16, 1, 4, 1, Element::F32, 16},
    {"v_mfma_f32_4x4x1f32 v_mfma_f32_4x4x1_16b_f32", 4, 1, 16, 1, Element::F32, 4},
    {"v_mfma_f32_32x32x2f32 v_mfma_f32_32x32x2_f32", 32, 2, 1, 1, Element::F32, 32},
    {"v_mfma_f32_16x16x4f32 v_mfma_f32_16x16x4_f32", 16, 4, 1, 1, Element::F32, 16},
    {"v_mfma_i32_32x32x4i8 v_mfma_i32_32x32x4_2b_i8", 32, 4, 2, 4, Element::I8, 32},
    {"v_mfma_i32_16x16x4i8 v_mfma_i32_16x16x4_4b_i8", 16, 4, 4, 4, Element::I8, 16},
    {"v_mfma_i32_4x4x4i8 v_mfma_i32_4x4x4_16b_i8", 4, 4, 16, 4, Element::I8, 4},
    {"v_mfma_i32_32x32x8i8", 32, 8, 1, 4, Element::I8, 32},
    {"v_mfma_i32_16x16x16i8", 16, 16, 1, 4, Element::I8, 16},
    {"v_mfma_i32_32x32x16_i8", 32, 16, 1, 8, Element::I8, 32},
    {"v_mfma_i32_16x16x32_i8", 16, 32, 1, 8, Element::I8, 16},
};

} // namespace

void addMfmaOps(OpTable &table) { table.addRows(ops, prepare); }

} // namespace tawny::hipsim
