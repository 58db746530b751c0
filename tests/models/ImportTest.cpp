// What the importer makes of files, sound and not.
#include "models/Import.h"
#include "tests/models/gguf/Builder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace tawny;
using gguf::test::tinyLlama;

namespace {

/// A file that is gone after the test.
class TemporaryFile {
public:
  explicit TemporaryFile(llvm::StringRef bytes) {
    int descriptor = -1;
    std::error_code code =
        llvm::sys::fs::createTemporaryFile("tawny-import", "gguf", descriptor, path);
    EXPECT_FALSE(code) << code.message();
    llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << bytes;
  }
  ~TemporaryFile() { EXPECT_FALSE(llvm::sys::fs::remove(path)); }

  llvm::SmallString<128> path;
};

class ImportTest : public testing::Test {
protected:
  /// The error of an import, without the path that it starts with.
  std::string errorOf(const std::string &bytes) {
    TemporaryFile file(bytes);
    llvm::Expected<ImportedModel> model = importGguf(context, file.path);
    if (model)
      return "";
    std::string message = llvm::toString(model.takeError());
    std::string prefix = ("'" + file.path + "': ").str();
    EXPECT_EQ(message.substr(0, prefix.size()), prefix);
    return message.substr(prefix.size());
  }

  mlir::MLIRContext context;
};

TEST_F(ImportTest, WritesValidIR) {
  TemporaryFile file(tinyLlama(2).build());
  llvm::Expected<ImportedModel> model = importGguf(context, file.path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*model->module)));
  auto function = model->module->lookupSymbol<mlir::func::FuncOp>("model");
  ASSERT_TRUE(function);
  EXPECT_EQ(llvm::range_size(function.getOps<llm::AttentionOp>()), 2u);
  EXPECT_EQ(llvm::range_size(function.getOps<llm::LinearOp>()), 2u * 7 + 1);
  EXPECT_EQ(model->info.layers, 2u);
  EXPECT_EQ(model->info.headDim, 4u);
  EXPECT_EQ(model->info.vocabSize, 6u);
  EXPECT_EQ(model->vocabulary.tokens.size(), 6u);
}

