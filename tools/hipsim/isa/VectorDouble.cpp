// f64 arithmetic, and the division steps of f32 and f64 (RDNA 3 ISA, V_DIV_SCALE, V_DIV_FMAS,
// V_DIV_FIXUP).
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Lanes.h"

#include <limits>

namespace tawny::hipsim {

namespace {

template <double (*F)(double, double), double (*Ieee)(double, double)>
uint32_t byIeeeMode(const LaneArgs &args) {
  constexpr auto plain = [](double a, double b) { return F(a, b); };
  constexpr auto ieee = [](double a, double b) { return Ieee(a, b); };
  return args.wave->ieee() ? each<ieee>(args) : each<plain>(args);
}

constexpr auto valu = InstructionClass::Valu;
constexpr uint8_t slow = 16; // cycles of a wave's f64 operation on chips for graphics

constexpr VectorOp arithmetic[] = {
    {"v_add_f64", "f64=f64,f64", each<[](double a, double b) { return a + b; }>, valu, slow},
    {"v_mul_f64", "f64=f64,f64", each<[](double a, double b) { return a * b; }>, valu, slow},
    {"v_fma_f64", "f64=f64,f64,f64",
     each<[](double a, double b, double c) { return __builtin_fma(a, b, c); }>, valu, slow},
    {"v_fmac_f64", "f64=f64,f64,+",
     each<[](double a, double b, double c) { return __builtin_fma(a, b, c); }>, valu, slow},
    {"v_min_f64", "f64=f64,f64", byIeeeMode<minimumNumber<double>, minimumIeee<double>>, valu,
     slow},
    {"v_max_f64", "f64=f64,f64", byIeeeMode<maximumNumber<double>, maximumIeee<double>>, valu,
     slow},
    {"v_min_num_f64", "f64=f64,f64", each<minimumNumber<double>>, valu, slow},
    {"v_max_num_f64", "f64=f64,f64", each<maximumNumber<double>>, valu, slow},
    {"v_floor_f64", "f64=f64", each<[](double a) { return __builtin_floor(a); }>, valu, slow},
    {"v_ceil_f64", "f64=f64", each<[](double a) { return __builtin_ceil(a); }>, valu, slow},
    {"v_trunc_f64", "f64=f64", each<[](double a) { return __builtin_trunc(a); }>, valu, slow},
    {"v_rndne_f64", "f64=f64", each<[](double a) { return __builtin_rint(a); }>, valu, slow},
    {"v_fract_f64", "f64=f64", each<[](double a) {
       double fraction = a - __builtin_floor(a);
       return fraction < 0x1.fffffffffffffp-1 || isNan(fraction) ? fraction : 0x1.fffffffffffffp-1;
     }>,
     valu, slow},
    {"v_ldexp_f64", "f64=f64,b32", each<[](double a, int32_t power) {
       return std::ldexp(a, power < -5000 ? -5000 : power > 5000 ? 5000 : power);
     }>,
     valu, slow},
    {"v_frexp_mant_f64", "f64=f64", each<[](double a) {
       int exponent = 0;
       return std::isfinite(a) ? std::frexp(a, &exponent) : a + a;
     }>,
     valu, slow},
    {"v_frexp_exp_i32_f64", "b32=f64", each<[](double a) {
       int exponent = 0;
       if (std::isfinite(a))
         (void)std::frexp(a, &exponent);
       return static_cast<int32_t>(exponent);
     }>,
     valu, slow},
};

/// Biased exponents, and by how much v_div_scale shifts.
template <typename T> struct Division;
template <> struct Division<float> {
  static constexpr int bits = 8, shift = 23, scale = 64, huge = 96, tiny = 23;
  static constexpr float smallestNormal = 0x1p-126f;
};
template <> struct Division<double> {
  static constexpr int bits = 11, shift = 52, scale = 128, huge = 768, tiny = 53;
  static constexpr double smallestNormal = 0x1p-1022;
};

template <typename T> int exponentOf(T value) {
  return int(bitsOf(value) >> Division<T>::shift) & ((1 << Division<T>::bits) - 1);
}
template <typename T> bool isDenormal(T value) {
  return value != 0 && std::fabs(value) < Division<T>::smallestNormal;
}

/// Operands: the one to scale (which equals one of the others), denominator, numerator.
template <typename T> WithBit<T> divisionScale(T value, T denominator, T numerator) {
  using D = Division<T>;
  bool same = bitsOf(value) == bitsOf(denominator);
  if (numerator == 0 || denominator == 0)
    return {std::numeric_limits<T>::quiet_NaN(), false};
  if (exponentOf(numerator) - exponentOf(denominator) >= D::huge)
    return {same ? std::ldexp(value, D::scale) : value, true};
  if (isDenormal(denominator))
    return {std::ldexp(value, D::scale), false};
  bool reciprocalDenormal = isDenormal(T(1) / denominator);
  bool quotientDenormal = isDenormal(numerator / denominator);
  if (reciprocalDenormal && quotientDenormal)
    return {same ? std::ldexp(value, D::scale) : value, true};
  if (reciprocalDenormal)
    return {std::ldexp(value, -D::scale), false};
  if (quotientDenormal)
    return {bitsOf(value) == bitsOf(numerator) ? std::ldexp(value, D::scale) : value, true};
  if (exponentOf(numerator) <= D::tiny)
    return {std::ldexp(value, D::scale), false};
  return {value, false};
}

/// What v_div_scale did is undone: up for a quotient above 1, which was made small, down for one
/// that would have been denormal (RDNA 4 ISA, V_DIV_FMAS_F32, which says so; earlier ISAs name one
/// factor alone, with which divisions come out wrong).
template <typename T> T divisionFuse(uint32_t scaled, T a, T b, T c) {
  T sum = std::fma(a, b, c);
  constexpr int one = (1 << (Division<T>::bits - 1)) - 1;
  int scale = exponentOf(c) > one ? Division<T>::scale : -Division<T>::scale;
  return scaled ? std::ldexp(sum, scale) : sum;
}

/// Operands: quotient, denominator, numerator.
template <typename T> T divisionFix(T quotient, T denominator, T numerator) {
  using B = typename FloatBits<T>::Bits;
  bool negative = isNegative(denominator) != isNegative(numerator);
  B sign = negative ? FloatBits<T>::sign : B(0);
  T infinity = std::numeric_limits<T>::infinity();
  T invalid = -std::numeric_limits<T>::quiet_NaN(); // all formats: sign and quiet bit set
  if (isNan(numerator))
    return quieted(numerator);
  if (isNan(denominator))
    return quieted(denominator);
  if (numerator == 0 && denominator == 0)
    return invalid;
  if (std::isinf(numerator) && std::isinf(denominator))
    return invalid;
  T size = std::fabs(quotient);
  if (denominator == 0 || std::isinf(numerator))
    size = infinity;
  else if (numerator == 0 || std::isinf(denominator))
    size = 0;
  return fromBits<T>(static_cast<B>(bitsOf(size) | sign));
}

template <typename T> T fixedDivision(T quotient, T denominator, T numerator) {
  // A quotient far below the format is known from the exponents alone.
  using D = Division<T>;
  int difference = exponentOf(numerator) - exponentOf(denominator);
  bool finite =
      std::isfinite(numerator) && std::isfinite(denominator) && numerator != 0 && denominator != 0;
  constexpr int limit = D::bits == 8 ? 150 : 1075;
  if (finite && difference < -limit)
    quotient = 0;
  // A quotient that overflowed on the way has become a NaN by its own remainder. The manuals are
  // silent about it; OpenCL's conformance tests, which LLVM's divisions pass, are not.
  if (finite && isNan(quotient))
    quotient = std::numeric_limits<T>::infinity();
  return divisionFix(quotient, denominator, numerator);
}

Half fixedHalf(Half quotient, Half denominator, Half numerator) {
  return static_cast<Half>(divisionFix<float>(quotient, denominator, numerator));
}

constexpr VectorOp division[] = {
    {"v_div_scale_f32", "f32,mask=f32,f32,f32", each<divisionScale<float>>},
    {"v_div_scale_f64", "f64,mask=f64,f64,f64", each<divisionScale<double>>, valu, slow},
    {"v_div_fmas_f32", "f32=f32,f32,f32,vcc", eachMasked<divisionFuse<float>>},
    {"v_div_fmas_f64", "f64=f64,f64,f64,vcc", eachMasked<divisionFuse<double>>, valu, slow},
    {"v_div_fixup_f32", "f32=f32,f32,f32", each<fixedDivision<float>>},
    {"v_div_fixup_f64", "f64=f64,f64,f64", each<fixedDivision<double>>, valu, slow},
    {"v_div_fixup_f16", "f16=f16,f16,f16", each<fixedHalf>},
};

} // namespace

void addVectorDoubleOps(OpTable &table) {
  table.addRows(arithmetic, prepareVector);
  table.addRows(division, prepareVector);
}

} // namespace tawny::hipsim
