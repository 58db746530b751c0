// Floating point on the scalar unit (gfx1150 and later) and scalar transcendentals (gfx12).
// Semantics are the vector unit's; MODE's denormals are those of f32.
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Scalars.h"
#include "tools/hipsim/isa/VectorExecute.h"

namespace tawny::hipsim {

namespace {

using A = ScalarArgs;

float single(const A &a, unsigned i) {
  auto bits = static_cast<uint32_t>(a.s[i]);
  return std::bit_cast<float>(a.wave->flushesSingle() ? flushSingle(bits) : bits);
}
Half half(const A &a, unsigned i) { return std::bit_cast<Half>(static_cast<uint16_t>(a.s[i])); }

void set(A &a, float value) {
  uint32_t bits = bitsOf(value);
  a.result = a.wave->flushesSingle() ? flushSingle(bits) : bits;
}
void set(A &a, Half value) { a.result = bitsOf(value); }

template <typename T> T operand(const A &a, unsigned i) {
  if constexpr (sizeof(T) == 4)
    return single(a, i);
  else
    return half(a, i);
}

template <typename T, auto F> void one(A &a) { set(a, static_cast<T>(F(operand<T>(a, 0)))); }
template <typename T, auto F> void two(A &a) {
  set(a, static_cast<T>(F(operand<T>(a, 0), operand<T>(a, 1))));
}
template <typename T, auto F> void three(A &a) {
  set(a, static_cast<T>(F(operand<T>(a, 0), operand<T>(a, 1), operand<T>(a, 2))));
}
template <typename T, auto F> void compare(A &a) { *a.scc = F(operand<T>(a, 0), operand<T>(a, 1)); }

float fuse(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

template <typename T> void minimum(A &a) {
  T x = operand<T>(a, 0), y = operand<T>(a, 1);
  set(a, a.wave->ieee() ? minimumIeee(x, y) : minimumNumber(x, y));
}
template <typename T> void maximum(A &a) {
  T x = operand<T>(a, 0), y = operand<T>(a, 1);
  set(a, a.wave->ieee() ? maximumIeee(x, y) : maximumNumber(x, y));
}

constexpr ScalarOp arithmetic[] = {
    {"s_add_f32", "f32=f32,f32", two<float, [](float a, float b) { return a + b; }>},
    {"s_sub_f32", "f32=f32,f32", two<float, [](float a, float b) { return a - b; }>},
    {"s_mul_f32", "f32=f32,f32", two<float, [](float a, float b) { return a * b; }>},
    {"s_fmac_f32", "f32=f32,f32,+", three<float, fuse>},
    {"s_fmaak_f32 s_fmamk_f32", "f32=f32,f32,f32", three<float, fuse>},
    {"s_min_f32", "f32=f32,f32", minimum<float>},
    {"s_max_f32", "f32=f32,f32", maximum<float>},
    {"s_min_num_f32", "f32=f32,f32", two<float, minimumNumber<float>>},
    {"s_max_num_f32", "f32=f32,f32", two<float, maximumNumber<float>>},
    {"s_minimum_f32", "f32=f32,f32", two<float, minimumNan<float>>},
    {"s_maximum_f32", "f32=f32,f32", two<float, maximumNan<float>>},
    {"s_floor_f32", "f32=f32", one<float, [](float a) { return std::floor(a); }>},
    {"s_ceil_f32", "f32=f32", one<float, [](float a) { return std::ceil(a); }>},
    {"s_trunc_f32", "f32=f32", one<float, [](float a) { return std::trunc(a); }>},
    {"s_rndne_f32", "f32=f32", one<float, [](float a) { return std::rint(a); }>},
    {"s_add_f16", "f16=f16,f16", two<Half, [](Half a, Half b) { return a + b; }>},
    {"s_sub_f16", "f16=f16,f16", two<Half, [](Half a, Half b) { return a - b; }>},
    {"s_mul_f16", "f16=f16,f16", two<Half, [](Half a, Half b) { return a * b; }>},
    {"s_fmac_f16", "f16=f16,f16,+", three<Half, fusedHalf>},
    {"s_min_f16", "f16=f16,f16", minimum<Half>},
    {"s_max_f16", "f16=f16,f16", maximum<Half>},
    {"s_min_num_f16", "f16=f16,f16", two<Half, minimumNumber<Half>>},
    {"s_max_num_f16", "f16=f16,f16", two<Half, maximumNumber<Half>>},
    {"s_floor_f16", "f16=f16", one<Half, [](Half a) { return std::floor(float(a)); }>},
    {"s_ceil_f16", "f16=f16", one<Half, [](Half a) { return std::ceil(float(a)); }>},
    {"s_trunc_f16", "f16=f16", one<Half, [](Half a) { return std::trunc(float(a)); }>},
    {"s_rndne_f16", "f16=f16", one<Half, [](Half a) { return std::rint(float(a)); }>},
};

uint32_t saturated(double value, double low, double high) {
  if (value != value)
    return 0;
  return static_cast<uint32_t>(static_cast<int64_t>(std::fmin(std::fmax(value, low), high)));
}

constexpr ScalarOp conversions[] = {
    {"s_cvt_f32_i32", "f32=b32", [](A &a) { set(a, float(static_cast<int32_t>(a.s[0]))); }},
    {"s_cvt_f32_u32", "f32=b32", [](A &a) { set(a, float(static_cast<uint32_t>(a.s[0]))); }},
    {"s_cvt_i32_f32", "b32=f32",
     [](A &a) { a.result = saturated(single(a, 0), INT32_MIN, INT32_MAX); }},
    {"s_cvt_u32_f32", "b32=f32", [](A &a) { a.result = saturated(single(a, 0), 0, UINT32_MAX); }},
    {"s_cvt_f16_f32", "f16=f32", [](A &a) { set(a, static_cast<Half>(single(a, 0))); }},
    {"s_cvt_f32_f16", "f32=f16", [](A &a) { set(a, static_cast<float>(half(a, 0))); }},
    {"s_cvt_hi_f32_f16", "f32=b32",
     [](A &a) {
       set(a, static_cast<float>(std::bit_cast<Half>(static_cast<uint16_t>(a.s[0] >> 16))));
     }},
};

#define HIPSIM_COMPARE(NAME, EXPRESSION)                                                           \
  {"s_cmp_" NAME "_f32", "=f32,f32", compare<float, [](float a, float b) { return EXPRESSION; }>}, \
  {                                                                                                \
    "s_cmp_" NAME "_f16", "=f16,f16", compare<Half, [](Half a, Half b) { return EXPRESSION; }>     \
  }

constexpr ScalarOp compares[] = {
    HIPSIM_COMPARE("lt", a < b),           HIPSIM_COMPARE("eq", a == b),
    HIPSIM_COMPARE("le", a <= b),          HIPSIM_COMPARE("gt", a > b),
    HIPSIM_COMPARE("lg", a<b || a> b),     HIPSIM_COMPARE("ge", a >= b),
    HIPSIM_COMPARE("o", a == a && b == b), HIPSIM_COMPARE("u", a != a || b != b),
    HIPSIM_COMPARE("nge", !(a >= b)),      HIPSIM_COMPARE("nlg", !(a < b || a > b)),
    HIPSIM_COMPARE("ngt", !(a > b)),       HIPSIM_COMPARE("nle", !(a <= b)),
    HIPSIM_COMPARE("neq", !(a == b)),      HIPSIM_COMPARE("nlt", !(a < b)),
};
#undef HIPSIM_COMPARE

/// As the vector operation: flushed, computed in double, rounded.
template <double (*F)(double)> void transcendental(A &a) {
  float value = std::bit_cast<float>(flushSingle(static_cast<uint32_t>(a.s[0])));
  auto result = isNan(value) ? quieted(value) : static_cast<float>(F(value));
  a.result = flushSingle(bitsOf(result));
}
double reciprocal(double x) { return 1 / x; }
double reciprocalRoot(double x) { return 1 / std::sqrt(x); }
double root(double x) { return std::sqrt(x); }
double power(double x) { return std::exp2(x); }
double logarithm(double x) { return std::log2(x); }

constexpr ScalarOp transcendentals[] = {
    {"v_s_rcp_f32", "f32=f32", transcendental<reciprocal>},
    {"v_s_rsq_f32", "f32=f32", transcendental<reciprocalRoot>},
    {"v_s_sqrt_f32", "f32=f32", transcendental<root>},
    {"v_s_exp_f32", "f32=f32", transcendental<power>},
    {"v_s_log_f32", "f32=f32", transcendental<logarithm>},
};

} // namespace

void addScalarFloatOps(OpTable &table) {
  table.addRows(arithmetic, prepareScalar);
  table.addRows(conversions, prepareScalar);
  table.addRows(compares, prepareScalar);
  table.addRows(transcendentals, prepareScalar);
}

} // namespace tawny::hipsim
