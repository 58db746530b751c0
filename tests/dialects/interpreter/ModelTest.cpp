// Whole models: importer and interpreter against logits that an independent f32 implementation
// computed (models/samples/README.md and the README of the shared models).
#include "dialects/interpreter/Interpreter.h"
#include "models/Import.h"
#include "passes/Passes.h"
#include "runtime/support/Safetensors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>

using namespace tawny;
using namespace tawny::interpreter;

namespace {

/// An imported model, its interpreter, and the reference for it.
class Model {
public:
  Model(const std::string &path, const std::string &referencePath) {
    llvm::Expected<ImportedModel> result = importGguf(context, path);
    if (!result) {
      ADD_FAILURE() << llvm::toString(result.takeError());
      return;
    }
    imported = std::move(*result);
    auto buffer = llvm::MemoryBuffer::getFile(referencePath, false, false);
    if (!buffer) {
      ADD_FAILURE() << referencePath << ": " << buffer.getError().message();
      return;
    }
    file = std::move(*buffer);
    ErrorOr<SafetensorsContent> content =
        readSafetensors({file->getBufferStart(), file->getBufferSize()}, referencePath);
    if (content)
      reference = std::move(*content);
    else
      ADD_FAILURE() << content.error().message;
  }

  /// Runs a textual pass pipeline on the module.
  void transform(llvm::StringRef pipeline) {
    static const bool registered = (registerTawnyPasses(), true);
    mlir::PassManager manager(&context);
    ASSERT_TRUE(registered && mlir::succeeded(mlir::parsePassPipeline(pipeline, manager)));
    ASSERT_TRUE(mlir::succeeded(manager.run(*imported->module)));
  }

  bool isReady() const { return !reference.tensors.empty(); }
  std::vector<int32_t> tokens(const std::string &name) const {
    return reference.tensors.at(name).integers();
  }
  std::vector<float> floats(const std::string &name) const {
    return reference.tensors.at(name).floats();
  }

