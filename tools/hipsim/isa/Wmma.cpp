// WMMA on waves of 32: D = A * B + C, matrices spread over lanes (RDNA 3 and RDNA 4 ISA, "Wave
// Matrix Multiply Accumulate"). EXEC does not matter.
//
//   gfx11: lane l holds row l % 16 of A and column l % 16 of B with all of K, both halves of the
//          wave alike; D[i] is row 2 i + l / 16, column l % 16, one element to a register.
//   gfx12: lane l holds half of K, from (K / 2) (l / 16) on; D[i] is row 8 (l / 16) + i, elements
//   of
//          16 bits packed in pairs.
//
// Products are exact; each is added to an f32 accumulator in the order of K with one rounding, and
// a 16-bit result is rounded once more at the end. The hardware's order is not documented. Integers
// are exact; clamp saturates the final sum.
#include "tools/hipsim/isa/Immediate.h"
#include "tools/hipsim/isa/Integers.h"
#include "tools/hipsim/isa/MatrixMath.h"
#include "tools/hipsim/isa/Workgroup.h"

#include <algorithm>

namespace tawny::hipsim {

namespace {

using Element = MatrixElement;

constexpr unsigned side = 16;

struct WmmaOp {
  std::string_view names;
  unsigned depth;
  Element input, output;
};

/// Element k of all rows of A or columns of B.
LaneRow operandRow(Wave &wave, const WmmaOp &op, unsigned reg, unsigned k) {
  unsigned bits = elementBits(op.input), perWord = 32 / bits, lane = 0;
  if (wave.chip->family != Family::Gfx11) {
    unsigned half = op.depth / 2;
    lane = side * (k / half);
    k %= half;
  }
  return {lanesFrom(wave, reg + k / perWord, lane), bits * (k % perWord)};
}

/// A row of C or D. Results of 16 bits: on gfx11 in the half of a register that op_sel names, on
/// gfx12 two to a register.
LaneRow resultRow(Wave &wave, const WmmaOp &op, unsigned reg, unsigned row, bool high) {
  bool packed = elementBits(op.output) == 16;
  if (wave.chip->family == Family::Gfx11)
    return {lanesFrom(wave, reg + row / 2, side * (row % 2)), packed && high ? 16u : 0u};
  unsigned index = row % 8;
  if (packed)
    return {lanesFrom(wave, reg + index / 2, side * (row / 8)), 16 * (index % 2)};
  return {lanesFrom(wave, reg + index, side * (row / 8)), 0};
}

void writeRow(const WmmaOp &op, LaneRow row, const uint32_t *results) {
  uint32_t field = elementBits(op.output) == 16 ? 0xffffu << row.shift : ~0u;
  for (unsigned column = 0; column < side; ++column)
    row.words[column] = (row.words[column] & ~field) | (results[column] << row.shift & field);
}

void multiplyFloats(Wave &wave, const Instruction &i, const WmmaOp &op) {
  MatrixBlock<float> block;
  const Source &c = i.sources[2];
  for (unsigned k = 0; k < op.depth; ++k) {
    readFloats(op.input, operandRow(wave, op, i.sources[0].index, k), side, false, block.a[k]);
    readFloats(op.input, operandRow(wave, op, i.sources[1].index, k), side, false, block.b[k]);
  }
  for (unsigned row = 0; row < side; ++row) {
    auto constant = static_cast<uint32_t>(c.value);
    if (c.kind == Source::Constant)
      std::fill_n(block.sums[row], side, std::bit_cast<float>(constant));
    else
      readFloats(op.output, resultRow(wave, op, c.index, row, i.destinationHalf), side, false,
                 block.sums[row]);
  }
  block.multiply(side, op.depth);
  for (unsigned row = 0; row < side; ++row) {
    uint32_t results[side];
    for (unsigned column = 0; column < side; ++column)
      results[column] = floatResult(op.output, block.sums[row][column]);
    writeRow(op, resultRow(wave, op, i.destination, row, i.destinationHalf), results);
  }
}

/// Sums of products fit 32 bits; only the accumulator can exceed them.
void multiplyIntegers(Wave &wave, const Instruction &i, const WmmaOp &op) {
  MatrixBlock<int32_t> block;
  int32_t accumulators[side][side];
  const Source &c = i.sources[2];
  for (unsigned k = 0; k < op.depth; ++k) {
    readIntegers(op.input, operandRow(wave, op, i.sources[0].index, k), side, i.negLo & 1,
                 block.a[k]);
    readIntegers(op.input, operandRow(wave, op, i.sources[1].index, k), side, i.negLo & 2,
                 block.b[k]);
  }
  for (unsigned row = 0; row < side; ++row) {
    std::fill_n(block.sums[row], side, 0);
    if (c.kind == Source::Constant)
      std::fill_n(accumulators[row], side, static_cast<int32_t>(c.value));
    else
      readIntegers(Element::I32, resultRow(wave, op, c.index, row, false), side, true,
                   accumulators[row]);
  }
  block.multiply(side, op.depth);
  for (unsigned row = 0; row < side; ++row) {
    uint32_t results[side];
    for (unsigned column = 0; column < side; ++column) {
      int64_t sum = int64_t(accumulators[row][column]) + block.sums[row][column];
      results[column] = i.clamp ? saturateI32(sum) : static_cast<uint32_t>(sum);
    }
    writeRow(op, resultRow(wave, op, i.destination, row, false), results);
  }
}

unsigned inputDwords(const WmmaOp &op, Family family) {
  return op.depth * elementBits(op.input) / 32 / (family == Family::Gfx11 ? 1 : 2);
}

/// gfx11 reads operands from either half of the wave, as it likes.
bool halvesAgree(Wave &wave, const Instruction &i, const WmmaOp &op) {
  for (unsigned operand = 0; operand < 2; ++operand)
    for (unsigned dword = 0; dword < inputDwords(op, Family::Gfx11); ++dword) {
      unsigned reg = i.sources[operand].index + dword;
      const uint32_t *words = wave.row(reg, 0);
      if (!std::equal(words, words + side, words + side))
        return wave.group->report(wave, ViolationKind::MatrixHalves, 0, 0,
                                  "v" + std::to_string(reg) +
                                      " differs between lanes 0 to 15 and lanes 16 to 31");
    }
  return true;
}

void execute(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const WmmaOp *>(i.entry);
  if (wave.chip->family == Family::Gfx11 && !halvesAgree(wave, i, op))
    return;
  if (op.output == Element::I32)
    multiplyIntegers(wave, i, op);
  else
    multiplyFloats(wave, i, op);
}

std::string prepare(AsmText &line, const void *entry, const DecodeContext &context,
                    Instruction &out) {
  const auto &op = *static_cast<const WmmaOp *>(entry);
  if (context.wave64)
    return "WMMA of waves of 64 is not modelled";
  if (line.operands.size() != 4 || line.operands[0].kind != AsmOperand::Vector)
    return "a form that is not modelled";
  bool gfx11 = context.chip.family == Family::Gfx11;
  if (gfx11 && op.depth != side)
    return "this chip has no such matrix instruction";
  out.entry = &op;
  out.kind = InstructionClass::Matrix;
  out.execute = execute;
  out.cycles = 32; // 16x16x16 multiply-adds at 128 a cycle
  unsigned outputDwords = !gfx11 && elementBits(op.output) == 16 ? 4 : 8;
  out.destination = line.operands[0].index;
  out.touchesVector(out.destination, outputDwords);
  for (unsigned i = 0; i < 3; ++i) {
    const AsmOperand &operand = line.operands[i + 1];
    Source &source = out.sources[i];
    source.index = operand.index;
    bool constant = operand.kind == AsmOperand::Integer || operand.kind == AsmOperand::Float;
    if (i == 2 && constant) {
      source.kind = Source::Constant;
      source.value = immediateBits(operand, Type::B32);
      if (source.value && elementBits(op.output) == 16)
        return "a constant of 16 bits is not modelled here";
    } else if (operand.kind != AsmOperand::Vector ||
               operand.count != (i < 2 ? inputDwords(op, context.chip.family) : outputDwords)) {
      return "operands that do not fit the matrices";
    } else {
      out.touchesVector(operand.index, operand.count);
    }
  }
  out.clamp = line.takeFlag("clamp");
  out.negLo = line.takeBits("neg_lo", 0);
  out.destinationHalf = line.takeBits("op_sel", 0) >> 2 & 1;
  bool integers = op.output == Element::I32;
  if (line.takeBits("neg_hi", 0) || (!integers && (out.negLo || out.clamp)))
    return "signs and clamp of a matrix instruction are not modelled";
  return "";
}

constexpr WmmaOp ops[] = {
    {"v_wmma_f32_16x16x16_f16", 16, Element::F16, Element::F32},
    {"v_wmma_f32_16x16x16_bf16", 16, Element::BF16, Element::F32},
    {"v_wmma_f16_16x16x16_f16", 16, Element::F16, Element::F16},
    {"v_wmma_bf16_16x16x16_bf16", 16, Element::BF16, Element::BF16},
    {"v_wmma_i32_16x16x16_iu8", 16, Element::I8, Element::I32},
    {"v_wmma_i32_16x16x16_iu4", 16, Element::I4, Element::I32},
    {"v_wmma_i32_16x16x32_iu4", 32, Element::I4, Element::I32},
};

} // namespace

void addWmmaOps(OpTable &table) { table.addRows(ops, prepare); }

} // namespace tawny::hipsim
