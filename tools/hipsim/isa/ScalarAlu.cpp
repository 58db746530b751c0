// Integer operations of the scalar unit (RDNA 3 ISA and "Vega" ISA, SOP1, SOP2, SOPC, SOPK).
#include "tools/hipsim/isa/Integers.h"
#include "tools/hipsim/isa/Scalars.h"

#include <type_traits>

namespace tawny::hipsim {

namespace {

using U = uint32_t;
using I = int32_t;
using U64 = uint64_t;
using I64 = int64_t;
using A = ScalarArgs;

template <typename T> T operand(const A &a, unsigned i) { return static_cast<T>(a.s[i]); }

template <typename T> U64 widened(T value) {
  return static_cast<U64>(static_cast<std::make_unsigned_t<T>>(value));
}

/// Shapes of operations: of one or two operands, SCC untouched or telling whether the result is 0.
template <typename T, auto F> void one(A &a) { a.result = widened<T>(F(operand<T>(a, 0))); }
template <typename T, auto F> void two(A &a) {
  a.result = widened<T>(F(operand<T>(a, 0), operand<T>(a, 1)));
}
template <typename T, auto F> void oneNonzero(A &a) {
  one<T, F>(a);
  *a.scc = a.result != 0;
}
template <typename T, auto F> void twoNonzero(A &a) {
  two<T, F>(a);
  *a.scc = a.result != 0;
}
template <typename T, auto F> void compare(A &a) { *a.scc = F(operand<T>(a, 0), operand<T>(a, 1)); }
/// min and max: SCC says that the first operand was taken.
template <typename T, auto First> void choose(A &a) {
  *a.scc = First(operand<T>(a, 0), operand<T>(a, 1));
  a.result = *a.scc ? a.s[0] : a.s[1];
}

template <typename T, bool Carried> void add(A &a) {
  U64 sum = U64(U(a.s[0])) + U(a.s[1]) + (Carried ? *a.scc : 0);
  a.result = U(sum);
  *a.scc = sum >> 32 != 0;
}
template <bool Borrowed> void subtract(A &a) {
  U64 taken = U64(U(a.s[1])) + (Borrowed ? *a.scc : 0);
  a.result = U(U(a.s[0]) - taken);
  *a.scc = U(a.s[0]) < taken;
}
void addSigned(A &a) {
  I sum = 0;
  *a.scc = __builtin_add_overflow(I(a.s[0]), I(a.s[1]), &sum);
  a.result = U(sum);
}
void subtractSigned(A &a) {
  I difference = 0;
  *a.scc = __builtin_sub_overflow(I(a.s[0]), I(a.s[1]), &difference);
  a.result = U(difference);
}
void absolute(A &a) {
  a.result = I(a.s[0]) < 0 ? 0 - U(a.s[0]) : U(a.s[0]);
  *a.scc = a.result != 0;
}
void absoluteDifference(A &a) {
  U difference = U(a.s[0]) - U(a.s[1]);
  a.result = I(difference) < 0 ? 0 - difference : difference;
  *a.scc = a.result != 0;
}

/// Bits 4:0 (5:0) of the operand are the offset, from bit 16 on the width.
template <typename T> void extract(A &a) {
  constexpr unsigned bits = 8 * sizeof(T);
  U offset = U(a.s[1]) & (bits - 1), width = U(a.s[1]) >> 16 & 0x7f;
  using Raw = std::make_unsigned_t<T>;
  if (width == 0) {
    a.result = 0;
  } else {
    Raw value = widened<T>(T(static_cast<T>(a.s[0]) >> offset));
    unsigned unused = width < bits ? bits - width : 0;
    a.result = widened<T>(T(T(Raw(value << unused)) >> unused));
  }
  *a.scc = a.result != 0;
}

template <typename T> void select(A &a) { a.result = *a.scc ? a.s[0] : a.s[1]; }
/// Operands: the old value, the new one.
void conditionalMove(A &a) { a.result = *a.scc ? a.s[1] : a.s[0]; }

template <unsigned Shift> void shiftAdd(A &a) {
  U64 sum = (U64(U(a.s[0])) << Shift) + U(a.s[1]);
  a.result = U(sum);
  *a.scc = sum >> 32 != 0;
}

/// EXEC combined with an operand; the result is the old EXEC, or the new one.
template <bool Wide, bool ReturnsNew, auto F> void combineExec(A &a) {
  Wave &wave = *a.wave;
  U64 old = Wide ? wave.scalar64(Exec) : wave.scalars[Exec], combined = F(old, a.s[0]);
  wave.scalars[Exec] = U(combined);
  if (Wide)
    wave.scalars[Exec + 1] = U(combined >> 32);
  else
    combined = U(combined);
  *a.scc = combined != 0;
  a.result = ReturnsNew ? combined : old;
}

#define HIPSIM_BITWISE(NAMES32, NAMES64, EXPRESSION)                                               \
  {NAMES32, "b32=b32,b32", twoNonzero<U, [](U a, U b) { return U(EXPRESSION); }>}, {               \
    NAMES64, "b64=b64,b64", twoNonzero<U64, [](U64 a, U64 b) { return U64(EXPRESSION); }>          \
  }

constexpr ScalarOp bitwise[] = {
    HIPSIM_BITWISE("s_and_b32", "s_and_b64", a &b),
    HIPSIM_BITWISE("s_or_b32", "s_or_b64", a | b),
    HIPSIM_BITWISE("s_xor_b32", "s_xor_b64", a ^ b),
    HIPSIM_BITWISE("s_andn2_b32 s_and_not1_b32", "s_andn2_b64 s_and_not1_b64", a & ~b),
    HIPSIM_BITWISE("s_orn2_b32 s_or_not1_b32", "s_orn2_b64 s_or_not1_b64", a | ~b),
    HIPSIM_BITWISE("s_nand_b32", "s_nand_b64", ~(a &b)),
    HIPSIM_BITWISE("s_nor_b32", "s_nor_b64", ~(a | b)),
    HIPSIM_BITWISE("s_xnor_b32", "s_xnor_b64", ~(a ^ b)),
    {"s_not_b32", "b32=b32", oneNonzero<U, [](U a) { return ~a; }>},
    {"s_not_b64", "b64=b64", oneNonzero<U64, [](U64 a) { return ~a; }>},
    {"s_brev_b32", "b32=b32", one<U, reverseBits>},
    {"s_brev_b64", "b64=b64",
     one<U64, [](U64 a) { return U64(reverseBits(U(a))) << 32 | reverseBits(U(a >> 32)); }>},
    {"s_bcnt1_i32_b32", "b32=b32", oneNonzero<U, [](U a) { return std::popcount(a); }>},
    {"s_bcnt1_i32_b64", "b32=b64", oneNonzero<U64, [](U64 a) { return std::popcount(a); }>},
    {"s_bcnt0_i32_b32", "b32=b32", oneNonzero<U, [](U a) { return std::popcount(~a); }>},
    {"s_ff1_i32_b32 s_ctz_i32_b32", "b32=b32", one<U, firstLow>},
    {"s_ff1_i32_b64 s_ctz_i32_b64", "b32=b64",
     one<U64, [](U64 a) { return a ? U64(std::countr_zero(a)) : U64(~0u); }>},
    {"s_flbit_i32_b32 s_clz_i32_u32", "b32=b32", one<U, firstHigh>},
    {"s_flbit_i32_b64 s_clz_i32_u64", "b32=b64",
     one<U64, [](U64 a) { return a ? U64(std::countl_zero(a)) : U64(~0u); }>},
    {"s_flbit_i32 s_cls_i32", "b32=b32", one<U, firstUnlikeSign>},
    {"s_bitset0_b32", "b32=+,b32", two<U, [](U old, U b) { return old & ~(1u << (b & 31)); }>},
    {"s_bitset1_b32", "b32=+,b32", two<U, [](U old, U b) { return old | 1u << (b & 31); }>},
    {"s_bitcmp0_b32", "=b32,b32", compare<U, [](U a, U b) { return !(a >> (b & 31) & 1); }>},
    {"s_bitcmp1_b32", "=b32,b32", compare<U, [](U a, U b) { return a >> (b & 31) & 1; }>},
    {"s_bitcmp0_b64", "=b64,b32", compare<U64, [](U64 a, U64 b) { return !(a >> (b & 63) & 1); }>},
    {"s_bitcmp1_b64", "=b64,b32", compare<U64, [](U64 a, U64 b) { return a >> (b & 63) & 1; }>},
    {"s_lshl_b32", "b32=b32,b32", twoNonzero<U, [](U a, U b) { return a << (b & 31); }>},
    {"s_lshl_b64", "b64=b64,b32", twoNonzero<U64, [](U64 a, U64 b) { return a << (b & 63); }>},
    {"s_lshr_b32", "b32=b32,b32", twoNonzero<U, [](U a, U b) { return a >> (b & 31); }>},
    {"s_lshr_b64", "b64=b64,b32", twoNonzero<U64, [](U64 a, U64 b) { return a >> (b & 63); }>},
    {"s_ashr_i32", "b32=b32,b32", twoNonzero<I, [](I a, I b) { return a >> (b & 31); }>},
    {"s_ashr_i64", "b64=b64,b32", twoNonzero<I64, [](I64 a, I64 b) { return a >> (b & 63); }>},
    {"s_bfe_u32", "b32=b32,b32", extract<U>},
    {"s_bfe_i32", "b32=b32,b32", extract<I>},
    {"s_bfe_u64", "b64=b64,b32", extract<U64>},
    {"s_bfe_i64", "b64=b64,b32", extract<I64>},
    {"s_bfm_b32", "b32=b32,b32",
     two<U, [](U a, U b) { return ((1u << (a & 31)) - 1) << (b & 31); }>},
    {"s_bfm_b64", "b64=b32,b32",
     two<U64, [](U64 a, U64 b) { return ((U64(1) << (a & 63)) - 1) << (b & 63); }>},
    {"s_pack_ll_b32_b16", "b32=b32,b32", two<U, [](U a, U b) { return (a & 0xffff) | b << 16; }>},
    {"s_pack_lh_b32_b16", "b32=b32,b32",
     two<U, [](U a, U b) { return (a & 0xffff) | (b & 0xffff0000); }>},
    {"s_pack_hl_b32_b16", "b32=b32,b32", two<U, [](U a, U b) { return a >> 16 | b << 16; }>},
    {"s_pack_hh_b32_b16", "b32=b32,b32",
     two<U, [](U a, U b) { return a >> 16 | (b & 0xffff0000); }>},
    {"s_sext_i32_i8", "b32=b32", one<I, [](I a) { return I(int8_t(a)); }>},
    {"s_sext_i32_i16", "b32=b32", one<I, [](I a) { return I(int16_t(a)); }>},
};

constexpr ScalarOp arithmetic[] = {
    {"s_add_u32 s_add_co_u32", "b32=b32,b32", add<U, false>},
    {"s_addc_u32 s_add_co_ci_u32", "b32=b32,b32", add<U, true>},
    {"s_sub_u32 s_sub_co_u32", "b32=b32,b32", subtract<false>},
    {"s_subb_u32 s_sub_co_ci_u32", "b32=b32,b32", subtract<true>},
    {"s_add_i32 s_add_co_i32", "b32=b32,b32", addSigned},
    {"s_sub_i32 s_sub_co_i32", "b32=b32,b32", subtractSigned},
    {"s_addk_i32 s_addk_co_i32", "b32=+,k16", addSigned},
    {"s_add_nc_u64 s_add_u64", "b64=b64,b64", two<U64, [](U64 a, U64 b) { return a + b; }>},
    {"s_sub_nc_u64 s_sub_u64", "b64=b64,b64", two<U64, [](U64 a, U64 b) { return a - b; }>},
    {"s_mul_i32", "b32=b32,b32", two<U, [](U a, U b) { return a * b; }>},
    {"s_mulk_i32", "b32=+,k16", two<U, [](U a, U b) { return a * b; }>},
    {"s_mul_u64", "b64=b64,b64", two<U64, [](U64 a, U64 b) { return a * b; }>},
    {"s_mul_hi_u32", "b32=b32,b32", two<U, [](U a, U b) { return U(U64(a) * b >> 32); }>},
    {"s_mul_hi_i32", "b32=b32,b32", two<I, [](I a, I b) { return I(I64(a) * b >> 32); }>},
    {"s_abs_i32", "b32=b32", absolute},
    {"s_absdiff_i32", "b32=b32,b32", absoluteDifference},
    {"s_min_i32", "b32=b32,b32", choose<I, [](I a, I b) { return a < b; }>},
    {"s_min_u32", "b32=b32,b32", choose<U, [](U a, U b) { return a < b; }>},
    {"s_max_i32", "b32=b32,b32", choose<I, [](I a, I b) { return a >= b; }>},
    {"s_max_u32", "b32=b32,b32", choose<U, [](U a, U b) { return a >= b; }>},
    {"s_lshl1_add_u32", "b32=b32,b32", shiftAdd<1>},
    {"s_lshl2_add_u32", "b32=b32,b32", shiftAdd<2>},
    {"s_lshl3_add_u32", "b32=b32,b32", shiftAdd<3>},
    {"s_lshl4_add_u32", "b32=b32,b32", shiftAdd<4>},
    {"s_mov_b32", "b32=b32", one<U, [](U a) { return a; }>},
    {"s_mov_b64", "b64=b64", one<U64, [](U64 a) { return a; }>},
    {"s_movk_i32", "b32=k16", one<U, [](U a) { return a; }>},
    {"s_cmov_b32", "b32=+,b32", conditionalMove},
    {"s_cmov_b64", "b64=+,b64", conditionalMove},
    {"s_cmovk_i32", "b32=+,k16", conditionalMove},
    {"s_cselect_b32", "b32=b32,b32", select<U>},
    {"s_cselect_b64", "b64=b64,b64", select<U64>},
};

#define HIPSIM_COMPARE(CONDITION, OPERATOR)                                                        \
  {"s_cmp_" CONDITION "_i32", "=b32,b32", compare<I, [](I a, I b) { return a OPERATOR b; }>},      \
      {"s_cmp_" CONDITION "_u32", "=b32,b32", compare<U, [](U a, U b) { return a OPERATOR b; }>},  \
      {"s_cmpk_" CONDITION "_i32", "=b32,k16", compare<I, [](I a, I b) { return a OPERATOR b; }>}, \
  {                                                                                                \
    "s_cmpk_" CONDITION "_u32", "=b32,u16", compare<U, [](U a, U b) { return a OPERATOR b; }>      \
  }

constexpr ScalarOp compares[] = {
    HIPSIM_COMPARE("eq", ==),
    HIPSIM_COMPARE("lg", !=),
    HIPSIM_COMPARE("gt", >),
    HIPSIM_COMPARE("ge", >=),
    HIPSIM_COMPARE("lt", <),
    HIPSIM_COMPARE("le", <=),
    {"s_cmp_eq_u64", "=b64,b64", compare<U64, [](U64 a, U64 b) { return a == b; }>},
    {"s_cmp_lg_u64", "=b64,b64", compare<U64, [](U64 a, U64 b) { return a != b; }>},
};

#define HIPSIM_EXEC(NAME, ALIAS, RETURNS_NEW, EXPRESSION)                                          \
  {"s_" NAME "_b32 s_" ALIAS "_b32", "b32=b32",                                                    \
   combineExec<false, (RETURNS_NEW), [](U64 exec, U64 a) { return EXPRESSION; }>},                 \
  {                                                                                                \
    "s_" NAME "_b64 s_" ALIAS "_b64", "b64=b64",                                                   \
        combineExec<true, (RETURNS_NEW), [](U64 exec, U64 a) { return EXPRESSION; }>               \
  }

constexpr ScalarOp execs[] = {
    HIPSIM_EXEC("and_saveexec", "and_saveexec", false, exec &a),
    HIPSIM_EXEC("or_saveexec", "or_saveexec", false, exec | a),
    HIPSIM_EXEC("xor_saveexec", "xor_saveexec", false, exec ^ a),
    HIPSIM_EXEC("andn2_saveexec", "and_not1_saveexec", false, a & ~exec),
    HIPSIM_EXEC("andn1_saveexec", "and_not0_saveexec", false, exec & ~a),
    HIPSIM_EXEC("orn2_saveexec", "or_not1_saveexec", false, a | ~exec),
    HIPSIM_EXEC("orn1_saveexec", "or_not0_saveexec", false, exec | ~a),
    HIPSIM_EXEC("andn2_wrexec", "and_not1_wrexec", true, a & ~exec),
    HIPSIM_EXEC("andn1_wrexec", "and_not0_wrexec", true, exec & ~a),
};

#undef HIPSIM_BITWISE
#undef HIPSIM_COMPARE
#undef HIPSIM_EXEC

} // namespace

void addScalarAluOps(OpTable &table) {
  table.addRows(bitwise, prepareScalar);
  table.addRows(arithmetic, prepareScalar);
  table.addRows(compares, prepareScalar);
  table.addRows(execs, prepareScalar);
}

} // namespace tawny::hipsim
