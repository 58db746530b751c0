// Linears by the thousand: every format, ragged shapes, epilogues and numbers of tokens against
// fp64, on every target that this machine can run. All kernels of a target are one module.
#include "dialects/llm/Llm.h"
#include "passes/KernelShapes.h"
#include "tests/compiler/x86/KernelHarness.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>

namespace tawny::test {
namespace {

constexpr uint64_t seed = 20263;
/// Below, at and beyond every chunk of tokens that the emitters know.
constexpr uint64_t tokenCounts[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,  13,
                                    14, 15, 16, 17, 23, 24, 31, 32, 33, 64, 65, 129, 130};
constexpr uint64_t mostTokens = 130;
constexpr size_t leastCases = 3000;

/// What a linear does as it stores.
enum class Epilogue { None, Bias, Residual, GateUp, Concatenated };
constexpr Epilogue epilogues[] = {Epilogue::None, Epilogue::Bias, Epilogue::Residual,
                                  Epilogue::GateUp, Epilogue::Concatenated};
constexpr const char *epilogueNames[] = {"none", "bias", "residual", "gate and up", "concatenated"};

/// One kernel and its data for up to `mostTokens` tokens.
struct Linear {
  Epilogue epilogue;
  bool quantised;
  std::vector<RandomWeight> weights; ///< Of the parts.
  std::vector<float> bias;
  std::string kernel; ///< Its name.
  int64_t tiles = 0;

  uint64_t rows(size_t part) const { return weights[part].rows; }
  uint64_t columns() const { return weights[0].columns; }
  size_t results() const { return epilogue == Epilogue::Concatenated ? 2 : 1; }
  std::string describe() const {
    std::string text = kernel + ": " + epilogueNames[static_cast<int>(epilogue)];
    for (const RandomWeight &weight : weights)
      text += " " + weight.type();
    return text + (quantised ? " by a8" : " by f32");
  }
};

std::string rowsType(uint64_t columns, const char *element) {
  return "tensor<?x" + std::to_string(columns) + "x" + element + ">";
}

/// The types and names of the operands, in order.
struct Operands {
  std::vector<std::string> names, types;
  void add(std::string name, std::string type) {
    names.push_back("%" + std::move(name));
    types.push_back(std::move(type));
  }
  std::string join(const std::vector<std::string> &items) const {
    std::string text;
    for (const std::string &item : items)
      text += (text.empty() ? "" : ", ") + item;
    return text;
  }
  std::string arguments() const {
    std::vector<std::string> items;
    for (size_t i = 0; i < names.size(); ++i)
      items.push_back(names[i] + ": " + types[i]);
    return join(items);
  }
};

constexpr const char *residualText = R"( epilogue {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    llm.yield %s : f32
  })";
constexpr const char *gateUpText = R"( epilogue {
  ^bb0(%a: f32, %b: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %a : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %a, %d : f32
    %m = arith.mulf %s, %b : f32
    llm.yield %m : f32
  })";

/// What follows the weights in the op's text, and the operands that it names.
std::string epilogueText(const Linear &linear, Operands &operands) {
  std::string rows = std::to_string(linear.rows(0));
  switch (linear.epilogue) {
  case Epilogue::None:
    return " at [0]";
  case Epilogue::Bias:
    operands.add("bias", "tensor<" + rows + "xf32>");
    return " at [0] bias(%bias) of [0]";
  case Epilogue::Residual:
    operands.add("r", rowsType(linear.rows(0), "f32"));
    return std::string(" at [0] reads(%r)") + residualText;
  case Epilogue::GateUp:
    return std::string(" at [0, 0]") + gateUpText;
  case Epilogue::Concatenated:
    operands.add("bias", "tensor<" + std::to_string(linear.rows(1)) + "xf32>");
    return " at [0, " + rows + "] bias(%bias) of [1]";
  }
  return "";
}

/// The op in a function whose arguments are its operands.
struct Text {
  Operands operands;
  std::string op, results, resultNames;
};
Text textOf(const Linear &linear) {
  Text text;
  text.operands.add("x", rowsType(linear.columns(), linear.quantised ? "!llm.a8" : "f32"));
  std::string weights;
  for (size_t part = 0; part < linear.weights.size(); ++part) {
    std::string name = "w" + std::to_string(part);
    weights += (part ? ", %" : "%") + name;
    text.operands.add(name, linear.weights[part].type());
  }
  std::string tail = epilogueText(linear, text.operands);
  text.results = rowsType(linear.rows(0), "f32");
  text.resultNames = "%y";
  if (linear.results() == 2) {
    text.results += ", " + rowsType(linear.rows(1), "f32");
    text.resultNames = "%y#0, %y#1";
  }
  text.op = std::string("%y") + (linear.results() == 2 ? ":2" : "") + " = llm.linear %x weights(" +
            weights + ")" + tail + " : (" + text.operands.join(text.operands.types) + ") -> (" +
            text.results + ")\n";
  return text;
}

