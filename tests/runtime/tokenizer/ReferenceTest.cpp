// Token ids that other implementations gave for real vocabularies. The files are not part of the
// repository: they are looked for in $TAWNY_TEST_DATA, else in ../shared beside the source.
#include "runtime/support/InputFile.h"
#include "runtime/support/Json.h"
#include "runtime/support/Safetensors.h"
#include "tests/runtime/tokenizer/GgufVocabulary.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <sstream>

using namespace tawny;
using namespace tawny::testing_support;

namespace {

using Ids = std::vector<int32_t>;

/// The vocabulary with its tokenizer, which views it.
struct Loaded {
  OwnedVocabulary vocabulary;
  std::unique_ptr<Tokenizer> tokenizer;
};

std::string dataPath(const std::string &name) {
  const char *folder = std::getenv("TAWNY_TEST_DATA");
  return (folder ? std::string(folder) : TAWNY_SOURCE_DIR "/../shared") + "/" + name;
}

std::unique_ptr<Loaded> load(const std::string &name) {
  auto vocabulary = readGgufVocabulary(dataPath(name));
  EXPECT_TRUE(vocabulary) << vocabulary.error().message;
  if (!vocabulary)
    return nullptr;
  auto loaded = std::make_unique<Loaded>();
  loaded->vocabulary = std::move(*vocabulary);
  loaded->tokenizer = loaded->vocabulary.make();
  return loaded;
}

std::string readData(const std::string &name) {
  auto text = readInput(dataPath(name), size_t(1) << 26);
  EXPECT_TRUE(text) << text.error().message;
  return text ? *text : "";
}

/// What a text is after encoding and decoding, where its space marks have become spaces.
void expectRoundTrip(const Tokenizer &tokenizer, const Ids &ids, std::string text) {
  for (size_t at; (at = text.find("\u2581")) != std::string::npos;)
    text.replace(at, 3, " ");
  EXPECT_EQ(*tokenizer.decode(ids), text);
}

#define SKIP_WITHOUT(name)                                                                         \
  if (!std::filesystem::exists(dataPath(name)))                                                    \
  GTEST_SKIP() << "there is no " << dataPath(name)

TEST(Reference, SentencePieceVectors) {
  SKIP_WITHOUT("models/tokenizers/tokenizer-spm-tests.json");
  auto loaded = load("models/alice-llama/gguf/alice-llama-F16.gguf");
  ASSERT_TRUE(loaded && loaded->tokenizer);
  Json vectors = Json::parse(readData("models/tokenizers/tokenizer-spm-tests.json"), nullptr,
                             /*allow_exceptions=*/false);
  ASSERT_TRUE(vectors.is_object());
  ASSERT_FALSE(vectors["tests"].empty());
  for (const Json &vector : vectors["tests"]) {
    auto text = vector["text"].get<std::string>();
    Ids ids = *loaded->tokenizer->encode(text);
    EXPECT_EQ(ids, vector["ids"].get<Ids>()) << text;
    EXPECT_EQ(*loaded->tokenizer->decode(ids), vector["decoded"].get<std::string>());
    StreamingDecoder decoder(*loaded->tokenizer);
    std::string streamed;
    for (int32_t id : ids)
      streamed += *decoder.push(id);
    EXPECT_EQ(streamed.append(decoder.finish()), vector["decoded"].get<std::string>());
  }
}

TEST(Reference, WholeBook) {
  SKIP_WITHOUT("models/text/alice.txt");
  auto loaded = load("models/alice-llama/gguf/alice-llama-F16.gguf");
  ASSERT_TRUE(loaded && loaded->tokenizer);
  std::string book = readData("models/text/alice.txt");
  std::string file = readData("models/tokenizers/alice-tokens-spm.safetensors");
  auto tensors = readSafetensors(file, "alice-tokens-spm");
  ASSERT_TRUE(tensors) << tensors.error().message;
  Ids ids = *loaded->tokenizer->encode(book);
  EXPECT_TRUE(ids == tensors->tensors["tokens"].integers());
  EXPECT_TRUE(*loaded->tokenizer->decode(ids) == book);
}

class LargeVocabulary : public testing::TestWithParam<const char *> {};

TEST_P(LargeVocabulary, GivesTheExpectedTokens) {
  std::string name = std::string("vocabs/ggml-vocab-") + GetParam() + ".gguf";
  SKIP_WITHOUT(name);
  auto loaded = load(name);
  ASSERT_TRUE(loaded && loaded->tokenizer);
  std::string texts = readData(name + ".inp");
  std::istringstream lines(readData(name + ".out"));
  constexpr std::string_view separator = "\n__ggml_vocab_test__\n";
  size_t count = 0;
  for (size_t begin = 0; begin < texts.size(); ++count) {
    size_t end = texts.find(separator, begin);
    std::string text = texts.substr(begin, end == std::string::npos ? end : end - begin);
    begin = end == std::string::npos ? texts.size() : end + separator.size();
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    std::istringstream numbers(line);
    Ids expected;
    for (int32_t id; numbers >> id;)
      expected.push_back(id);
    Ids ids = *loaded->tokenizer->encode(text);
    EXPECT_EQ(ids, expected) << "text " << count << ": " << text;
    expectRoundTrip(*loaded->tokenizer, ids, text);
  }
  EXPECT_GT(count, 40u);
}

INSTANTIATE_TEST_SUITE_P(Reference, LargeVocabulary, testing::Values("llama-spm", "phi-3"));

} // namespace
