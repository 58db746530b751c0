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
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Immediate.h"
#include "tools/hipsim/isa/OpTable.h"
#include "tools/hipsim/isa/VectorExecute.h"

namespace tawny::hipsim {

namespace {

enum class Element : uint8_t { F16, BF16, F32, I8 };

struct MfmaOp {
  std::string_view names;
  uint8_t side, depth, blocks, perLane;
  Element input;
  uint8_t cycles; ///< of 32 lanes
};

constexpr unsigned elementBits(Element element) {
  return element == Element::F32 ? 32 : element == Element::I8 ? 8 : 16;
}

constexpr unsigned inputDwords(const MfmaOp &op) { return op.perLane * elementBits(op.input) / 32; }
constexpr unsigned outputDwords(const MfmaOp &op) {
  return op.side == 4 ? 4 : op.side * op.side / 64 * op.blocks;
}

constexpr unsigned lanes = 64;

/// Element k of row (column) `which` of a block.
uint32_t operandElement(Wave &wave, const MfmaOp &op, unsigned reg, unsigned block, unsigned which,
                        unsigned k) {
  unsigned bits = elementBits(op.input), perWord = 32 / bits;
  unsigned group = op.blocks > 1 ? block : k / op.perLane, index = k % op.perLane;
  uint32_t word = wave.lane(reg + index / perWord, which + op.side * group);
  return bits == 32 ? word : word >> (bits * (index % perWord)) & ((1u << bits) - 1);
}

/// Register and lane of an element of C and D.
struct Place {
  unsigned reg, lane;
};
Place placeOf(const MfmaOp &op, unsigned block, unsigned row, unsigned column) {
  if (op.side == 32)
    return {16 * block + 4 * (row / 8) + row % 4, column + 32 * (row / 4 % 2)};
  if (op.side == 16)
    return {4 * block + row % 4, column + 16 * (row / 4)};
  return {row, column + 4 * block};
}

uint32_t accumulator(Wave &wave, const Instruction &i, Place at) {
  const Source &c = i.sources[2];
  return c.kind == Source::Constant ? static_cast<uint32_t>(c.value)
                                    : wave.lane(c.index + at.reg, at.lane);
}

float toFloat(Element element, uint32_t bits, bool flush) {
  if (element == Element::F16) {
    if (flush && !(bits & 0x7c00))
      bits &= 0x8000;
    return std::bit_cast<Half>(static_cast<uint16_t>(bits));
  }
  if (element == Element::F32)
    return std::bit_cast<float>(bits);
  bits <<= 16;
  return std::bit_cast<float>(flush ? flushSingle(bits) : bits);
}

/// One block's matrices as numbers.
template <typename T> struct Matrices {
  T a[32][32], b[32][32], sums[32][32]; // a by row and k, b by k and column
};

template <typename T, typename F>
void loadOperands(Wave &wave, const Instruction &i, unsigned block, Matrices<T> &m, F convert) {
  const auto &op = *static_cast<const MfmaOp *>(i.entry);
  for (unsigned which = 0; which < op.side; ++which)
    for (unsigned k = 0; k < op.depth; ++k) {
      m.a[which][k] = convert(operandElement(wave, op, i.sources[0].index, block, which, k));
      m.b[k][which] = convert(operandElement(wave, op, i.sources[1].index, block, which, k));
    }
  for (unsigned row = 0; row < op.side; ++row)
    for (unsigned column = 0; column < op.side; ++column)
      m.sums[row][column] = std::bit_cast<T>(accumulator(wave, i, placeOf(op, block, row, column)));
}

/// Results of all blocks wait here, because D may overlap with operands.
struct Results {
  uint32_t words[32][lanes];
};

void multiplyFloats(Wave &wave, const Instruction &i, unsigned block, Results &results) {
  const auto &op = *static_cast<const MfmaOp *>(i.entry);
  Matrices<float> m;
  bool flush = wave.chip->flushesMatrixDenormals && op.input != Element::F32;
  loadOperands(wave, i, block, m, [&](uint32_t bits) { return toFloat(op.input, bits, flush); });
  for (unsigned row = 0; row < op.side; ++row)
    for (unsigned k = 0; k < op.depth; ++k)
      for (unsigned column = 0; column < op.side; ++column)
        m.sums[row][column] = __builtin_fmaf(m.a[row][k], m.b[k][column], m.sums[row][column]);
  for (unsigned row = 0; row < op.side; ++row)
    for (unsigned column = 0; column < op.side; ++column) {
      Place at = placeOf(op, block, row, column);
      uint32_t bits = bitsOf(m.sums[row][column]);
      results.words[at.reg][at.lane] = flush ? flushSingle(bits) : bits;
    }
}

void multiplyIntegers(Wave &wave, const Instruction &i, unsigned block, Results &results) {
  const auto &op = *static_cast<const MfmaOp *>(i.entry);
  Matrices<uint32_t> m;
  loadOperands(wave, i, block, m,
               [](uint32_t bits) { return uint32_t(int32_t(static_cast<int8_t>(bits))); });
  for (unsigned row = 0; row < op.side; ++row)
    for (unsigned column = 0; column < op.side; ++column) {
      uint32_t sum = m.sums[row][column];
      for (unsigned k = 0; k < op.depth; ++k)
        sum += m.a[row][k] * m.b[k][column];
      Place at = placeOf(op, block, row, column);
      results.words[at.reg][at.lane] = sum;
    }
}

void execute(Wave &wave, const Instruction &i) {
  const auto &op = *static_cast<const MfmaOp *>(i.entry);
  Results results;
  for (unsigned block = 0; block < op.blocks; ++block) {
    if (op.input == Element::I8)
      multiplyIntegers(wave, i, block, results);
    else
      multiplyFloats(wave, i, block, results);
  }
  for (unsigned reg = 0; reg < outputDwords(op); ++reg)
    for (unsigned lane = 0; lane < lanes; ++lane)
      wave.lane(i.destination + reg, lane) = results.words[reg][lane];
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
