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
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Integers.h"
#include "tools/hipsim/isa/OpTable.h"

#include <cstring>

namespace tawny::hipsim {

namespace {

constexpr unsigned side = 16;

enum class Element : uint8_t { F16, BF16, I8, I4, F32, I32 };

struct WmmaOp {
  std::string_view names;
  unsigned depth;
  Element input, output;
};

constexpr unsigned elementBits(Element element) {
  switch (element) {
  case Element::F16:
  case Element::BF16:
    return 16;
  case Element::I8:
    return 8;
  case Element::I4:
    return 4;
  default:
    return 32;
  }
}

float toFloat(Element element, uint32_t bits) {
  if (element == Element::F16)
    return std::bit_cast<Half>(static_cast<uint16_t>(bits));
  return std::bit_cast<float>(element == Element::BF16 ? bits << 16 : bits);
}

uint32_t roundBf16(float value) {
  uint32_t bits = bitsOf(value);
  if (isNan(value))
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// Element `index` of a lane's registers, from `reg` on.
uint32_t element(Wave &wave, unsigned reg, unsigned lane, unsigned index, unsigned bits) {
  unsigned perWord = 32 / bits;
  uint32_t word = wave.lane(reg + index / perWord, lane);
  return bits == 32 ? word : word >> (bits * (index % perWord)) & ((1u << bits) - 1);
}

/// Row (of A) or column (of B) `which`, element `k`.
uint32_t operandElement(Wave &wave, const WmmaOp &op, unsigned reg, unsigned which, unsigned k) {
  unsigned bits = elementBits(op.input);
  if (wave.chip->family == Family::Gfx11)
    return element(wave, reg, which, k, bits);
  unsigned half = op.depth / 2;
  return element(wave, reg, which + side * (k / half), k % half, bits);
}

/// The lane and the register's number of a result.
struct Place {
  unsigned lane, index;
};
Place placeOf(Family family, unsigned row, unsigned column) {
  if (family == Family::Gfx11)
    return {column + side * (row % 2), row / 2};
  return {column + side * (row / 8), row % 8};
}

/// Results of 16 bits: on gfx11 the half of a register that op_sel names, on gfx12 packed.
uint32_t readResult(Wave &wave, const Instruction &i, const WmmaOp &op, unsigned reg, Place at) {
  if (elementBits(op.output) == 32)
    return wave.lane(reg + at.index, at.lane);
  if (wave.chip->family == Family::Gfx12)
    return element(wave, reg, at.lane, at.index, 16);
  return wave.lane(reg + at.index, at.lane) >> (i.destinationHalf ? 16 : 0) & 0xffff;
}

void writeResult(Wave &wave, const Instruction &i, const WmmaOp &op, Place at, uint32_t bits) {
  unsigned reg = i.destination, shift = i.destinationHalf ? 16 : 0;
  if (elementBits(op.output) == 32) {
    wave.lane(reg + at.index, at.lane) = bits;
    return;
  }
  if (wave.chip->family == Family::Gfx12) {
    reg += at.index / 2;
    shift = 16 * (at.index % 2);
  } else {
    reg += at.index;
  }
  uint32_t &word = wave.lane(reg, at.lane);
  word = (word & ~(0xffffu << shift)) | bits << shift;
}

uint32_t accumulator(Wave &wave, const Instruction &i, const WmmaOp &op, Place at) {
  const Source &c = i.sources[2];
  return c.kind == Source::Constant ? static_cast<uint32_t>(c.value)
                                    : readResult(wave, i, op, c.index, at);
}

void multiplyFloats(Wave &wave, const Instruction &i, const WmmaOp &op) {
  float a[side][32], b[32][side], sums[side][side];
  for (unsigned which = 0; which < side; ++which)
    for (unsigned k = 0; k < op.depth; ++k) {
      a[which][k] = toFloat(op.input, operandElement(wave, op, i.sources[0].index, which, k));
      b[k][which] = toFloat(op.input, operandElement(wave, op, i.sources[1].index, which, k));
    }
  for (unsigned row = 0; row < side; ++row)
    for (unsigned column = 0; column < side; ++column)
      sums[row][column] =
          toFloat(op.output, accumulator(wave, i, op, placeOf(wave.chip->family, row, column)));
  for (unsigned row = 0; row < side; ++row)
    for (unsigned k = 0; k < op.depth; ++k)
      for (unsigned column = 0; column < side; ++column)
        sums[row][column] = __builtin_fmaf(a[row][k], b[k][column], sums[row][column]);
  for (unsigned row = 0; row < side; ++row)
    for (unsigned column = 0; column < side; ++column) {
      float sum = sums[row][column];
      uint32_t bits = op.output == Element::F32   ? bitsOf(sum)
                      : op.output == Element::F16 ? bitsOf(static_cast<Half>(sum))
                                                  : roundBf16(sum);
      writeResult(wave, i, op, placeOf(wave.chip->family, row, column), bits);
    }
}

void multiplyIntegers(Wave &wave, const Instruction &i, const WmmaOp &op) {
  unsigned bits = elementBits(op.input);
  int32_t a[side][32], b[side][32];
  auto extend = [&](uint32_t value, bool isSigned) {
    uint32_t top = value << (32 - bits);
    return isSigned ? int32_t(top) >> (32 - bits) : int32_t(top >> (32 - bits));
  };
  for (unsigned which = 0; which < side; ++which)
    for (unsigned k = 0; k < op.depth; ++k) {
      a[which][k] = extend(operandElement(wave, op, i.sources[0].index, which, k), i.negLo & 1);
      b[which][k] = extend(operandElement(wave, op, i.sources[1].index, which, k), i.negLo & 2);
    }
  uint32_t results[side][side];
  for (unsigned row = 0; row < side; ++row)
    for (unsigned column = 0; column < side; ++column) {
      int64_t sum = int32_t(accumulator(wave, i, op, placeOf(wave.chip->family, row, column)));
      for (unsigned k = 0; k < op.depth; ++k)
        sum += int64_t(a[row][k]) * b[column][k];
      results[row][column] = i.clamp ? saturateI32(sum) : uint32_t(sum);
    }
  for (unsigned row = 0; row < side; ++row)
    for (unsigned column = 0; column < side; ++column)
      writeResult(wave, i, op, placeOf(wave.chip->family, row, column), results[row][column]);
}

void execute(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const WmmaOp *>(i.entry);
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
  unsigned bits = elementBits(op.input);
  unsigned inputDwords = op.depth * bits / 32 / (gfx11 ? 1 : 2);
  unsigned outputDwords = !gfx11 && elementBits(op.output) == 16 ? 4 : 8;
  out.destination = line.operands[0].index;
  out.touchesVector(out.destination, outputDwords);
  for (unsigned i = 0; i < 3; ++i) {
    const AsmOperand &operand = line.operands[i + 1];
    Source &source = out.sources[i];
    source.index = operand.index;
    bool constant = i == 2 && operand.kind == AsmOperand::Integer;
    if (constant) {
      source.kind = Source::Constant;
      source.value = static_cast<uint32_t>(operand.integer);
    } else if (operand.kind != AsmOperand::Vector ||
               operand.count != (i < 2 ? inputDwords : outputDwords)) {
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
