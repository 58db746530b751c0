#include "compiler/WeightTable.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

/// A module of one program that launches one kernel on each of `bound`, which are attributes of
/// bindings.
std::string moduleText(const std::string &weights, const std::string &bound) {
  return weights + R"(
    rt.executable @kernels target <"x86-64-v3", layout = "simd16", activations = "f32"> {
      rt.kernel @k grid <1 x one by 1> bindings [#rt.arg<operand 0, read>] {
      ^bb0(%w: tensor<32xf32>):
        rt.return
      }
    }
    rt.program @step on @kernels program <step, tokens = 1, sequences = 1, logit_rows = 1,
        block_rows = 1>
      step_layout <counts = 0, tokens = 64, positions = 128, kvSlots = 192, attentionBlocks = 256,
        blockTables = 320, logitRows = 384, maxAttentionBlocks = 1, maxPages = 1, bytes = 448>
      kv <layers = 1, heads = 1, headDim = 32, pageTokens = 16, pages = 1>
      arena 64 logits 0 costs {} {)" +
         bound + "}\n";
}

std::string launch(const std::string &weight) {
  return "rt.launch @kernels::@k label \"" + weight + "\" grid <1 x one by 1> [#rt.bind<weight @" +
         weight + ", 0, 64, read, 0, false>]\n";
}

class WeightTableTest : public testing::Test {
protected:
  WeightTableTest() { context.loadDialect<llm::LlmDialect, rt::RtDialect>(); }

  /// A target whose module is `text`.
  TargetProgram target(const std::string &text) {
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(text, &context));
    EXPECT_TRUE(modules.back()) << text;
    llvm::Expected<RtModule> rt = readRtModule(*modules.back());
    EXPECT_TRUE(bool(rt)) << llvm::toString(rt.takeError());
    return {nullptr, *rt, {}};
  }

  std::string errorOf(const std::string &text, uint64_t sourceBytes) {
    llvm::Expected<WeightTable> table = buildWeightTable({target(text)}, sourceBytes);
    return table ? "" : llvm::toString(table.takeError());
  }

  mlir::MLIRContext context;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

TEST_F(WeightTableTest, FollowsTheProgram) {
  auto program = target(moduleText(R"(
    llm.weight @a : tensor<5xf32> at 0 layout "rows"
    llm.weight @unused : tensor<8xf32> at 32 layout "rows"
    llm.weight @b : tensor<17x32x!llm.q8_0> at 64 layout "simd16")",
                                   launch("b") + launch("a") + launch("b")));
  llvm::Expected<WeightTable> table = buildWeightTable({program}, 4096);
  ASSERT_TRUE(bool(table)) << llvm::toString(table.takeError());
  ASSERT_EQ(table->weights.size(), 2u);
  const StoredWeight &b = table->weights[0], &a = table->weights[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.rows, 17u);
  EXPECT_EQ(b.columns, 32u);
  EXPECT_EQ(b.sourceOffset, 64u);
  EXPECT_EQ(b.sourceBytes, 17u * 34);
  EXPECT_EQ(b.offset, 0u);
  EXPECT_EQ(b.bytes, packedBytes(simd16Layout, formatInfo(Format::Q8_0), 17, 32));
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.rows, 1u);
  EXPECT_EQ(a.bytes, 20u);
  EXPECT_EQ(a.offset, b.paddedBytes());
  EXPECT_EQ(table->segmentBytes, std::vector<uint64_t>{b.paddedBytes() + 64});
}

TEST_F(WeightTableTest, StoresEachPairOfWeightAndLayoutOnce) {
  auto first = target(moduleText(R"(
    llm.weight @a : tensor<8xf32> at 0 layout "rows"
    llm.weight @b : tensor<16x32xf16> at 64 layout "simd16")",
                                 launch("a") + launch("b")));
  auto same = target(moduleText(R"(
    llm.weight @a : tensor<8xf32> at 0 layout "rows"
    llm.weight @b : tensor<16x32xf16> at 64 layout "simd16")",
                                launch("b") + launch("a")));
  auto other = target(moduleText(R"(
    llm.weight @a : tensor<8xf32> at 0 layout "rows"
    llm.weight @b : tensor<16x32xf16> at 64 layout "simt32")",
                                 launch("a") + launch("b")));
  llvm::Expected<WeightTable> table = buildWeightTable({first, same, other}, 4096);
  ASSERT_TRUE(bool(table)) << llvm::toString(table.takeError());
  ASSERT_EQ(table->weights.size(), 3u);
  EXPECT_EQ(table->weights[2].layout.name, "simt32");
  EXPECT_EQ(table->weights[2].segment, 1u);
  EXPECT_EQ(table->weights[2].offset, 0u);
  // The second target adds nothing, so it has no segment.
  EXPECT_EQ(table->segmentBytes.size(), 2u);
  auto index = [&](size_t target, llvm::StringRef name) {
    return table->indices[target].lookup(mlir::StringAttr::get(&context, name));
  };
  EXPECT_EQ(index(0, "b"), 1u);
  EXPECT_EQ(index(1, "b"), 1u);
  EXPECT_EQ(index(2, "b"), 2u);
  EXPECT_EQ(index(2, "a"), 0u);
}

TEST_F(WeightTableTest, RefusesWeightsOutsideTheFile) {
  std::string text =
      moduleText("llm.weight @a : tensor<8xf32> at 100 layout \"rows\"", launch("a"));
  EXPECT_EQ(errorOf(text, 132), "");
  EXPECT_EQ(errorOf(text, 131),
            "weight 'a': expected its bytes inside the model file of 131 bytes, "
            "found them at offset 100");
  EXPECT_EQ(errorOf(text, 50), "weight 'a': expected its bytes inside the model file of 50 bytes, "
                               "found them at offset 100");
}

TEST_F(WeightTableTest, RefusesWeightsWithoutALayout) {
  EXPECT_EQ(errorOf(moduleText("llm.weight @a : tensor<8xf32> at 0", launch("a")), 4096),
            "weight 'a': expected a layout of the layout table, found 'none'");
}

TEST_F(WeightTableTest, ModuleNeedsOneStepProgram) {
  std::string text = R"(
    rt.executable @kernels target <"x86-64-v3", layout = "simd16", activations = "f32"> {})";
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  llvm::Expected<RtModule> rt = readRtModule(*module);
  ASSERT_FALSE(bool(rt));
  EXPECT_EQ(llvm::toString(rt.takeError()),
            "expected one step program in the lowered module, found 0");
}

} // namespace
