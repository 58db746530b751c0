#include "tools/hipsim/isa/Modifiers.h"

#include "tools/hipsim/isa/Lanes.h"
#include "tools/hipsim/isa/VectorExecute.h"

namespace tawny::hipsim {

namespace {

/// A copy of the rows with f(word, row's number) in place of each word.
template <typename F>
const uint32_t *transform(const uint32_t *from, uint32_t *to, unsigned dwords, F f) {
  for (unsigned dword = 0; dword < dwords; ++dword) {
    HIPSIM_LANE_LOOP
    for (unsigned lane = 0; lane < blockLanes; ++lane)
      to[dword * blockLanes + lane] = f(from[dword * blockLanes + lane], dword);
  }
  return to;
}

uint32_t signBit(Type type) { return type == Type::F16 || type == Type::BF16 ? 0x8000 : 1u << 31; }

const uint32_t *selectSdwa(const Source &source, const uint32_t *from, uint32_t *to) {
  unsigned bits = source.select < 4 ? 8 : 16;
  unsigned shift = source.select < 4 ? 8 * source.select : 16 * (source.select - 4);
  if (source.signExtended)
    return transform(from, to, 1, [=](uint32_t word, unsigned) {
      return uint32_t(int32_t(word << (32 - bits - shift)) >> (32 - bits));
    });
  uint32_t mask = (1u << bits) - 1;
  return transform(from, to, 1, [=](uint32_t word, unsigned) { return word >> shift & mask; });
}

/// op_sel, op_sel_hi, neg_lo and neg_hi of two halves in a register.
const uint32_t *selectHalves(const Source &source, const uint32_t *from, uint32_t *to) {
  unsigned low = source.half ? 16 : 0, high = source.halfOfHigh ? 16 : 0;
  uint32_t sign = (source.negated ? 0x8000u : 0) | (source.negatedHigh ? 0x80000000u : 0);
  return transform(from, to, 1, [=](uint32_t word, unsigned) {
    return ((word >> low & 0xffff) | (word >> high & 0xffff) << 16) ^ sign;
  });
}

/// The same for two registers (v_pk_fma_f32).
const uint32_t *selectRows(const Source &source, const uint32_t *from, uint32_t *to) {
  alignas(64) uint32_t copy[2 * blockLanes];
  const uint32_t *low = from + (source.half ? blockLanes : 0);
  const uint32_t *high = from + (source.halfOfHigh ? blockLanes : 0);
  for (unsigned lane = 0; lane < blockLanes; ++lane) {
    copy[lane] = low[lane] ^ (source.negated ? 1u << 31 : 0);
    copy[blockLanes + lane] = high[lane] ^ (source.negatedHigh ? 1u << 31 : 0);
  }
  return transform(copy, to, 2, [](uint32_t word, unsigned) { return word; });
}

/// v_fma_mix's operands become f32.
const uint32_t *mix(const Source &source, const uint32_t *from, uint32_t *to) {
  if (source.isHalf) {
    unsigned shift = source.half ? 16 : 0;
    from = transform(from, to, 1, [=](uint32_t word, unsigned) {
      auto half = std::bit_cast<Half>(static_cast<uint16_t>(word >> shift));
      return std::bit_cast<uint32_t>(static_cast<float>(half));
    });
  }
  uint32_t keep = source.absolute ? 0x7fffffff : ~0u, flip = source.negated ? 1u << 31 : 0;
  return transform(from, to, 1, [=](uint32_t word, unsigned) { return (word & keep) ^ flip; });
}

bool isSingle(Type type) { return type == Type::F32 || type == Type::PkF32 || type == Type::Mix; }

} // namespace

const uint32_t *modifySource(const Wave &wave, const Instruction &instruction, const Source &source,
                             const uint32_t *fetched, uint32_t *rows) {
  const uint32_t *result = fetched;
  switch (source.type) {
  case Type::PkB16:
  case Type::PkF16:
  case Type::PkBF16:
    if (source.modified())
      result = selectHalves(source, result, rows);
    break;
  case Type::PkF32:
  case Type::PkB32:
    if (source.modified())
      result = selectRows(source, result, rows);
    break;
  case Type::Mix:
    result = mix(source, result, rows);
    break;
  default:
    if (source.select != 6)
      result = selectSdwa(source, result, rows);
    if (source.half)
      result = transform(result, rows, 1, [](uint32_t word, unsigned) { return word >> 16; });
    if (source.absolute || source.negated) {
      unsigned top = source.dwords - 1;
      uint32_t sign = signBit(source.type);
      uint32_t keep = source.absolute ? ~sign : ~0u, flip = source.negated ? sign : 0;
      result = transform(result, rows, source.dwords, [=](uint32_t word, unsigned dword) {
        return dword == top ? (word & keep) ^ flip : word;
      });
    }
  }
  // What v_fma_mix makes of a half is never a denormal f32, so one rule does for all.
  if (isSingle(source.type) && instruction.single && wave.flushesSingle())
    result = transform(result, rows, source.dwords,
                       [](uint32_t word, unsigned) { return flushSingle(word); });
  return result;
}

namespace {

template <typename T> T clampUnit(T value, bool nanToZero) {
  if (value != value)
    return nanToZero ? T(0) : value;
  return value > T(0) ? (value < T(1) ? value : T(1)) : T(0);
}

/// Multiplies by omod's factor and clamps, in the result's type.
template <typename T>
void scaleAndClamp(const Wave &wave, const Instruction &instruction, uint32_t *row, bool scaled) {
  constexpr double factors[] = {1, 2, 4, 0.5};
  T factor = static_cast<T>(scaled ? factors[instruction.omod] : 1);
  bool nanToZero = wave.clampsNan();
  for (unsigned lane = 0; lane < blockLanes; ++lane) {
    T value = readLane<T>(row, lane);
    if (factor != T(1))
      value = static_cast<T>(value * factor);
    if (instruction.clamp)
      value = clampUnit(value, nanToZero);
    writeLane<T>(row, lane, value);
  }
}

void clampHalves(const Wave &wave, uint32_t *row) {
  bool nanToZero = wave.clampsNan();
  for (unsigned lane = 0; lane < blockLanes; ++lane) {
    uint32_t word = 0;
    for (unsigned half = 0; half < 2; ++half) {
      auto bits = static_cast<uint16_t>(row[lane] >> (16 * half));
      Half value = clampUnit(std::bit_cast<Half>(bits), nanToZero);
      word |= uint32_t(std::bit_cast<uint16_t>(value)) << (16 * half);
    }
    row[lane] = word;
  }
}

/// omod, clamp and flushing of floating-point results. omod does nothing where the output may be
/// denormal (RDNA 3 ISA, "Output Modifiers").
void finishResult(const Wave &wave, const Instruction &instruction, uint32_t *result) {
  switch (instruction.type) {
  case Type::F32:
    if (instruction.omod || instruction.clamp)
      scaleAndClamp<float>(wave, instruction, result, wave.flushesSingle());
    break;
  case Type::PkF32:
    if (instruction.clamp) {
      scaleAndClamp<float>(wave, instruction, result, false);
      scaleAndClamp<float>(wave, instruction, result + blockLanes, false);
    }
    break;
  case Type::F16:
    if (instruction.omod || instruction.clamp)
      scaleAndClamp<Half>(wave, instruction, result, wave.flushesHalfAndDouble());
    break;
  case Type::F64:
    if (instruction.omod || instruction.clamp)
      scaleAndClamp<double>(wave, instruction, result, wave.flushesHalfAndDouble());
    break;
  case Type::PkF16:
    if (instruction.clamp)
      clampHalves(wave, result);
    break;
  default:
    break;
  }
  if (instruction.single && isSingle(instruction.type) && wave.flushesSingle())
    transform(result, result, instruction.destinationDwords,
              [](uint32_t word, unsigned) { return flushSingle(word); });
}

/// Puts a byte or word into a register, SDWA's way: the rest is zero (0), the sign (1) or kept (2).
void placeSdwa(const Instruction &instruction, const uint32_t *old, uint32_t *result) {
  unsigned select = instruction.destinationSelect, bits = select < 4 ? 8 : 16;
  unsigned shift = select < 4 ? 8 * select : 16 * (select - 4);
  uint32_t field = ((1u << bits) - 1) << shift;
  for (unsigned lane = 0; lane < blockLanes; ++lane) {
    uint32_t value = result[lane] << shift & field, rest = 0;
    if (instruction.destinationUnused == 2)
      rest = old[lane] & ~field;
    else if (instruction.destinationUnused == 1 && (value >> (shift + bits - 1) & 1))
      rest = ~(field | (field - 1)); // the sign fills what lies above
    result[lane] = value | rest;
  }
}

bool isHalfResult(Type type) {
  return type == Type::B16 || type == Type::F16 || type == Type::BF16;
}

} // namespace

void storeResult(Wave &wave, const Instruction &instruction, unsigned block, uint32_t *result,
                 uint32_t written) {
  finishResult(wave, instruction, result);
  uint32_t *row = wave.row(instruction.destination, block);
  if (instruction.destinationSelect != 6) {
    placeSdwa(instruction, row, result);
  } else if (isHalfResult(instruction.type) && instruction.destinationHalf) {
    HIPSIM_LANE_LOOP
    for (unsigned lane = 0; lane < blockLanes; ++lane)
      result[lane] = (row[lane] & 0xffff) | result[lane] << 16;
  } else if (isHalfResult(instruction.type) && instruction.keepsHigh) {
    HIPSIM_LANE_LOOP
    for (unsigned lane = 0; lane < blockLanes; ++lane)
      result[lane] = (row[lane] & 0xffff0000) | (result[lane] & 0xffff);
  }
  mergeRows(row, result, instruction.destinationDwords, written);
}

} // namespace tawny::hipsim
