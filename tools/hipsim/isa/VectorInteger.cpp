// Integer and bit operations of the vector unit (RDNA 3 ISA and "Vega" ISA, VOP1, VOP2, VOP3).
#include "tools/hipsim/isa/Integers.h"
#include "tools/hipsim/isa/Lanes.h"

namespace tawny::hipsim {

namespace {

using U = uint32_t;
using I = int32_t;
using U64 = uint64_t;

WithBit<U> addCarry(U a, U b, U carry) {
  U64 sum = U64(a) + b + carry;
  return {U(sum), sum >> 32 != 0};
}
WithBit<U> subBorrow(U a, U b, U borrow) { return {a - b - borrow, U64(a) < U64(b) + borrow}; }

/// min(a + b, 2^32 - 1) and the like, as clamp asks of carries.
constexpr auto addNoClamp = [](U a, U b) { return a + b; };
constexpr auto addClamp = [](U a, U b) { return a + b < a ? ~U(0) : a + b; };
constexpr auto subNoClamp = [](U a, U b) { return a - b; };
constexpr auto subClamp = [](U a, U b) { return a < b ? U(0) : a - b; };
constexpr auto addSigned = [](I a, I b) { return saturateI32(int64_t(a) + b); };
constexpr auto subSigned = [](I a, I b) { return saturateI32(int64_t(a) - b); };

int64_t signed24(U value) { return int32_t(value << 8) >> 8; }
U64 unsigned24(U value) { return value & 0xffffff; }

/// v_perm_b32: bytes of {a, b}, b below; selectors from 8 on give signs, 0 and 255.
U permute(U a, U b, U selectors) {
  U64 bytes = U64(a) << 32 | b;
  U result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    U select = selectors >> (8 * i) & 0xff, byte = 0;
    if (select < 8)
      byte = bytes >> (8 * select) & 0xff;
    else if (select < 12)
      byte = bytes >> (16 * (select - 8) + 15) & 1 ? 0xff : 0;
    else if (select > 12)
      byte = 0xff;
    result |= byte << (8 * i);
  }
  return result;
}

U sumAbsoluteDifferences(U a, U b, U c) {
  for (unsigned i = 0; i < 4; ++i) {
    U x = a >> (8 * i) & 0xff, y = b >> (8 * i) & 0xff;
    c += x > y ? x - y : y - x;
  }
  return c;
}

template <typename T> T middle(T a, T b, T c) {
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

constexpr VectorOp moves[] = {
    {"v_mov_b32 v_accvgpr_read_b32 v_accvgpr_mov_b32 v_accvgpr_write_b32", "b32=b32",
     each<[](U a) { return a; }>},
    {"v_mov_b64", "b64=b64", each<[](U64 a) { return a; }>},
    {"v_cndmask_b32", "b32=b32,b32,mask",
     eachMasked<[](U select, U a, U b) { return select ? b : a; }>},
    {"v_not_b32", "b32=b32", each<[](U a) { return ~a; }>},
    {"v_bfrev_b32", "b32=b32", each<[](U a) { return reverseBits(a); }>},
    {"v_ffbh_u32 v_clz_i32_u32", "b32=b32", each<[](U a) { return firstHigh(a); }>},
    {"v_ffbl_b32 v_ctz_i32_b32", "b32=b32", each<[](U a) { return firstLow(a); }>},
    {"v_ffbh_i32 v_cls_i32", "b32=b32", each<[](U a) { return firstUnlikeSign(a); }>},
    {"v_bcnt_u32_b32", "b32=b32,b32", each<[](U a, U b) { return U(std::popcount(a)) + b; }>},
};

constexpr VectorOp additions[] = {
    {"v_add_nc_u32 v_add_u32", "c32=b32,b32", eachClamped<addNoClamp, addClamp>},
    {"v_sub_nc_u32 v_sub_u32", "c32=b32,b32", eachClamped<subNoClamp, subClamp>},
    {"v_subrev_nc_u32 v_subrev_u32", "c32=b32,b32",
     eachClamped<[](U a, U b) { return b - a; }, [](U a, U b) { return subClamp(b, a); }>},
    {"v_add_nc_i32 v_add_i32", "c32=b32,b32", eachClamped<addNoClamp, addSigned>},
    {"v_sub_nc_i32 v_sub_i32", "c32=b32,b32", eachClamped<subNoClamp, subSigned>},
    {"v_add_co_u32", "b32,mask=b32,b32", each<[](U a, U b) { return addCarry(a, b, 0); }>},
    {"v_sub_co_u32", "b32,mask=b32,b32", each<[](U a, U b) { return subBorrow(a, b, 0); }>},
    {"v_subrev_co_u32", "b32,mask=b32,b32", each<[](U a, U b) { return subBorrow(b, a, 0); }>},
    {"v_add_co_ci_u32 v_addc_co_u32", "b32,mask=b32,b32,mask",
     eachMasked<[](U carry, U a, U b) { return addCarry(a, b, carry); }>},
    {"v_sub_co_ci_u32 v_subb_co_u32", "b32,mask=b32,b32,mask",
     eachMasked<[](U borrow, U a, U b) { return subBorrow(a, b, borrow); }>},
    {"v_subrev_co_ci_u32 v_subbrev_co_u32", "b32,mask=b32,b32,mask",
     eachMasked<[](U borrow, U a, U b) { return subBorrow(b, a, borrow); }>},
    {"v_add3_u32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return a + b + c; }>},
    {"v_add_lshl_u32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return (a + b) << (c & 31); }>},
    {"v_lshl_add_u32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return (a << (b & 31)) + c; }>},
    {"v_lshl_add_u64", "b64=b64,b32,b64",
     each<[](U64 a, U b, U64 c) { return (a << (b & 7)) + c; }>},
    {"v_xad_u32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return (a ^ b) + c; }>},
    {"v_sad_u8", "b32=b32,b32,b32", each<sumAbsoluteDifferences>},
    {"v_sad_u32", "b32=b32,b32,b32",
     each<[](U a, U b, U c) { return (a > b ? a - b : b - a) + c; }>},
};

constexpr auto valu = InstructionClass::Valu;

constexpr VectorOp multiplications[] = {
    {"v_mul_lo_u32", "b32=b32,b32", each<[](U a, U b) { return a * b; }>, valu, 4},
    {"v_mul_hi_u32", "b32=b32,b32", each<[](U a, U b) { return U(U64(a) * b >> 32); }>, valu, 4},
    {"v_mul_hi_i32", "b32=b32,b32", each<[](I a, I b) { return U(int64_t(a) * b >> 32); }>, valu,
     4},
    {"v_mul_u32_u24", "b32=b32,b32",
     each<[](U a, U b) { return U(unsigned24(a) * unsigned24(b)); }>},
    {"v_mul_i32_i24", "b32=b32,b32", each<[](U a, U b) { return U(signed24(a) * signed24(b)); }>},
    {"v_mul_hi_u32_u24", "b32=b32,b32",
     each<[](U a, U b) { return U(unsigned24(a) * unsigned24(b) >> 32); }>},
    {"v_mul_hi_i32_i24", "b32=b32,b32",
     each<[](U a, U b) { return U(signed24(a) * signed24(b) >> 32); }>},
    {"v_mad_u32_u24", "c32=b32,b32,b32",
     eachClamped<[](U a, U b, U c) { return U(unsigned24(a) * unsigned24(b)) + c; },
                 [](U a, U b, U c) { return saturateU32(unsigned24(a) * unsigned24(b) + c); }>},
    {"v_mad_i32_i24", "c32=b32,b32,b32",
     eachClamped<[](U a, U b, U c) { return U(signed24(a) * signed24(b)) + c; },
                 [](U a, U b, U c) { return saturateI32(signed24(a) * signed24(b) + I(c)); }>},
    {"v_mad_u64_u32 v_mad_co_u64_u32", "b64,mask=b32,b32,b64", each<[](U a, U b, U64 c) {
       U64 product = U64(a) * b;
       return WithBit<U64>{product + c, product + c < product};
     }>,
     valu, 4},
    {"v_mad_i64_i32 v_mad_co_i64_i32", "b64,mask=b32,b32,b64", each<[](I a, I b, int64_t c) {
       int64_t product = int64_t(a) * b, sum;
       bool overflow = __builtin_add_overflow(product, c, &sum);
       return WithBit<int64_t>{sum, overflow};
     }>,
     valu, 4},
    {"v_mad_u32_u16", "c32=b16,b16,b32",
     eachClamped<[](uint16_t a, uint16_t b, U c) { return U(a) * b + c; },
                 [](uint16_t a, uint16_t b, U c) { return saturateU32(U64(a) * b + c); }>},
    {"v_mad_i32_i16", "c32=b16,b16,b32",
     eachClamped<[](int16_t a, int16_t b, U c) { return U(I(a) * b) + c; },
                 [](int16_t a, int16_t b, U c) { return saturateI32(int64_t(a) * b + I(c)); }>},
};

constexpr VectorOp bits[] = {
    {"v_and_b32", "b32=b32,b32", each<[](U a, U b) { return a & b; }>},
    {"v_or_b32", "b32=b32,b32", each<[](U a, U b) { return a | b; }>},
    {"v_xor_b32", "b32=b32,b32", each<[](U a, U b) { return a ^ b; }>},
    {"v_xnor_b32", "b32=b32,b32", each<[](U a, U b) { return ~(a ^ b); }>},
    {"v_and_or_b32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return (a & b) | c; }>},
    {"v_or3_b32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return a | b | c; }>},
    {"v_xor3_b32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return a ^ b ^ c; }>},
    {"v_lshl_or_b32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return a << (b & 31) | c; }>},
    {"v_lshlrev_b32", "b32=b32,b32", each<[](U a, U b) { return b << (a & 31); }>},
    {"v_lshrrev_b32", "b32=b32,b32", each<[](U a, U b) { return b >> (a & 31); }>},
    {"v_ashrrev_i32", "b32=b32,b32", each<[](U a, I b) { return b >> (a & 31); }>},
    {"v_lshlrev_b64", "b64=b32,b64", each<[](U a, U64 b) { return b << (a & 63); }>},
    {"v_lshrrev_b64", "b64=b32,b64", each<[](U a, U64 b) { return b >> (a & 63); }>},
    {"v_ashrrev_i64", "b64=b32,b64", each<[](U a, int64_t b) { return b >> (a & 63); }>},
    {"v_bfe_u32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return extractBits(a, b, c); }>},
    {"v_bfe_i32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return extractSigned(a, b, c); }>},
    {"v_bfi_b32", "b32=b32,b32,b32", each<[](U a, U b, U c) { return (a & b) | (~a & c); }>},
    {"v_bfm_b32", "b32=b32,b32", each<[](U a, U b) { return ((1u << (a & 31)) - 1) << (b & 31); }>},
    {"v_alignbit_b32", "b32=b32,b32,b32",
     each<[](U a, U b, U c) { return U((U64(a) << 32 | b) >> (c & 31)); }>},
    {"v_alignbyte_b32", "b32=b32,b32,b32",
     each<[](U a, U b, U c) { return U((U64(a) << 32 | b) >> (8 * (c & 3))); }>},
    {"v_perm_b32", "b32=b32,b32,b32", each<permute>},
};

constexpr VectorOp extremes[] = {
    {"v_min_u32", "b32=b32,b32", each<[](U a, U b) { return std::min(a, b); }>},
    {"v_max_u32", "b32=b32,b32", each<[](U a, U b) { return std::max(a, b); }>},
    {"v_min_i32", "b32=b32,b32", each<[](I a, I b) { return std::min(a, b); }>},
    {"v_max_i32", "b32=b32,b32", each<[](I a, I b) { return std::max(a, b); }>},
    {"v_min3_u32", "b32=b32,b32,b32",
     each<[](U a, U b, U c) { return std::min(std::min(a, b), c); }>},
    {"v_max3_u32", "b32=b32,b32,b32",
     each<[](U a, U b, U c) { return std::max(std::max(a, b), c); }>},
    {"v_min3_i32", "b32=b32,b32,b32",
     each<[](I a, I b, I c) { return std::min(std::min(a, b), c); }>},
    {"v_max3_i32", "b32=b32,b32,b32",
     each<[](I a, I b, I c) { return std::max(std::max(a, b), c); }>},
    {"v_med3_u32", "b32=b32,b32,b32", each<middle<U>>},
    {"v_med3_i32", "b32=b32,b32,b32", each<middle<I>>},
    {"v_maxmin_u32", "b32=b32,b32,b32",
     each<[](U a, U b, U c) { return std::min(std::max(a, b), c); }>},
    {"v_minmax_u32", "b32=b32,b32,b32",
     each<[](U a, U b, U c) { return std::max(std::min(a, b), c); }>},
    {"v_maxmin_i32", "b32=b32,b32,b32",
     each<[](I a, I b, I c) { return std::min(std::max(a, b), c); }>},
    {"v_minmax_i32", "b32=b32,b32,b32",
     each<[](I a, I b, I c) { return std::max(std::min(a, b), c); }>},
};

using U16 = uint16_t;
using I16 = int16_t;

constexpr VectorOp sixteen[] = {
    {"v_mov_b16", "b16=b16", each<[](U16 a) { return a; }>},
    {"v_not_b16", "b16=b16", each<[](U16 a) { return U16(~a); }>},
    {"v_and_b16", "b16=b16,b16", each<[](U16 a, U16 b) { return U16(a & b); }>},
    {"v_or_b16", "b16=b16,b16", each<[](U16 a, U16 b) { return U16(a | b); }>},
    {"v_xor_b16", "b16=b16,b16", each<[](U16 a, U16 b) { return U16(a ^ b); }>},
    {"v_cndmask_b16", "b16=b16,b16,mask",
     eachMasked<[](U select, U16 a, U16 b) { return select ? b : a; }>},
    {"v_add_nc_u16 v_add_u16", "c16=b16,b16",
     eachClamped<[](U16 a, U16 b) { return U16(a + b); },
                 [](U16 a, U16 b) { return U16(std::min(a + b, 0xffff)); }>},
    {"v_sub_nc_u16 v_sub_u16", "c16=b16,b16",
     eachClamped<[](U16 a, U16 b) { return U16(a - b); },
                 [](U16 a, U16 b) { return U16(std::max(a - b, 0)); }>},
    {"v_subrev_u16", "b16=b16,b16", each<[](U16 a, U16 b) { return U16(b - a); }>},
    {"v_add_nc_i16 v_add_i16", "c16=b16,b16",
     eachClamped<[](I16 a, I16 b) { return I16(a + b); },
                 [](I16 a, I16 b) { return saturateI16(a + b); }>},
    {"v_sub_nc_i16 v_sub_i16", "c16=b16,b16",
     eachClamped<[](I16 a, I16 b) { return I16(a - b); },
                 [](I16 a, I16 b) { return saturateI16(a - b); }>},
    {"v_mul_lo_u16", "b16=b16,b16", each<[](U16 a, U16 b) { return U16(U(a) * b); }>},
    {"v_mad_u16 v_mad_legacy_u16", "b16=b16,b16,b16",
     each<[](U16 a, U16 b, U16 c) { return U16(U(a) * b + c); }>},
    {"v_mad_i16 v_mad_legacy_i16", "b16=b16,b16,b16",
     each<[](I16 a, I16 b, I16 c) { return I16(a * b + c); }>},
    {"v_lshlrev_b16", "b16=b16,b16", each<[](U16 a, U16 b) { return U16(b << (a & 15)); }>},
    {"v_lshrrev_b16", "b16=b16,b16", each<[](U16 a, U16 b) { return U16(b >> (a & 15)); }>},
    {"v_ashrrev_i16", "b16=b16,b16", each<[](U16 a, I16 b) { return I16(b >> (a & 15)); }>},
    {"v_min_u16", "b16=b16,b16", each<[](U16 a, U16 b) { return std::min(a, b); }>},
    {"v_max_u16", "b16=b16,b16", each<[](U16 a, U16 b) { return std::max(a, b); }>},
    {"v_min_i16", "b16=b16,b16", each<[](I16 a, I16 b) { return std::min(a, b); }>},
    {"v_max_i16", "b16=b16,b16", each<[](I16 a, I16 b) { return std::max(a, b); }>},
    {"v_med3_u16", "b16=b16,b16,b16", each<middle<U16>>},
    {"v_med3_i16", "b16=b16,b16,b16", each<middle<I16>>},
    {"v_pack_b32_f16", "b32=f16,f16", each<[](U16 a, U16 b) { return U(a) | U(b) << 16; }>},
};

} // namespace

void addVectorIntegerOps(OpTable &table) {
  table.addRows(moves, prepareVector);
  table.addRows(additions, prepareVector);
  table.addRows(multiplications, prepareVector);
  table.addRows(bits, prepareVector);
  table.addRows(extremes, prepareVector);
  table.addRows(sixteen, prepareVector);
}

} // namespace tawny::hipsim