  /// Runs tokens of sequence 0 from `first` on and returns the logits of all of them.
  std::shared_ptr<const Rows> run(std::vector<int32_t> tokens, int32_t first = 0) {
    auto function = *imported->module->getOps<mlir::func::FuncOp>().begin();
    auto kv = llvm::cast<llm::KvType>(function.getArgumentTypes()[1]);
    if (first == 0)
      pool = std::make_shared<const Pool>(kv.getLayers(), kv.getHeads(), kv.getHeadDim());
    Step step;
    step.tokens = std::move(tokens);
    step.positions.resize(step.tokens.size());
    std::iota(step.positions.begin(), step.positions.end(), first);
    step.sequences.assign(step.tokens.size(), 0);
    step.logitRows.resize(step.tokens.size());
    std::iota(step.logitRows.begin(), step.logitRows.end(), 0);
    Interpreter interpreter(*imported->module,
                            weightsOfFile(*imported->module, imported->file->bytes()));
    llvm::Expected<std::vector<Value>> results =
        interpreter.run(function, {std::make_shared<const Step>(std::move(step)), pool});
    if (!results) {
      ADD_FAILURE() << llvm::toString(results.takeError());
      return std::make_shared<const Rows>();
    }
    pool = std::get<std::shared_ptr<const Pool>>((*results)[1]);
    return std::get<std::shared_ptr<const Rows>>((*results)[0]);
  }

private:
  mlir::MLIRContext context;
  std::optional<ImportedModel> imported;
  std::unique_ptr<llvm::MemoryBuffer> file;
  SafetensorsContent reference;
  std::shared_ptr<const Pool> pool;
};

/// Normalised mean squared error of `actual` against `expected`.
double nmse(llvm::ArrayRef<float> actual, llvm::ArrayRef<float> expected) {
  double errors = 0, squares = 0;
  for (auto [a, e] : llvm::zip_equal(actual, expected)) {
    errors += (double(a) - e) * (double(a) - e);
    squares += double(e) * e;
  }
  return errors / squares;
}

int32_t argmax(llvm::ArrayRef<float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// How far a model may be from its reference: the logits' NMSE, and the first margin of the
/// reference below which its greedy tokens need not be found.
struct Bounds {
  double nmse;
  float margin;
};
constexpr Bounds f32Bounds{1e-6, 0.1f}; ///< f32 activations, KV in f16
constexpr Bounds int8Bounds{1e-3, 1.0f};

void checkAgainstReference(Model &model, Bounds bounds = f32Bounds) {
  std::shared_ptr<const Rows> logits = model.run(model.tokens("prompt_tokens"));
  double error = nmse(logits->values, model.floats("logits"));
  EXPECT_LE(error, bounds.nmse);
  std::printf("logits NMSE %.2e\n", error);

  std::vector<int32_t> greedy = model.tokens("greedy_tokens");
  std::vector<float> margins = model.floats("greedy_margin");
  int32_t position = static_cast<int32_t>(logits->rows);
  for (size_t i = 0; i < greedy.size() && margins[i] >= bounds.margin; ++i, ++position) {
    ASSERT_EQ(argmax(logits->row(logits->rows - 1)), greedy[i]) << "at greedy token " << i;
    logits = model.run({greedy[i]}, position);
  }
}

std::string sharedFolder() {
  if (const char *folder = std::getenv("TAWNY_TEST_DATA"))
    return folder;
  return TAWNY_SOURCE_DIR "/../shared";
}

TEST(InterpretedModel, SampleAgreesWithItsReference) {
  std::string path = TAWNY_SOURCE_DIR "/models/samples/alice-llama-Q4_K_M";
  Model model(path + ".gguf", path + ".ref.safetensors");
  ASSERT_TRUE(model.isReady());
  checkAgainstReference(model);
}

TEST(InterpretedModel, SampleWithInt8ActivationsKeepsItsBounds) {
  std::string path = TAWNY_SOURCE_DIR "/models/samples/alice-llama-Q4_K_M";
  Model model(path + ".gguf", path + ".ref.safetensors");
  ASSERT_TRUE(model.isReady());
  model.transform("tawny-fuse,func.func(llm-decide{activations=i8})");
  checkAgainstReference(model, int8Bounds);
}

class SharedModel : public ::testing::TestWithParam<const char *> {};

TEST_P(SharedModel, AgreesWithItsReference) {
  std::string folder = sharedFolder() + "/models/alice-llama/";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "no shared models at " << folder;
  std::string format = GetParam();
  Model model(folder + "gguf/alice-llama-" + format + ".gguf",
              folder + "ref/" + format + ".safetensors");
  ASSERT_TRUE(model.isReady());
  checkAgainstReference(model);
}

INSTANTIATE_TEST_SUITE_P(Llama, SharedModel, ::testing::Values("F16", "Q8_0", "Q4_K_M"),
                         [](const auto &info) { return std::string(info.param); });

TEST(InterpretedModel, LikelihoodsOfABookSpanAgree) {
  std::string folder = sharedFolder() + "/models/alice-llama/";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "no shared models at " << folder;
  Model model(folder + "gguf/alice-llama-F16.gguf", folder + "ref/F16.safetensors");
  ASSERT_TRUE(model.isReady());
  std::vector<int32_t> tokens = model.tokens("nll_tokens");
  std::vector<float> expected = model.floats("nll");
  std::shared_ptr<const Rows> logits = model.run(tokens);
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    llvm::ArrayRef<float> row = logits->row(static_cast<int64_t>(i));
    double sum = 0, shift = *std::max_element(row.begin(), row.end());
    for (float value : row)
      sum += std::exp(value - shift);
    double nll = std::log(sum) + shift - row[tokens[i + 1]];
    largest = std::max(largest, std::fabs(nll - expected[i]));
  }
  EXPECT_LE(largest, 1e-3);
  std::printf("largest difference of a token's nll %.2e\n", largest);
}

} // namespace