TEST_F(ImportTest, TiedHeadIsTheEmbedding) {
  TemporaryFile file(tinyLlama().build());
  llvm::Expected<ImportedModel> model = importGguf(context, file.path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  unsigned loads = 0;
  model->module->walk(
      [&](llm::LoadWeightOp load) { loads += load.getWeight() == "token_embd.weight"; });
  EXPECT_EQ(loads, 2u);
  EXPECT_FALSE(model->module->lookupSymbol("output.weight"));
}

TEST_F(ImportTest, WeightsPointIntoTheFile) {
  TemporaryFile file(tinyLlama().build());
  llvm::Expected<ImportedModel> model = importGguf(context, file.path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  for (auto weight : model->module->getOps<llm::WeightOp>()) {
    const gguf::Tensor *tensor = model->file->gguf.findTensor(weight.getSymName());
    ASSERT_TRUE(tensor);
    EXPECT_EQ(weight.getOffset(), tensor->offset);
    auto type = mlir::cast<mlir::RankedTensorType>(weight.getType());
    // GGUF stores the innermost size first.
    EXPECT_EQ(static_cast<uint64_t>(type.getShape().back()), tensor->dims().front());
    EXPECT_EQ(static_cast<uint64_t>(type.getRank()), tensor->dims().size());
  }
}

TEST_F(ImportTest, ScalingAndWindowBecomeAttributes) {
  gguf::test::Builder builder = tinyLlama();
  builder.string("llama.rope.scaling.type", "yarn")
      .f32("llama.rope.scaling.factor", 4)
      .u32("llama.rope.scaling.original_context_length", 4096)
      .u32("llama.attention.sliding_window", 32);
  TemporaryFile file(builder.build());
  llvm::Expected<ImportedModel> model = importGguf(context, file.path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  unsigned rotations = 0, attentions = 0;
  model->module->walk([&](llm::RopeOp op) {
    ++rotations;
    // Of two pairs the first turns 652 times in 4096 positions, the second 6.5 times.
    ASSERT_TRUE(op.getRope().getDivisors());
    EXPECT_EQ(op.getRope().getDivisors()[0], 1);
    EXPECT_NEAR(op.getRope().getDivisors()[1], 1.6, 1e-12);
    EXPECT_NEAR(op.getRope().getMagnitude(), 1.138629436111989, 1e-12);
  });
  model->module->walk([&](llm::AttentionOp op) {
    ++attentions;
    EXPECT_EQ(op.getWindow(), 32u);
  });
  EXPECT_EQ(rotations, 2u);
  EXPECT_EQ(attentions, 1u);
}

TEST_F(ImportTest, BiasesBecomeOperands) {
  gguf::test::Builder builder = tinyLlama();
  builder.tensor("blk.0.attn_q.bias", {8}).tensor("blk.0.attn_output.bias", {8});
  TemporaryFile file(builder.build());
  llvm::Expected<ImportedModel> model = importGguf(context, file.path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*model->module)));
  unsigned biases = 0;
  model->module->walk([&](llm::LinearOp linear) { biases += linear.getBiases().size(); });
  EXPECT_EQ(biases, 2u);
}

TEST_F(ImportTest, RefusesOtherArchitectures) {
  EXPECT_EQ(
      errorOf(tinyLlama().string("general.architecture", "mamba").build()),
      "architecture 'mamba' is not implemented, expected one of llama; --vocab-only works for "
      "all");
}

TEST_F(ImportTest, RefusesUnsupportedTypes) {
  std::string message =
      errorOf(tinyLlama().tensor("blk.0.ffn_up.weight", {8, 8}, /*I8*/ 24).build());
  EXPECT_NE(message.find("tensor 'blk.0.ffn_up.weight'"), std::string::npos) << message;
  EXPECT_NE(message.find("expected one of the supported element types F32, F16, Q4_0, Q4_1, Q5_0, "
                         "Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, BF16, MXFP4, "
                         "found I8 (type 24); quantise the model to a supported type"),
            std::string::npos)
      << message;
}

TEST_F(ImportTest, RefusesHalfPrecisionNorms) {
  std::string message =
      errorOf(tinyLlama().tensor("output_norm.weight", {8}, gguf::TypeF16).build());
  EXPECT_NE(message.find("tensor 'output_norm.weight'"), std::string::npos) << message;
  EXPECT_NE(message.find("expected a vector of type F32, found F16"), std::string::npos) << message;
}

TEST_F(ImportTest, RefusesHeadsOfTwoSizes) {
  gguf::test::Builder builder = tinyLlama();
  builder.u32("llama.attention.key_length", 4).u32("llama.attention.value_length", 2);
  builder.tensor("blk.0.attn_v.weight", {8, 2}, gguf::TypeF16);
  builder.tensor("blk.0.attn_output.weight", {4, 8}, gguf::TypeF16);
  EXPECT_EQ(errorOf(builder.build()),
            "key 'llama.attention.value_length': expected the key length, 4, found 2; heads of two "
            "sizes are not supported yet");
}

TEST_F(ImportTest, RefusesWhatIsNoModelFile) {
  EXPECT_EQ(errorOf("not a model, but long enough to be one"),
            "offset 0: expected the magic 'GGUF', found 'not '; this is not a GGUF file");
  EXPECT_NE(errorOf(""), "");
  llvm::Expected<ImportedModel> folder = importGguf(context, testing::TempDir());
  EXPECT_FALSE(bool(folder));
  llvm::consumeError(folder.takeError());
}

TEST_F(ImportTest, VocabularyNeedsNoWeightsAndNoArchitecture) {
  gguf::test::Builder builder = tinyLlama().string("general.architecture", "mamba");
  TemporaryFile file(builder.build());
  llvm::Expected<ImportedModel> model = importGgufVocabulary(file.path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  EXPECT_EQ(model->info.vocabSize, 6u);
  EXPECT_EQ(model->info.architecture, "mamba");
  EXPECT_EQ(model->info.layers, 0u);
  EXPECT_FALSE(model->module);
}

} // namespace
