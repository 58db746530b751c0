// Conversions between formats. Floats to integers saturate and a NaN becomes 0 (RDNA 3 ISA,
// V_CVT_I32_F32); to f16 the nearest, unless the name says otherwise.
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Integers.h"
#include "tools/hipsim/isa/Lanes.h"

namespace tawny::hipsim {

namespace {

using U = uint32_t;
using I = int32_t;
using U16 = uint16_t;
using I16 = int16_t;

/// Saturating, rounded towards zero.
template <typename To> To toInteger(double value, double low, double high) {
  if (value != value)
    return 0;
  return value <= low    ? static_cast<To>(low)
         : value >= high ? static_cast<To>(high)
                         : static_cast<To>(value);
}
I toI32(double value) { return toInteger<I>(value, INT32_MIN, INT32_MAX); }
U toU32(double value) { return toInteger<U>(value, 0, UINT32_MAX); }
I16 toI16(double value) { return toInteger<I16>(value, INT16_MIN, INT16_MAX); }
U16 toU16(double value) { return toInteger<U16>(value, 0, UINT16_MAX); }

/// Rounded towards zero, largest finite value instead of an overflow (V_CVT_PKRTZ_F16_F32).
U halfTowardsZero(float value) {
  Half half = static_cast<Half>(value);
  U16 bits = bitsOf(half);
  if (std::fabs(static_cast<float>(half)) > std::fabs(value))
    --bits;
  return bits;
}

U bf16Nearest(float value) {
  U bits = bitsOf(value);
  if (isNan(value))
    return (bits >> 16) | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

template <unsigned Byte> float byteToFloat(U value) { return float(value >> (8 * Byte) & 0xff); }

U normalised(float value, float scale, float low) {
  float limited = value > low ? (value < 1 ? value : 1) : low; // NaN: low
  return isNan(value) ? 0 : U(I(std::rint(limited * scale))) & 0xffff;
}

/// Byte `c & 3` of the last operand replaced by a rounded, saturated float (V_CVT_PK_U8_F32).
U packByte(float value, U position, U old) {
  U shift = 8 * (position & 3);
  return (old & ~(0xffu << shift)) | toInteger<U>(std::rint(value), 0, 255) << shift;
}

constexpr VectorOp singles[] = {
    {"v_cvt_f32_i32", "f32=b32", each<[](I a) { return float(a); }>},
    {"v_cvt_f32_u32", "f32=b32", each<[](U a) { return float(a); }>},
    {"v_cvt_i32_f32", "b32=f32", each<[](float a) { return toI32(a); }>},
    {"v_cvt_u32_f32", "b32=f32", each<[](float a) { return toU32(a); }>},
    {"v_cvt_nearest_i32_f32 v_cvt_rpi_i32_f32", "b32=f32",
     each<[](float a) { return toI32(std::floor(double(a) + 0.5)); }>},
    {"v_cvt_floor_i32_f32 v_cvt_flr_i32_f32", "b32=f32",
     each<[](float a) { return toI32(std::floor(a)); }>},
    {"v_cvt_f32_ubyte0", "f32=b32", each<byteToFloat<0>>},
    {"v_cvt_f32_ubyte1", "f32=b32", each<byteToFloat<1>>},
    {"v_cvt_f32_ubyte2", "f32=b32", each<byteToFloat<2>>},
    {"v_cvt_f32_ubyte3", "f32=b32", each<byteToFloat<3>>},
    {"v_cvt_f32_f16", "f32=f16", each<[](Half a) { return float(a); }>},
    {"v_cvt_f16_f32", "f16=f32", each<[](float a) { return Half(a); }>},
    {"v_cvt_f32_bf16", "f32=bf16", each<[](U16 a) { return std::bit_cast<float>(U(a) << 16); }>},
};

constexpr VectorOp sixteen[] = {
    {"v_cvt_f16_u16", "f16=b16", each<[](U16 a) { return Half(a); }>},
    {"v_cvt_f16_i16", "f16=b16", each<[](I16 a) { return Half(a); }>},
    {"v_cvt_u16_f16", "b16=f16", each<[](Half a) { return toU16(a); }>},
    {"v_cvt_i16_f16", "b16=f16", each<[](Half a) { return toI16(a); }>},
    {"v_cvt_i32_i16", "b32=b16", each<[](I16 a) { return I(a); }>},
    {"v_cvt_u32_u16", "b32=b16", each<[](U16 a) { return U(a); }>},
    {"v_sat_pk_u8_i16", "b16=pk16", each<[](U a) {
       U low = U(std::clamp<int>(I16(a), 0, 255)), high = U(std::clamp<int>(I16(a >> 16), 0, 255));
       return U16(low | high << 8);
     }>},
};

constexpr VectorOp doubles[] = {
    {"v_cvt_f64_f32", "f64=f32", each<[](float a) { return double(a); }>},
    {"v_cvt_f32_f64", "f32=f64", each<[](double a) { return float(a); }>},
    {"v_cvt_f64_i32", "f64=b32", each<[](I a) { return double(a); }>},
    {"v_cvt_f64_u32", "f64=b32", each<[](U a) { return double(a); }>},
    {"v_cvt_i32_f64", "b32=f64", each<[](double a) { return toI32(a); }>},
    {"v_cvt_u32_f64", "b32=f64", each<[](double a) { return toU32(a); }>},
};

constexpr VectorOp packs[] = {
    {"v_cvt_pk_rtz_f16_f32 v_cvt_pkrtz_f16_f32", "b32=f32,f32",
     each<[](float a, float b) { return halfTowardsZero(a) | halfTowardsZero(b) << 16; }>},
    {"v_cvt_pk_f16_f32", "b32=f32,f32",
     each<[](float a, float b) { return U(bitsOf(Half(a))) | U(bitsOf(Half(b))) << 16; }>},
    {"v_cvt_pk_bf16_f32", "b32=f32,f32",
     each<[](float a, float b) { return bf16Nearest(a) | bf16Nearest(b) << 16; }>},
    {"v_cvt_pk_norm_i16_f32 v_cvt_pknorm_i16_f32", "b32=f32,f32", each<[](float a, float b) {
       return normalised(a, 32767, -1) | normalised(b, 32767, -1) << 16;
     }>},
    {"v_cvt_pk_norm_u16_f32 v_cvt_pknorm_u16_f32", "b32=f32,f32", each<[](float a, float b) {
       return normalised(a, 65535, 0) | normalised(b, 65535, 0) << 16;
     }>},
    {"v_cvt_pk_i16_f32", "b32=f32,f32",
     each<[](float a, float b) { return U(U16(toI16(a))) | U(U16(toI16(b))) << 16; }>},
    {"v_cvt_pk_u16_f32", "b32=f32,f32",
     each<[](float a, float b) { return U(toU16(a)) | U(toU16(b)) << 16; }>},
    {"v_cvt_pk_u16_u32", "b32=b32,b32",
     each<[](U a, U b) { return std::min(a, 0xffffu) | std::min(b, 0xffffu) << 16; }>},
    {"v_cvt_pk_i16_i32", "b32=b32,b32",
     each<[](I a, I b) { return U(U16(saturateI16(a))) | U(U16(saturateI16(b))) << 16; }>},
    {"v_cvt_pk_u8_f32", "b32=f32,b32,b32", each<packByte>},
};

} // namespace

void addConversionOps(OpTable &table) {
  table.addRows(singles, prepareVector);
  table.addRows(sixteen, prepareVector);
  table.addRows(doubles, prepareVector);
  table.addRows(packs, prepareVector);
}

} // namespace tawny::hipsim
