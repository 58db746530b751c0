// Reciprocals, roots, exponentials, logarithms, sines. The hardware is within one unit in the last
// place of f32 and documents no more; here each is computed in double and rounded, so it is the
// nearest value up to double's own error. f32 operations flush denormal operands and results, as
// the hardware does whatever MODE says (RDNA 3 ISA: "denormals are flushed").
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Lanes.h"
#include "tools/hipsim/isa/VectorExecute.h"

namespace tawny::hipsim {

namespace {

constexpr double pi = 3.14159265358979323846;

/// An f32 operation by way of a double one.
template <double (*F)(double)> float single(float value) {
  float flushed = std::bit_cast<float>(flushSingle(bitsOf(value)));
  auto result = static_cast<float>(F(flushed));
  if (isNan(value))
    return quieted(value);
  return std::bit_cast<float>(flushSingle(bitsOf(result)));
}
template <double (*F)(double)> Half half(Half value) {
  return isNan(value) ? quieted(value) : static_cast<Half>(F(static_cast<double>(value)));
}
template <double (*F)(double)> double whole(double value) { return F(value); }

double reciprocal(double x) { return 1 / x; }
double reciprocalRoot(double x) { return 1 / std::sqrt(x); }
double root(double x) { return std::sqrt(x); }
double power(double x) { return std::exp2(x); }
double logarithm(double x) { return std::log2(x); }
/// Operands are in turns; outside of +-256 the result is 0 and 1 (RDNA 3 ISA, V_SIN_F32).
double sine(double x) { return std::fabs(x) > 256 ? 0 : std::sin(2 * pi * (x - std::rint(x))); }
double cosine(double x) { return std::fabs(x) > 256 ? 1 : std::cos(2 * pi * (x - std::rint(x))); }
double sineOrNan(double x) { return std::isinf(x) ? NAN : sine(x); }
double cosineOrNan(double x) { return std::isinf(x) ? NAN : cosine(x); }

constexpr auto kind = InstructionClass::ValuTranscendental;
constexpr uint8_t rate = 4; // a quarter of the lanes at a time

constexpr VectorOp ops[] = {
    {"v_rcp_f32 v_rcp_iflag_f32", "f32=f32", each<single<reciprocal>>, kind, rate},
    {"v_rsq_f32", "f32=f32", each<single<reciprocalRoot>>, kind, rate},
    {"v_sqrt_f32", "f32=f32", each<single<root>>, kind, rate},
    {"v_exp_f32", "f32=f32", each<single<power>>, kind, rate},
    {"v_log_f32", "f32=f32", each<single<logarithm>>, kind, rate},
    {"v_sin_f32", "f32=f32", each<single<sineOrNan>>, kind, rate},
    {"v_cos_f32", "f32=f32", each<single<cosineOrNan>>, kind, rate},
    {"v_rcp_f16", "f16=f16", each<half<reciprocal>>, kind, rate},
    {"v_rsq_f16", "f16=f16", each<half<reciprocalRoot>>, kind, rate},
    {"v_sqrt_f16", "f16=f16", each<half<root>>, kind, rate},
    {"v_exp_f16", "f16=f16", each<half<power>>, kind, rate},
    {"v_log_f16", "f16=f16", each<half<logarithm>>, kind, rate},
    {"v_sin_f16", "f16=f16", each<half<sineOrNan>>, kind, rate},
    {"v_cos_f16", "f16=f16", each<half<cosineOrNan>>, kind, rate},
    {"v_rcp_f64", "f64=f64", each<whole<reciprocal>>, kind, 16},
    {"v_rsq_f64", "f64=f64", each<whole<reciprocalRoot>>, kind, 16},
    {"v_sqrt_f64", "f64=f64", each<whole<root>>, kind, 16},
};

} // namespace

void addTranscendentalOps(OpTable &table) { table.addRows(ops, prepareVector); }

} // namespace tawny::hipsim