template <typename Attribute> std::string print(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return text;
}

/// The kernel as rt-dispatch would outline it: tiles, grid and bindings are the passes' own.
std::string kernelText(mlir::MLIRContext &context, Linear &linear) {
  Text text = textOf(linear);
  std::string function =
      "func.func @f(" + text.operands.arguments() + ") {\n" + text.op + "return\n}\n";
  auto module = mlir::parseSourceString<mlir::ModuleOp>(function, &context);
  if (!module) {
    ADD_FAILURE() << function;
    return "";
  }
  llm::LinearOp op;
  module->walk([&](llm::LinearOp found) { op = found; });
  KernelShape shape = kernelShape(op, simd16Layout, rt::Extent::Tokens, mostTokens);
  linear.tiles = linearRowTiles(op, shape.tile.rows);
  mlir::ArrayAttr bindings = mlir::ArrayAttr::get(&context, shape.bindings);
  return "rt.kernel @" + linear.kernel + " grid " +
         llvm::StringRef(print(shape.grid)).substr(std::strlen("#rt.grid")).str() + " bindings " +
         print(bindings) + " resources " + print(shape.resources) + " {\n^bb0(" +
         text.operands.arguments() + "):\n" + text.op + "rt.return " + text.resultNames + " : " +
         text.results + "\n}\n";
}

class CasesTest : public testing::TestWithParam<std::string> {
protected:
  void addLinear(Format format, Epilogue epilogue, bool quantised);
  void check(const Linear &linear, const CompiledModule &module);
  uint64_t between(uint64_t low, uint64_t high) { return low + random() % (high - low + 1); }

  std::mt19937_64 random{seed};
  std::vector<Linear> linears;
  size_t cases = 0;
  double worst = 0, worstError = 0; ///< NMSE of enough rows; error as a part of the terms.
};

std::vector<Format> formatsOfTheTable() {
  constexpr uint32_t manyTypes = 256;
  std::vector<Format> formats;
  for (uint32_t type = 0; type < manyTypes; ++type)
    if (std::optional<Format> format = formatByGgmlType(type))
      formats.push_back(*format);
  return formats;
}

void CasesTest::addLinear(Format format, Epilogue epilogue, bool quantised) {
  Linear linear{epilogue, quantised, {}, {}, "k" + std::to_string(linears.size())};
  uint64_t block = std::max<uint64_t>(formatInfo(format).blockElements, 32);
  uint64_t columns = block * between(1, block == 32 ? 9 : 3), rows = between(1, 100);
  linear.weights.push_back(randomWeight(format, rows, columns, random));
  // The second part is of another format where its blocks fit.
  std::vector<Format> others;
  for (Format other : formatsOfTheTable())
    if (columns % formatInfo(other).blockElements == 0 &&
        !(quantised && formatInfo(other).isFloat()))
      others.push_back(other);
  Format other = others[random() % others.size()];
  if (epilogue == Epilogue::GateUp)
    linear.weights.push_back(randomWeight(other, rows, columns, random));
  if (epilogue == Epilogue::Concatenated)
    linear.weights.push_back(randomWeight(other, between(1, 60), columns, random));
  if (epilogue == Epilogue::Bias || epilogue == Epilogue::Concatenated)
    linear.bias = randomActivations(1, linear.weights.back().rows, false, random);
  linears.push_back(std::move(linear));
}

/// A result for the most tokens, [tokens][rows], and how large the terms are that it is made of.
struct Expected {
  std::vector<double> values, terms;
  void add(size_t i, double term) {
    values[i] += term;
    terms[i] += std::fabs(term);
  }
};

std::vector<Expected> expectedOf(const Linear &linear, const std::vector<float> &x,
                                 const std::vector<float> &residual) {
  std::vector<Expected> parts;
  for (const RandomWeight &weight : linear.weights)
    parts.push_back({product(weight, x, mostTokens), productTerms(weight, x, mostTokens)});
  if (!linear.bias.empty())
    for (size_t i = 0; i < parts.back().values.size(); ++i)
      parts.back().add(i, linear.bias[i % linear.bias.size()]);
  if (linear.epilogue == Epilogue::Residual)
    for (size_t i = 0; i < parts[0].values.size(); ++i)
      parts[0].add(i, residual[i]);
  if (linear.epilogue == Epilogue::GateUp) {
    constexpr double steepest = 1.1; // SiLU's derivative is below
    for (size_t i = 0; i < parts[0].values.size(); ++i) {
      double &gate = parts[0].values[i], up = parts[1].values[i];
      double silu = gate / (1 + std::exp(-gate));
      parts[0].terms[i] =
          steepest * parts[0].terms[i] * std::fabs(up) + std::fabs(silu) * parts[1].terms[i];
      gate = silu * up;
    }
    parts.pop_back();
  }
  return parts;
}

