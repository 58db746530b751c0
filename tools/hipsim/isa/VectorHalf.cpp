// f16 arithmetic of the vector unit, rounded once: sums, products and quotients of halves are exact
// enough in f32 that rounding twice changes nothing (24 >= 2 * 11 + 2 bits); v_fma_f16 has an
// algorithm of its own.
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Lanes.h"

namespace tawny::hipsim {

namespace {

template <Half (*F)(Half, Half), Half (*Ieee)(Half, Half)>
uint32_t byIeeeMode(const LaneArgs &args) {
  constexpr auto plain = [](Half a, Half b) { return F(a, b); };
  constexpr auto ieee = [](Half a, Half b) { return Ieee(a, b); };
  return args.wave->ieee() ? each<ieee>(args) : each<plain>(args);
}

/// v_mad_f16 rounds the product; unlike f32's it keeps denormals.
Half multiplyAdd(Half a, Half b, Half c) { return Half(Half(a * b) + c); }

/// v_fma_mixlo and v_fma_mixhi: the f32 sum is rounded again (RDNA 3 ISA, V_FMA_MIXLO_F16).
Half mixed(float a, float b, float c) { return static_cast<Half>(__builtin_fmaf(a, b, c)); }

Half scaleByPower(Half value, int16_t power) {
  return static_cast<Half>(std::ldexp(static_cast<float>(value), power < -100  ? -100
                                                                 : power > 100 ? 100
                                                                               : power));
}

constexpr VectorOp arithmetic[] = {
    {"v_add_f16", "f16=f16,f16", each<[](Half a, Half b) { return Half(a + b); }>},
    {"v_sub_f16", "f16=f16,f16", each<[](Half a, Half b) { return Half(a - b); }>},
    {"v_subrev_f16", "f16=f16,f16", each<[](Half a, Half b) { return Half(b - a); }>},
    {"v_mul_f16", "f16=f16,f16", each<[](Half a, Half b) { return Half(a * b); }>},
    {"v_fma_f16 v_fmaak_f16 v_fmamk_f16", "f16=f16,f16,f16", each<fusedHalf>},
    {"v_fmac_f16", "f16=f16,f16,+", each<fusedHalf>},
    {"v_mad_f16 v_mad_legacy_f16 v_madak_f16 v_madmk_f16", "f16=f16,f16,f16", each<multiplyAdd>},
    {"v_mac_f16", "f16=f16,f16,+", each<multiplyAdd>},
    {"v_fma_mixlo_f16", "f16=mix,mix,mix", each<mixed>},
    {"v_min_f16", "f16=f16,f16", byIeeeMode<minimumNumber<Half>, minimumIeee<Half>>},
    {"v_max_f16", "f16=f16,f16", byIeeeMode<maximumNumber<Half>, maximumIeee<Half>>},
    {"v_min_num_f16", "f16=f16,f16", each<minimumNumber<Half>>},
    {"v_max_num_f16", "f16=f16,f16", each<maximumNumber<Half>>},
    {"v_minimum_f16", "f16=f16,f16", each<minimumNan<Half>>},
    {"v_maximum_f16", "f16=f16,f16", each<maximumNan<Half>>},
    {"v_min3_f16 v_min3_num_f16", "f16=f16,f16,f16",
     each<[](Half a, Half b, Half c) { return minimumIeee(minimumIeee(a, b), c); }>},
    {"v_max3_f16 v_max3_num_f16", "f16=f16,f16,f16",
     each<[](Half a, Half b, Half c) { return maximumIeee(maximumIeee(a, b), c); }>},
    {"v_maxmin_f16 v_maxmin_num_f16", "f16=f16,f16,f16",
     each<[](Half a, Half b, Half c) { return minimumIeee(maximumIeee(a, b), c); }>},
    {"v_minmax_f16 v_minmax_num_f16", "f16=f16,f16,f16",
     each<[](Half a, Half b, Half c) { return maximumIeee(minimumIeee(a, b), c); }>},
    {"v_med3_f16 v_med3_num_f16", "f16=f16,f16,f16", each<middleNumber<Half>>},
};

/// The other half of a register: op_sel's bit of the destination is implied by the name.
std::string prepareMixHigh(AsmText &line, const void *entry, const DecodeContext &context,
                           Instruction &out) {
  std::string why = prepareVector(line, entry, context, out);
  out.destinationHalf = 1;
  return why;
}

constexpr VectorOp mixHigh[] = {{"v_fma_mixhi_f16", "f16=mix,mix,mix", each<mixed>}};

constexpr VectorOp shapes[] = {
    {"v_floor_f16", "f16=f16", each<[](Half a) { return Half(__builtin_floorf(a)); }>},
    {"v_ceil_f16", "f16=f16", each<[](Half a) { return Half(__builtin_ceilf(a)); }>},
    {"v_trunc_f16", "f16=f16", each<[](Half a) { return Half(__builtin_truncf(a)); }>},
    {"v_rndne_f16", "f16=f16", each<[](Half a) { return Half(__builtin_rintf(a)); }>},
    {"v_fract_f16", "f16=f16", each<[](Half a) {
       Half fraction = a - Half(__builtin_floorf(a)), most = Half(0x1.ffcp-1f);
       return fraction < most || isNan(fraction) ? fraction : most;
     }>},
    {"v_ldexp_f16", "f16=f16,b16", each<scaleByPower>},
    {"v_frexp_mant_f16", "f16=f16", each<[](Half a) {
       int exponent = 0;
       float value = a;
       return std::isfinite(value) ? Half(std::frexp(value, &exponent)) : Half(a + a);
     }>},
    {"v_frexp_exp_i16_f16", "b16=f16", each<[](Half a) {
       int exponent = 0;
       float value = a;
       if (std::isfinite(value))
         (void)std::frexp(value, &exponent);
       return static_cast<int16_t>(exponent);
     }>},
};

} // namespace

void addVectorHalfOps(OpTable &table) {
  table.addRows(arithmetic, prepareVector);
  table.addRows(mixHigh, prepareMixHigh);
  table.addRows(shapes, prepareVector);
}

} // namespace tawny::hipsim
