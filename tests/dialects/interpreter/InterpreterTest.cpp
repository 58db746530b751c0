// The interpreter on modules: what it refuses and how it says so, scalar ops, random values.
#include "dialects/interpreter/Interpreter.h"
#include "dialects/interpreter/RandomValues.h"
#include "dialects/interpreter/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tawny;
using namespace tawny::interpreter;

namespace {

class InterpreterTest : public ::testing::Test {
protected:
  InterpreterTest() {
    context.loadDialect<llm::LlmDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                        mlir::math::MathDialect>();
  }

  /// Parses a module and returns its only function.
  mlir::func::FuncOp parse(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    return module ? *module->getOps<mlir::func::FuncOp>().begin() : mlir::func::FuncOp();
  }

  /// What `expression` (arith or math ops that define %r from %a and %b) gives for two numbers.
  float evaluate(const std::string &expression, float a, float b) {
    mlir::func::FuncOp function =
        parse("func.func @f(%a: f32, %b: f32) -> f32 {\n" + expression + "\nreturn %r : f32 }");
    EXPECT_TRUE(function);
    llvm::Expected<ScalarProgram> program = ScalarProgram::compile(function.getBody().front());
    EXPECT_TRUE(static_cast<bool>(program));
    return program->run({a, b});
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(InterpreterTest, EvaluatesScalars) {
  EXPECT_EQ(evaluate("%r = arith.addf %a, %b : f32", 1, 2), 3);
  EXPECT_EQ(evaluate("%r = arith.subf %a, %b : f32", 1, 2), -1);
  EXPECT_EQ(evaluate("%r = arith.mulf %a, %b : f32", 3, 2), 6);
  EXPECT_EQ(evaluate("%r = arith.divf %a, %b : f32", 1, 4), 0.25);
  EXPECT_EQ(evaluate("%r = arith.negf %a : f32", 1, 0), -1);
  EXPECT_TRUE(std::isnan(evaluate("%r = arith.maximumf %a, %b : f32", NAN, 1)));
  EXPECT_EQ(evaluate("%r = arith.maxnumf %a, %b : f32", NAN, 1), 1);
  EXPECT_EQ(evaluate("%r = arith.minimumf %a, %b : f32", 2, 1), 1);
  EXPECT_EQ(evaluate("%r = arith.minnumf %a, %b : f32", 2, NAN), 2);
  EXPECT_EQ(evaluate("%c = arith.cmpf olt, %a, %b : f32\n%r = arith.select %c, %a, %b : f32", 5, 3),
            3);
  EXPECT_FLOAT_EQ(evaluate("%r = math.exp %a : f32", 1, 0), 2.7182817f);
  EXPECT_FLOAT_EQ(evaluate("%r = math.exp2 %a : f32", 3, 0), 8);
  EXPECT_FLOAT_EQ(evaluate("%r = math.log %a : f32", 2, 0), 0.6931472f);
  EXPECT_FLOAT_EQ(evaluate("%r = math.tanh %a : f32", 1, 0), 0.7615942f);
  EXPECT_FLOAT_EQ(evaluate("%r = math.erf %a : f32", 1, 0), 0.8427008f);
  EXPECT_FLOAT_EQ(evaluate("%r = math.sqrt %a : f32", 9, 0), 3);
  EXPECT_FLOAT_EQ(evaluate("%r = math.rsqrt %a : f32", 16, 0), 0.25);
  EXPECT_FLOAT_EQ(evaluate("%r = math.absf %a : f32", -1, 0), 1);
  EXPECT_FLOAT_EQ(evaluate("%r = math.powf %a, %b : f32", 2, 10), 1024);
  EXPECT_FLOAT_EQ(evaluate("%r = math.fma %a, %b, %b : f32", 2, 3), 9);
}

TEST_F(InterpreterTest, RoundsEachScalarStepToF32) {
  // In one step of double precision the sum would keep the 1.
  EXPECT_EQ(evaluate("%s = arith.addf %a, %b : f32\n%r = arith.subf %s, %a : f32", 1e8f, 1), 0);
}

TEST_F(InterpreterTest, RefusesScalarsItDoesNotKnow) {
  mlir::func::FuncOp function =
      parse("func.func @f(%a: f32) -> f32 { %r = math.cbrt %a : f32\n return %r : f32 }");
  llvm::Expected<ScalarProgram> program = ScalarProgram::compile(function.getBody().front());
  ASSERT_FALSE(static_cast<bool>(program));
  EXPECT_EQ(llvm::toString(program.takeError()),
            "the interpreter has no scalar meaning for 'math.cbrt' with result f32");
}

TEST_F(InterpreterTest, NamesTheOpAndItsPlaceInErrors) {
  mlir::func::FuncOp function = parse(R"(
    func.func @f(%step: !llm.step, %table: tensor<2x4xf32>) -> tensor<?x4xf32> {
      %x = llm.embed %step, %table : tensor<2x4xf32> -> tensor<?x4xf32> loc("token_embd")
      return %x : tensor<?x4xf32>
    })");
  ASSERT_TRUE(function);
  Step step;
  step.tokens = {2};
  step.positions = step.sequences = {0};
  llvm::Expected<Weight> table = weightOfType(function.getArgumentTypes()[1]);
  ASSERT_TRUE(static_cast<bool>(table));
  std::vector<uint8_t> bytes = randomWeightBytes(1, "table", Format::F32, 2, 4);
  table->bytes = bytes;
  Interpreter interpreter(*module, randomWeights(1));
  llvm::Expected<std::vector<Value>> results =
      interpreter.run(function, {std::make_shared<const Step>(step), *table});
  ASSERT_FALSE(static_cast<bool>(results));
  EXPECT_EQ(llvm::toString(results.takeError()),
            "loc(\"token_embd\"): 'llm.embed': expects tokens from 0 to 1, found 2 at row 0");
}

TEST_F(InterpreterTest, ChecksItsArguments) {
  mlir::func::FuncOp function = parse("func.func @f(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {"
                                      " return %x : tensor<?x4xf32> }");
  ASSERT_TRUE(function);
  Interpreter interpreter(*module, randomWeights(1));
  auto messageFor = [&](llvm::ArrayRef<Value> arguments) {
    llvm::Expected<std::vector<Value>> results = interpreter.run(function, arguments);
    return results ? std::string() : llvm::toString(results.takeError());
  };
  EXPECT_EQ(messageFor({}), "expects 1 arguments, found 0");
  EXPECT_EQ(messageFor({std::make_shared<const Rows>(2, 5)}),
            "expects another kind of value for argument 0");
  EXPECT_EQ(messageFor({std::make_shared<const Rows>(2, 4)}), "");
}

TEST_F(InterpreterTest, ReadsWeightsAtTheirOffsets) {
  mlir::func::FuncOp function = parse(R"(
    llm.weight @w : tensor<1x2xf32> at 4
    func.func @f(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
      %w = llm.load_weight @w : tensor<1x2xf32>
      %y = llm.linear %x weights(%w) at [0]
        : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    })");
  ASSERT_TRUE(function);
  const float file[3] = {100, 2, 3};
  llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(file), sizeof(file));
  auto x = std::make_shared<Rows>(1, 2);
  x->values = {10, 1};
  Interpreter interpreter(*module, weightsOfFile(*module, bytes));
  llvm::Expected<std::vector<Value>> results = interpreter.run(function, Value(x));
  ASSERT_TRUE(static_cast<bool>(results));
  EXPECT_EQ(std::get<std::shared_ptr<const Rows>>(results->front())->values[0], 23);

  Interpreter cut(*module, weightsOfFile(*module, bytes.drop_back()));
  llvm::Expected<std::vector<Value>> refused = cut.run(function, Value(x));
  ASSERT_FALSE(static_cast<bool>(refused));
  EXPECT_NE(llvm::toString(refused.takeError())
                .find("expects weight 'w' in bytes [4, 12) of the file, which has 11"),
            std::string::npos);
}

TEST(RandomValues, DependOnSeedAndNameAlone) {
  EXPECT_EQ(randomWeightBytes(1, "a", Format::Q4_K, 2, 256),
            randomWeightBytes(1, "a", Format::Q4_K, 2, 256));
  EXPECT_NE(randomWeightBytes(1, "a", Format::Q4_K, 2, 256),
            randomWeightBytes(2, "a", Format::Q4_K, 2, 256));
  EXPECT_NE(randomRows(1, "a", 1, 8).values, randomRows(1, "b", 1, 8).values);
}

TEST(RandomValues, KeepTheScaleOfALinear) {
  for (Format format :
       {Format::F32, Format::F16, Format::BF16, Format::Q4_0, Format::Q4_1, Format::Q5_0,
        Format::Q5_1, Format::Q8_0, Format::Q2_K, Format::Q3_K, Format::Q4_K, Format::Q5_K,
        Format::Q6_K, Format::IQ4_NL, Format::IQ4_XS, Format::MXFP4}) {
    std::vector<uint8_t> bytes = randomWeightBytes(3, "w", format, 64, 512);
    Weight weight;
    weight.format = format;
    weight.rows = 64;
    weight.columns = 512;
    weight.bytes = bytes;
    double squares = 0;
    std::vector<float> row;
    for (int64_t r = 0; r < weight.rows; ++r) {
      decodeWeightRow(weight, r, row);
      for (float value : row)
        squares += double(value) * value;
    }
    // Rows of unit length: 512 elements of variance 1 / 512.
    EXPECT_NEAR(squares / 64, 1, 0.4) << formatInfo(format).name;
  }
}

} // namespace
