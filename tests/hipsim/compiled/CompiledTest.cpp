// Compiled code against compiled code: what clang makes of a function for each chip, optimised and
// not, computes under the simulator what clang makes of it for the host computes there, bit for
// bit.
#include "tests/hipsim/compiled/Arithmetic.h"

#include "tests/hipsim/Library.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace tawny::hipsim {
namespace {

constexpr size_t numOperands = Items * Operands;
constexpr uint32_t seed = 7;

/// Floats of all sizes, every fifth one special.
template <typename T> T drawFloat(std::mt19937 &random, int range) {
  const double special[] = {0.0,    -0.0,  1.0,  INFINITY, -INFINITY,    NAN,   1e-40,   -1e-39,
                            3e38,   0.5,   -2.5, 1e-30,    16777217.0,   65519, -1.5,    6e-8,
                            -6e-8f, 65504, 1e-7, -0.75,    2147483648.0, 2.5,   -65520., 1e-5};
  if (random() % 5 == 0)
    return static_cast<T>(special[random() % std::size(special)]);
  int exponent = static_cast<int>(random() % static_cast<unsigned>(range)) - range / 2;
  return static_cast<T>(std::ldexp(static_cast<int32_t>(random()), exponent - 31));
}

template <typename T> std::vector<T> drawOperands() {
  std::mt19937 random(seed);
  std::vector<T> values(numOperands);
  for (T &value : values) {
    if constexpr (std::is_integral_v<T>) {
      uint64_t bits = uint64_t(random()) << 32 | random();
      value = static_cast<T>(static_cast<T>(bits) >> (random() % (8 * sizeof(T))));
    } else {
      value = drawFloat<T>(random, sizeof(T) == 2 ? 30 : sizeof(T) == 4 ? 200 : 1200);
    }
  }
  return values;
}

/// The same bits, or both not a number: processors choose different ones.
template <typename T> bool same(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0 || (a != a && b != b);
}

struct Target {
  const char *chip;
  int version; ///< of the code object: 4 is not optimised
};

void PrintTo(const Target &target, std::ostream *out) { *out << target.chip; }

class CompiledTest : public HipsimTest, public testing::WithParamInterface<Target> {
protected:
  void SetUp() override { restart({{"ARCH", GetParam().chip}}); }

  template <typename T> void check(const char *name, void (*function)(int, T *, const T *)) {
    std::vector<T> in = drawOperands<T>(), expected(size_t(Items) * Results);
    for (int item = 0; item < Items; ++item)
      function(item, expected.data(), in.data());
    T *out = allocate<T>(expected.size());
    std::string kernelName = std::string(name) + "Kernel";
    hipFunction_t found = kernel(kernelName.c_str(), GetParam().chip, GetParam().version);
    ASSERT_EQ(launch(found, 1, out, upload(in)), hipSuccess);
    std::vector<T> results = download(out, expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(same(results[i], expected[i]))
          << name << ": item " << i / Results << " result " << i % Results << " is "
          << double(results[i]) << ", not " << double(expected[i]) << " (operands "
          << double(in[i / Results * Operands]) << ", " << double(in[i / Results * Operands + 1])
          << ", " << double(in[i / Results * Operands + 2]) << "; seed " << seed << ")";
  }
};

TEST_P(CompiledTest, Ints) { check("ints", ints); }
TEST_P(CompiledTest, Longs) { check("longs", longs); }
TEST_P(CompiledTest, Shorts) { check("shorts", shorts); }
TEST_P(CompiledTest, Floats) { check("floats", floats); }
TEST_P(CompiledTest, Doubles) { check("doubles", doubles); }
TEST_P(CompiledTest, Halves) { check("halves", halves); }
TEST_P(CompiledTest, ControlFlowAndPrivateMemory) { check("flow", flow); }

std::string targetName(const testing::TestParamInfo<Target> &info) {
  return std::string(info.param.chip) + (info.param.version == 4 ? "_plain" : "_optimised");
}

INSTANTIATE_TEST_SUITE_P(Chips, CompiledTest,
                         testing::Values(Target{"gfx906", 4}, Target{"gfx906", 5},
                                         Target{"gfx908", 5}, Target{"gfx90a", 4},
                                         Target{"gfx90a", 5}, Target{"gfx942", 4},
                                         Target{"gfx942", 5}, Target{"gfx1100", 4},
                                         Target{"gfx1100", 5}, Target{"gfx1151", 5},
                                         Target{"gfx1201", 4}, Target{"gfx1201", 5}),
                         targetName);

} // namespace
} // namespace tawny::hipsim
