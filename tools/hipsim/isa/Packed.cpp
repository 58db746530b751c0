// Two operations per lane: on halves of a register (VOP3P) and, from gfx90a on, on pairs of f32.
// op_sel and signs have been applied when these run.
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Integers.h"
#include "tools/hipsim/isa/Lanes.h"

namespace tawny::hipsim {

namespace {

using U16 = uint16_t;
using I16 = int16_t;

template <typename T> struct Pair {
  T low, high;
};
using Halves = Pair<Half>;
using Unsigned = Pair<U16>;
using Signed = Pair<I16>;
using Singles = Pair<float>;

/// A function of elements on both.
template <typename T, auto F>
constexpr auto both = [](Pair<T> a, Pair<T> b) {
  return Pair<T>{static_cast<T>(F(a.low, b.low)), static_cast<T>(F(a.high, b.high))};
};
template <typename T, auto F>
constexpr auto bothOfThree = [](Pair<T> a, Pair<T> b, Pair<T> c) {
  return Pair<T>{static_cast<T>(F(a.low, b.low, c.low)), static_cast<T>(F(a.high, b.high, c.high))};
};
template <typename T, auto F> constexpr LaneFn two = each<both<T, F>>;
template <typename T, auto F> constexpr LaneFn three = each<bothOfThree<T, F>>;
template <typename T, auto F, auto Clamped>
constexpr LaneFn clamped = eachClamped<both<T, F>, both<T, Clamped>>;

constexpr VectorOp halves[] = {
    {"v_pk_add_f16", "pkf16=pkf16,pkf16", two<Half, [](Half a, Half b) { return Half(a + b); }>},
    {"v_pk_mul_f16", "pkf16=pkf16,pkf16", two<Half, [](Half a, Half b) { return Half(a * b); }>},
    {"v_pk_fma_f16", "pkf16=pkf16,pkf16,pkf16", three<Half, fusedHalf>},
    {"v_pk_fmac_f16", "pkf16=pkf16,pkf16,+", three<Half, fusedHalf>},
    {"v_pk_min_f16", "pkf16=pkf16,pkf16", two<Half, minimumIeee<Half>>},
    {"v_pk_max_f16", "pkf16=pkf16,pkf16", two<Half, maximumIeee<Half>>},
    {"v_pk_min_num_f16", "pkf16=pkf16,pkf16", two<Half, minimumNumber<Half>>},
    {"v_pk_max_num_f16", "pkf16=pkf16,pkf16", two<Half, maximumNumber<Half>>},
    {"v_pk_minimum_f16", "pkf16=pkf16,pkf16", two<Half, minimumNan<Half>>},
    {"v_pk_maximum_f16", "pkf16=pkf16,pkf16", two<Half, maximumNan<Half>>},
};

constexpr VectorOp integers[] = {
    {"v_pk_add_u16", "cpk16=pk16,pk16",
     clamped<U16, [](U16 a, U16 b) { return a + b; },
             [](U16 a, U16 b) { return std::min(a + b, 0xffff); }>},
    {"v_pk_add_i16", "cpk16=pk16,pk16",
     clamped<I16, [](I16 a, I16 b) { return a + b; },
             [](I16 a, I16 b) { return saturateI16(a + b); }>},
    {"v_pk_sub_u16", "cpk16=pk16,pk16",
     clamped<U16, [](U16 a, U16 b) { return a - b; },
             [](U16 a, U16 b) { return std::max(a - b, 0); }>},
    {"v_pk_sub_i16", "cpk16=pk16,pk16",
     clamped<I16, [](I16 a, I16 b) { return a - b; },
             [](I16 a, I16 b) { return saturateI16(a - b); }>},
    {"v_pk_mul_lo_u16", "pk16=pk16,pk16", two<U16, [](U16 a, U16 b) { return uint32_t(a) * b; }>},
    {"v_pk_mad_u16", "pk16=pk16,pk16,pk16",
     three<U16, [](U16 a, U16 b, U16 c) { return uint32_t(a) * b + c; }>},
    {"v_pk_mad_i16", "pk16=pk16,pk16,pk16",
     three<I16, [](I16 a, I16 b, I16 c) { return a * b + c; }>},
    {"v_pk_lshlrev_b16", "pk16=pk16,pk16", two<U16, [](U16 a, U16 b) { return b << (a & 15); }>},
    {"v_pk_lshrrev_b16", "pk16=pk16,pk16", two<U16, [](U16 a, U16 b) { return b >> (a & 15); }>},
    {"v_pk_ashrrev_i16", "pk16=pk16,pk16", two<I16, [](I16 a, I16 b) { return b >> (a & 15); }>},
    {"v_pk_min_u16", "pk16=pk16,pk16", two<U16, [](U16 a, U16 b) { return std::min(a, b); }>},
    {"v_pk_max_u16", "pk16=pk16,pk16", two<U16, [](U16 a, U16 b) { return std::max(a, b); }>},
    {"v_pk_min_i16", "pk16=pk16,pk16", two<I16, [](I16 a, I16 b) { return std::min(a, b); }>},
    {"v_pk_max_i16", "pk16=pk16,pk16", two<I16, [](I16 a, I16 b) { return std::max(a, b); }>},
};

constexpr auto valu = InstructionClass::Valu;

constexpr VectorOp singles[] = {
    {"v_pk_add_f32", "pkf32=pkf32,pkf32", two<float, [](float a, float b) { return a + b; }>, valu,
     2},
    {"v_pk_mul_f32", "pkf32=pkf32,pkf32", two<float, [](float a, float b) { return a * b; }>, valu,
     2},
    {"v_pk_fma_f32", "pkf32=pkf32,pkf32,pkf32",
     three<float, [](float a, float b, float c) { return __builtin_fmaf(a, b, c); }>, valu, 2},
    // The low result comes from the first operand and the high one from the second; op_sel alone
    // chooses, and has put the choice into the low word of each.
    {"v_pk_mov_b32", "pkb32=pkb32,pkb32",
     each<[](uint64_t a, uint64_t b) { return (a & 0xffffffff) | b << 32; }>, valu, 2},
};

} // namespace

void addPackedOps(OpTable &table) {
  table.addRows(halves, prepareVector);
  table.addRows(integers, prepareVector);
  table.addRows(singles, prepareVector);
}

} // namespace tawny::hipsim
