// f32 arithmetic of the vector unit. Operations round once, to nearest even: MODE's other rounding
// modes are refused when they are set. v_mad and v_mac round twice and flush denormals, always.
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Lanes.h"
#include "tools/hipsim/isa/VectorExecute.h"

#include <algorithm>

namespace tawny::hipsim {

namespace {

float flushed(float value) { return std::bit_cast<float>(flushSingle(bitsOf(value))); }

/// Zero times anything is 0 (v_mul_legacy, v_mul_dx9_zero).
float multiplyZero(float a, float b) { return a == 0 || b == 0 ? 0.0f : a * b; }

float multiplyAdd(float a, float b, float c) {
  return flushed(flushed(flushed(a) * flushed(b)) + flushed(c));
}

template <float (*F)(float, float), float (*Ieee)(float, float)>
uint32_t byIeeeMode(const LaneArgs &args) {
  constexpr auto plain = [](float a, float b) { return F(a, b); };
  constexpr auto ieee = [](float a, float b) { return Ieee(a, b); };
  return args.wave->ieee() ? each<ieee>(args) : each<plain>(args);
}

float min3(float a, float b, float c) { return minimumIeee(minimumIeee(a, b), c); }
float max3(float a, float b, float c) { return maximumIeee(maximumIeee(a, b), c); }

/// Moves of a value between formats of its exponent (v_ldexp, v_frexp).
float scaleByPower(float value, int32_t power) {
  return std::ldexp(value, std::clamp(power, -1000, 1000));
}

constexpr VectorOp arithmetic[] = {
    {"v_add_f32", "f32=f32,f32", each<[](float a, float b) { return a + b; }>},
    {"v_sub_f32", "f32=f32,f32", each<[](float a, float b) { return a - b; }>},
    {"v_subrev_f32", "f32=f32,f32", each<[](float a, float b) { return b - a; }>},
    {"v_mul_f32", "f32=f32,f32", each<[](float a, float b) { return a * b; }>},
    {"v_mul_legacy_f32 v_mul_dx9_zero_f32", "f32=f32,f32", each<multiplyZero>},
    {"v_fma_f32 v_fmaak_f32 v_fmamk_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return __builtin_fmaf(a, b, c); }>},
    {"v_fmac_f32", "f32=f32,f32,+",
     each<[](float a, float b, float c) { return __builtin_fmaf(a, b, c); }>},
    {"v_fma_dx9_zero_f32 v_fma_legacy_f32", "f32=f32,f32,f32", each<[](float a, float b, float c) {
       return a == 0 || b == 0 ? c : __builtin_fmaf(a, b, c);
     }>},
    {"v_fmac_dx9_zero_f32 v_fmac_legacy_f32", "f32=f32,f32,+", each<[](float a, float b, float c) {
       return a == 0 || b == 0 ? c : __builtin_fmaf(a, b, c);
     }>},
    {"v_mad_f32 v_madak_f32 v_madmk_f32", "f32=f32,f32,f32", each<multiplyAdd>},
    {"v_mac_f32", "f32=f32,f32,+", each<multiplyAdd>},
    {"v_fma_mix_f32", "f32=mix,mix,mix",
     each<[](float a, float b, float c) { return __builtin_fmaf(a, b, c); }>},
};

constexpr VectorOp extremes[] = {
    {"v_min_f32", "f32=f32,f32", byIeeeMode<minimumNumber<float>, minimumIeee<float>>},
    {"v_max_f32", "f32=f32,f32", byIeeeMode<maximumNumber<float>, maximumIeee<float>>},
    {"v_min_num_f32", "f32=f32,f32", each<minimumNumber<float>>},
    {"v_max_num_f32", "f32=f32,f32", each<maximumNumber<float>>},
    {"v_minimum_f32", "f32=f32,f32", each<minimumNan<float>>},
    {"v_maximum_f32", "f32=f32,f32", each<maximumNan<float>>},
    {"v_min3_f32", "f32=f32,f32,f32", each<min3>},
    {"v_max3_f32", "f32=f32,f32,f32", each<max3>},
    {"v_min3_num_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return minimumNumber(minimumNumber(a, b), c); }>},
    {"v_max3_num_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return maximumNumber(maximumNumber(a, b), c); }>},
    {"v_maximum3_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return maximumNan(maximumNan(a, b), c); }>},
    {"v_minimum3_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return minimumNan(minimumNan(a, b), c); }>},
    {"v_med3_f32 v_med3_num_f32", "f32=f32,f32,f32", each<middleNumber<float>>},
    {"v_maxmin_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return minimumIeee(maximumIeee(a, b), c); }>},
    {"v_minmax_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return maximumIeee(minimumIeee(a, b), c); }>},
    {"v_maxmin_num_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return minimumNumber(maximumNumber(a, b), c); }>},
    {"v_minmax_num_f32", "f32=f32,f32,f32",
     each<[](float a, float b, float c) { return maximumNumber(minimumNumber(a, b), c); }>},
};

constexpr VectorOp shapes[] = {
    {"v_floor_f32", "f32=f32", each<[](float a) { return __builtin_floorf(a); }>},
    {"v_ceil_f32", "f32=f32", each<[](float a) { return __builtin_ceilf(a); }>},
    {"v_trunc_f32", "f32=f32", each<[](float a) { return __builtin_truncf(a); }>},
    {"v_rndne_f32", "f32=f32", each<[](float a) { return __builtin_rintf(a); }>},
    // The largest value below 1 bounds the fraction (RDNA 3 ISA, V_FRACT_F32).
    {"v_fract_f32", "f32=f32", each<[](float a) {
       float fraction = a - __builtin_floorf(a);
       return fraction < 0x1.fffffep-1f || isNan(fraction) ? fraction : 0x1.fffffep-1f;
     }>},
    {"v_ldexp_f32", "f32=f32,b32", each<scaleByPower>},
    {"v_frexp_mant_f32", "f32=f32", each<[](float a) {
       int exponent = 0;
       return std::isfinite(a) ? std::frexp(a, &exponent) : a + a;
     }>},
    {"v_frexp_exp_i32_f32", "b32=f32", each<[](float a) {
       int exponent = 0;
       if (std::isfinite(a))
         (void)std::frexp(a, &exponent);
       return static_cast<int32_t>(exponent);
     }>},
};

} // namespace

void addVectorFloatOps(OpTable &table) {
  table.addRows(arithmetic, prepareVector);
  table.addRows(extremes, prepareVector);
  table.addRows(shapes, prepareVector);
}

} // namespace tawny::hipsim