/// The first `tokens` rows of `columns` values.
template <typename T>
std::vector<T> firstRows(const std::vector<T> &all, uint64_t tokens, uint64_t columns) {
  return {all.begin(), all.begin() + static_cast<ptrdiff_t>(tokens * columns)};
}

void CasesTest::check(const Linear &linear, const CompiledModule &module) {
  std::vector<float> x =
      randomActivations(mostTokens, linear.columns(), between(0, 1) == 1, random);
  std::vector<float> residual = randomActivations(mostTokens, linear.rows(0), false, random);
  std::vector<float> rounded = x;
  if (linear.quantised)
    quantise(rounded, mostTokens, linear.columns());
  std::vector<Expected> expected = expectedOf(linear, rounded, residual);
  std::vector<GuardedBuffer> weights;
  for (const RandomWeight &weight : linear.weights)
    weights.push_back(packForX86(weight));
  GuardedBuffer bias = guarded(linear.bias);
  for (uint64_t tokens : tokenCounts) {
    std::vector<float> own = firstRows(x, tokens, linear.columns());
    GuardedBuffer input = linear.quantised ? quantise(own, tokens, linear.columns()) : guarded(own);
    GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(tokens)});
    GuardedBuffer read = guarded(firstRows(residual, tokens, linear.rows(0)));
    std::vector<void *> bindings = {count.as<void>(), input.as<void>()};
    for (GuardedBuffer &weight : weights)
      bindings.push_back(weight.as<void>());
    if (!linear.bias.empty())
      bindings.push_back(bias.as<void>());
    if (linear.epilogue == Epilogue::Residual)
      bindings.push_back(read.as<void>());
    std::vector<GuardedBuffer> outputs;
    for (size_t i = 0; i < linear.results(); ++i) {
      outputs.emplace_back(tokens * linear.rows(i) * sizeof(float));
      bindings.push_back(outputs.back().as<void>());
    }
    module.kernel(linear.kernel)(bindings.data(), 0, linear.tiles);
    for (size_t i = 0; i < linear.results(); ++i) {
      const auto *found = outputs[i].as<float>();
      std::vector<double> values = firstRows(expected[i].values, tokens, linear.rows(i));
      double square = linear.rows(i) < nmseRows ? 0 : nmse(found, values);
      double error =
          largestError(found, values, firstRows(expected[i].terms, tokens, linear.rows(i)));
      worst = std::max(worst, square);
      worstError = std::max(worstError, error);
      EXPECT_TRUE(square <= nmseBound && error <= errorBound(linear.columns(), linear.quantised))
          << "NMSE " << square << ", error " << error << " of the terms; " << linear.describe()
          << ", " << tokens << " tokens, result " << i << ", target " << GetParam() << ", seed "
          << seed;
    }
    ++cases;
  }
}

/// Shapes for each format and epilogue: as many as make enough cases.
size_t shapesPerEpilogue() {
  size_t kinds = 0; // floats are not multiplied by a8
  for (Format format : formatsOfTheTable())
    kinds += formatInfo(format).isFloat() ? 1 : 2;
  return llvm::divideCeil(leastCases, kinds * std::size(epilogues) * std::size(tokenCounts));
}

TEST_P(CasesTest, AgreeWithFp64) {
  for (bool quantised : {false, true}) {
    linears.clear();
    for (Format format : formatsOfTheTable())
      for (Epilogue epilogue : epilogues)
        for (size_t shape = 0; shape < shapesPerEpilogue(); ++shape)
          if (!(quantised && formatInfo(format).isFloat()))
            addLinear(format, epilogue, quantised);
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    context.loadDialect<llm::LlmDialect, rt::RtDialect, mlir::arith::ArithDialect,
                        mlir::func::FuncDialect, mlir::math::MathDialect>();
    std::string kernels;
    for (Linear &linear : linears)
      kernels += kernelText(context, linear);
    ASSERT_FALSE(HasFailure());
    CompiledModule module = CompiledModule::compile(kernels, GetParam(), quantised ? "i8" : "f32");
    for (const Linear &linear : linears)
      check(linear, module);
  }
  std::printf("%s: %zu cases of linears, seed %llu, NMSE to fp64 at most %.1e, errors at most %.1e "
              "of the terms\n",
              GetParam().c_str(), cases, static_cast<unsigned long long>(seed), worst, worstError);
  EXPECT_GE(cases, leastCases);
}

INSTANTIATE_TEST_SUITE_P(Targets, CasesTest, testing::ValuesIn(runnableTargets()), targetName);

} // namespace
} // namespace tawny::test
