// Dot products that accumulate. Integers are exact and clamp saturates the sum; halves multiply
// exactly and are added to the accumulator one after the other, high half first, each sum rounded
// to f32 (the hardware's order is not documented).
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Integers.h"
#include "tools/hipsim/isa/Lanes.h"
#include "tools/hipsim/isa/VectorExecute.h"

#include <type_traits>

namespace tawny::hipsim {

namespace {

using U = uint32_t;
using I = int32_t;

/// Products of two halves do not fit 32 bits together; those of bytes and nibbles do.
template <unsigned Bits> using Sum = std::conditional_t<Bits == 16, int64_t, int32_t>;

/// Element `i` of `Bits` bits, extended.
template <unsigned Bits, bool Signed> Sum<Bits> element(U word, unsigned i) {
  U value = word << (32 - Bits * (i + 1));
  return Signed ? Sum<Bits>(I(value) >> (32 - Bits)) : Sum<Bits>(value >> (32 - Bits));
}

template <unsigned Bits, bool SignedA, bool SignedB> Sum<Bits> products(U a, U b) {
  Sum<Bits> sum = 0;
  for (unsigned i = 0; i < 32 / Bits; ++i)
    sum += element<Bits, SignedA>(a, i) * element<Bits, SignedB>(b, i);
  return sum;
}

template <unsigned Bits, bool SignedA, bool SignedB>
constexpr auto wrapping =
    [](U a, U b, U c) { return c + U(products<Bits, SignedA, SignedB>(a, b)); };
template <unsigned Bits, bool SignedA, bool SignedB>
constexpr auto saturating =
    [](U a, U b, I c) { return saturateI32(int64_t(products<Bits, SignedA, SignedB>(a, b)) + c); };
template <unsigned Bits>
constexpr auto saturatingUnsigned =
    [](U a, U b, U c) { return saturateU32(uint64_t(products<Bits, false, false>(a, b)) + c); };

template <unsigned Bits>
constexpr LaneFn signedDot = eachClamped<wrapping<Bits, true, true>, saturating<Bits, true, true>>;
template <unsigned Bits>
constexpr LaneFn unsignedDot = eachClamped<wrapping<Bits, false, false>, saturatingUnsigned<Bits>>;

/// The signedness of each operand is its bit of neg_lo (RDNA 3 ISA, V_DOT4_I32_IU8). The sum counts
/// as signed however unsigned the operands are.
template <unsigned Bits> uint32_t mixedDot(const LaneArgs &args) {
  switch (args.negLo & 3) {
  case 0:
    return eachClamped<wrapping<Bits, false, false>, saturating<Bits, false, false>>(args);
  case 1:
    return eachClamped<wrapping<Bits, true, false>, saturating<Bits, true, false>>(args);
  case 2:
    return eachClamped<wrapping<Bits, false, true>, saturating<Bits, false, true>>(args);
  default:
    return signedDot<Bits>(args);
  }
}

struct Halves {
  Half low, high;
};

float dotHalves(Halves a, Halves b, float c) {
  float sum = __builtin_fmaf(a.high, b.high, c);
  return __builtin_fmaf(a.low, b.low, sum);
}

/// MI200 flushes denormals of operands and results.
Half flushed(Half value) {
  return bitsOf(value) & 0x7c00 ? value : fromBits<Half>(bitsOf(value) & 0x8000);
}
float dotFlushed(Halves a, Halves b, float c) {
  Halves x{flushed(a.low), flushed(a.high)}, y{flushed(b.low), flushed(b.high)};
  auto flush = [](float value) { return fromBits<float>(flushSingle(bitsOf(value))); };
  return flush(dotHalves(x, y, flush(c)));
}
uint32_t dotByChip(const LaneArgs &args) {
  return args.wave->chip->flushesMatrixDenormals ? each<dotFlushed>(args) : each<dotHalves>(args);
}

float fromBf16(U bits) { return std::bit_cast<float>(bits << 16); }
float dotBf16(U a, U b, float c) {
  float sum = __builtin_fmaf(fromBf16(a >> 16), fromBf16(b >> 16), c);
  return __builtin_fmaf(fromBf16(a & 0xffff), fromBf16(b & 0xffff), sum);
}

/// v_dot2_f16_f16 rounds once per step to f16.
Half dotToHalf(Halves a, Halves b, Half c) {
  return fusedHalf(a.low, b.low, fusedHalf(a.high, b.high, c));
}

constexpr auto kind = InstructionClass::ValuDot;

constexpr VectorOp ops[] = {
    {"v_dot4_i32_i8", "c32=b32,b32,b32", signedDot<8>, kind},
    {"v_dot4c_i32_i8", "c32=b32,b32,+", signedDot<8>, kind},
    {"v_dot4_u32_u8", "c32=b32,b32,b32", unsignedDot<8>, kind},
    {"v_dot8_i32_i4", "c32=b32,b32,b32", signedDot<4>, kind},
    {"v_dot8c_i32_i4", "c32=b32,b32,+", signedDot<4>, kind},
    {"v_dot8_u32_u4", "c32=b32,b32,b32", unsignedDot<4>, kind},
    {"v_dot4_i32_iu8", "c32=b32,b32,b32", mixedDot<8>, kind},
    {"v_dot8_i32_iu4", "c32=b32,b32,b32", mixedDot<4>, kind},
    {"v_dot2_i32_i16", "c32=pk16,pk16,b32", signedDot<16>, kind},
    {"v_dot2c_i32_i16", "c32=pk16,pk16,+", signedDot<16>, kind},
    {"v_dot2_u32_u16", "c32=pk16,pk16,b32", unsignedDot<16>, kind},
    {"v_dot2_f32_f16", "f32=pkf16,pkf16,f32", dotByChip, kind},
    {"v_dot2c_f32_f16 v_dot2acc_f32_f16", "f32=pkf16,pkf16,+", dotByChip, kind},
    {"v_dot2_f32_bf16", "f32=pkbf16,pkbf16,f32", each<dotBf16>, kind},
    {"v_dot2c_f32_bf16 v_dot2acc_f32_bf16", "f32=pkbf16,pkbf16,+", each<dotBf16>, kind},
    {"v_dot2_f16_f16", "f16=pkf16,pkf16,f16", each<dotToHalf>, kind},
};

} // namespace

void addDotOps(OpTable &table) { table.addRows(ops, prepareVector); }

} // namespace tawny::hipsim
