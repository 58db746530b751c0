// The header of a made-up model is a sound GGUF file's, of the size the shape says.
#include "models/synthetic/Header.h"

#include "models/gguf/Hyperparameters.h"
#include "models/gguf/Reader.h"
#include "models/gguf/Vocabulary.h"

#include "gtest/gtest.h"

namespace tawny::synthetic {
namespace {

/// The file with zeros for weights.
std::vector<uint8_t> fileOf(const Header &header) {
  std::vector<uint8_t> bytes(header.bytes.begin(), header.bytes.end());
  bytes.resize(header.fileBytes);
  return bytes;
}

TEST(SyntheticHeader, IsASoundModel) {
  llvm::Expected<Model> model = parseModel("tiny:Q4_K_M");
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  std::vector<uint8_t> bytes = fileOf(makeHeader(*model));
  llvm::Expected<gguf::File> file = gguf::parseFile(bytes);
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  llvm::Expected<gguf::LlamaParameters> parameters = gguf::readLlamaParameters(*file);
  ASSERT_TRUE(bool(parameters)) << llvm::toString(parameters.takeError());
  EXPECT_EQ(parameters->numBlocks, 2u);
  EXPECT_EQ(parameters->vocabSize, 320u);
  llvm::Expected<gguf::Vocabulary> vocabulary = gguf::readVocabulary(*file);
  ASSERT_TRUE(bool(vocabulary)) << llvm::toString(vocabulary.takeError());
  EXPECT_EQ(vocabulary->tokens.size(), 320u);
  const gguf::Tensor &last = file->tensors.back();
  EXPECT_EQ(last.name, "output.weight");
  EXPECT_EQ(last.type, gguf::TypeQ6_K);
  EXPECT_EQ(last.offset + last.byteSize, bytes.size());
}

/// 6 738 415 616 weights, as the model's publishers count them.
TEST(SyntheticHeader, HasAsManyWeightsAsThePublishedModel) {
  llvm::Expected<Model> model = parseModel("llama-2-7b:F16");
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  Header header = makeHeader(*model);
  uint64_t norms = 65 * 4096;
  EXPECT_EQ(header.fileBytes - header.bytes.size(), 2 * (6738415616 - norms) + 4 * norms);
}

TEST(SyntheticHeader, RowsThatAreNoWholeBlocksTakeSmallerOnes) {
  llvm::Expected<Model> model = parseModel("tiny:Q4_K_M");
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  Preset ragged = *model->preset;
  ragged.intermediateSize = 544;
  model->preset = &ragged;
  std::vector<uint8_t> bytes = fileOf(makeHeader(*model));
  llvm::Expected<gguf::File> file = gguf::parseFile(bytes);
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  EXPECT_EQ(file->findTensor("blk.0.ffn_down.weight")->type, gguf::TypeQ8_0);
  EXPECT_EQ(file->findTensor("blk.0.ffn_up.weight")->type, gguf::TypeQ4_K);
}

} // namespace
} // namespace tawny::synthetic
