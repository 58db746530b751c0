// Reads the repository's sample model, and models and vocabularies that lie outside the repository;
// the tests of those are skipped where there are none.
#include "dialects/formats/Formats.h"
#include "models/gguf/Hyperparameters.h"
#include "models/gguf/Vocabulary.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstdlib>
#include <gtest/gtest.h>

using namespace tawny::gguf;

namespace {

std::string dataFolder() {
  if (const char *folder = std::getenv("TAWNY_TEST_DATA"))
    return folder;
  return TAWNY_SOURCE_DIR "/../shared";
}

class ModelFiles : public testing::Test {
protected:
  /// Maps a file and parses it.
  void open(const std::string &path) {
    auto mapped = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                              /*RequiresNullTerminator=*/false);
    ASSERT_TRUE(mapped) << path << ": " << mapped.getError().message();
    buffer = std::move(*mapped);
    llvm::Expected<File> parsed = parseFile(llvm::arrayRefFromStringRef(buffer->getBuffer()));
    ASSERT_TRUE(bool(parsed)) << path << ": " << llvm::toString(parsed.takeError());
    file = std::move(*parsed);
  }

  std::unique_ptr<llvm::MemoryBuffer> buffer;
  File file;
};

/// Those outside the repository.
class SharedModels : public ModelFiles {
protected:
  void SetUp() override {
    if (!llvm::sys::fs::is_directory(dataFolder() + "/models"))
      GTEST_SKIP() << "no test data in " << dataFolder() << "; set TAWNY_TEST_DATA";
  }

  void openShared(const llvm::Twine &path) { open((dataFolder() + "/" + path).str()); }
};

bool isSupported(uint32_t type) { return tawny::formatByGgmlType(type).has_value(); }

TEST_F(ModelFiles, ReadsTheSampleModel) {
  ASSERT_NO_FATAL_FAILURE(open(TAWNY_SOURCE_DIR "/models/samples/alice-llama-Q4_K_M.gguf"));
  EXPECT_EQ(file.version, 3u);
  EXPECT_EQ(file.metadata.size(), 29u);
  ASSERT_EQ(file.tensors.size(), 30u);
  const Tensor *value = file.findTensor("blk.2.attn_v.weight");
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->type, TypeQ6_K);
  EXPECT_EQ(value->dims().vec(), (std::vector<uint64_t>{256, 128}));
  EXPECT_EQ(value->byteSize, 128u * 210);
  EXPECT_EQ(llvm::toString(requireSupportedTypes(file, isSupported)), "");
  EXPECT_EQ(llvm::toString(readLlamaParameters(file).takeError()), "");
  EXPECT_EQ(llvm::toString(readVocabulary(file).takeError()), "");
}

TEST_F(SharedModels, ReadsAliceLlamaInEveryFormat) {
  for (llvm::StringRef format : {"F16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_1", "Q5_0", "Q4_K_M", "Q4_1",
                                 "Q4_0", "IQ4_NL", "IQ4_XS", "Q3_K_M", "Q2_K"}) {
    SCOPED_TRACE(format.str());
    ASSERT_NO_FATAL_FAILURE(openShared("models/alice-llama/gguf/alice-llama-" + format + ".gguf"));
    llvm::Expected<LlamaParameters> parameters = readLlamaParameters(file);
    ASSERT_TRUE(bool(parameters)) << llvm::toString(parameters.takeError());
    EXPECT_EQ(parameters->numBlocks, 3u);
    EXPECT_EQ(parameters->hiddenSize, 256u);
    EXPECT_EQ(parameters->intermediateSize, 512u);
    EXPECT_EQ(parameters->numHeads, 4u);
    EXPECT_EQ(parameters->numKVHeads, 2u);
    EXPECT_EQ(parameters->keyDim, 64u);
    EXPECT_EQ(parameters->ropeDim, 64u);
    EXPECT_EQ(parameters->contextLength, 2048u);
    EXPECT_EQ(parameters->vocabSize, 1024u);
    EXPECT_FLOAT_EQ(parameters->normEpsilon, 1e-5);
    EXPECT_EQ(parameters->ropeTheta, 10000.0);
    EXPECT_FALSE(parameters->tiedHead);

    llvm::Expected<Vocabulary> vocabulary = readVocabulary(file);
    ASSERT_TRUE(bool(vocabulary)) << llvm::toString(vocabulary.takeError());
    EXPECT_EQ(vocabulary->tokens.size(), 1024u);
    EXPECT_EQ(vocabulary->bosId, 1u);
    EXPECT_EQ(vocabulary->unknownId, 0u);
    EXPECT_TRUE(llvm::all_of(vocabulary->byteTokens, [](auto id) { return id.has_value(); }));
    EXPECT_EQ(vocabulary->byteTokens[0], 3u);

    EXPECT_EQ(llvm::toString(requireSupportedTypes(file, isSupported)), "");
  }
}

TEST_F(SharedModels, ReadsOnlyVocabulariesOfOtherArchitectures) {
  for (llvm::StringRef name : {"qwen2", "qwen3", "qwen2moe", "qwen3moe", "qwen3next"}) {
    SCOPED_TRACE(name.str());
    ASSERT_NO_FATAL_FAILURE(
        openShared("models/alice-" + name + "/gguf/alice-" + name + "-Q8_0.gguf"));
    std::string found = (", found string '" + name + "'").str();
    std::string error = llvm::toString(readLlamaParameters(file).takeError());
    EXPECT_TRUE(llvm::StringRef(error).contains("which is only 'llama'" + found)) << error;
    llvm::Expected<Vocabulary> vocabulary = readVocabulary(file);
    ASSERT_TRUE(bool(vocabulary)) << llvm::toString(vocabulary.takeError());
    EXPECT_EQ(vocabulary->preTokenizer, "qwen2");
  }
}

TEST_F(SharedModels, ReadsVocabularies) {
  const std::pair<llvm::StringRef, size_t> vocabularies[] = {{"llama-spm", 32000},
                                                             {"phi-3", 32064}};
  for (auto [name, size] : vocabularies) {
    SCOPED_TRACE(name.str());
    ASSERT_NO_FATAL_FAILURE(openShared("vocabs/ggml-vocab-" + name + ".gguf"));
    llvm::Expected<Vocabulary> vocabulary = readVocabulary(file);
    ASSERT_TRUE(bool(vocabulary)) << llvm::toString(vocabulary.takeError());
    EXPECT_EQ(vocabulary->tokens.size(), size);
    EXPECT_TRUE(llvm::all_of(vocabulary->byteTokens, [](auto id) { return id.has_value(); }));
  }
  const std::pair<llvm::StringRef, size_t> merges[] = {
      {"gpt-2", 50000}, {"starcoder", 48872}, {"refact", 48891}, {"deepseek-llm", 99757}};
  for (auto [name, count] : merges) {
    SCOPED_TRACE(name.str());
    ASSERT_NO_FATAL_FAILURE(openShared("vocabs/ggml-vocab-" + name + ".gguf"));
    llvm::Expected<Vocabulary> vocabulary = readVocabulary(file);
    ASSERT_TRUE(bool(vocabulary)) << llvm::toString(vocabulary.takeError());
    EXPECT_EQ(vocabulary->preTokenizer, name);
    EXPECT_EQ(vocabulary->merges.size(), count);
  }
}

} // namespace
