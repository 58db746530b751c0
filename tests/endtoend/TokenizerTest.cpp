// Token ids that other implementations gave for real vocabularies, through `tawnyc --vocab-only`
// and the C interface.
#include "runtime/include/tawny.h"
#include "runtime/support/InputFile.h"
#include "runtime/support/Json.h"
#include "runtime/support/Safetensors.h"
#include "tests/endtoend/Artifacts.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>

using namespace tawny;
using namespace tawny::endtoend;

namespace {

using Ids = std::vector<int32_t>;

/// A vocabulary, opened from the artifact that the compiler made of it.
class Vocabulary {
public:
  explicit Vocabulary(const std::string &gguf) {
    std::string artifact = compileFile(gguf, {"--vocab-only"});
    tawny_options options = tawny_default_options();
    options.vocabulary_only = true;
    char error[512] = "";
    model.reset(tawny_open(artifact.c_str(), &options, error, sizeof(error)));
    EXPECT_TRUE(model) << error;
  }

  Ids encode(const std::string &text, bool special) const {
    Ids ids(text.size() + 8);
    size_t count = 0;
    EXPECT_EQ(tawny_tokenize(model.get(), text.data(), text.size(), /*bos=*/false, special,
                             ids.data(), ids.size(), &count),
              TAWNY_OK)
        << tawny_last_error(model.get());
    ids.resize(count);
    return ids;
  }

  std::string decode(const Ids &ids, bool special) const {
    size_t bytes = 0;
    tawny_detokenize(model.get(), ids.data(), ids.size(), special, false, nullptr, 0, &bytes);
    std::string text(bytes, '\0');
    EXPECT_EQ(tawny_detokenize(model.get(), ids.data(), ids.size(), special, false, text.data(),
                               text.size(), &bytes),
              TAWNY_OK)
        << tawny_last_error(model.get());
    return text;
  }

private:
  struct Close {
    void operator()(tawny_model *opened) const { tawny_close(opened); }
  };
  std::unique_ptr<tawny_model, Close> model;
};

std::string read(const std::string &path) {
  auto text = readInput(path, size_t(1) << 26);
  EXPECT_TRUE(text) << text.error().message;
  return text ? *text : "";
}

#define SKIP_WITHOUT(path)                                                                         \
  if (!std::filesystem::exists(path))                                                              \
  GTEST_SKIP() << "there is no " << path

/// One of the two tokenizers of the shared models.
struct Model {
  const char *kind; ///< in the names of the files of vectors
  const char *gguf;
  bool special; ///< whether the vectors' texts were read with control tokens
};
void PrintTo(const Model &model, std::ostream *out) { *out << model.kind; }

class ModelVectors : public testing::TestWithParam<Model> {
protected:
  void SetUp() override {
    SKIP_WITHOUT(vectors);
    vocabulary = std::make_unique<Vocabulary>(sharedPath("models/") + GetParam().gguf);
  }

  std::string vectors =
      sharedPath("models/tokenizers/tokenizer-") + GetParam().kind + "-tests.json";
  std::unique_ptr<Vocabulary> vocabulary;
};

TEST_P(ModelVectors, AreMet) {
  Json parsed = Json::parse(read(vectors), nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(parsed.is_object());
  ASSERT_FALSE(parsed["tests"].empty());
  bool special = GetParam().special;
  for (const Json &vector : parsed["tests"]) {
    auto text = vector["text"].get<std::string>();
    Ids ids = vocabulary->encode(text, special);
    EXPECT_EQ(ids, vector["ids"].get<Ids>()) << text;
    EXPECT_EQ(vocabulary->decode(ids, special), vector["decoded"].get<std::string>());
  }
  for (const Json &chat : parsed.value("chat", Json::array()))
    EXPECT_EQ(vocabulary->encode(chat["rendered"].get<std::string>(), special),
              chat["ids"].get<Ids>());
}

TEST_P(ModelVectors, HoldForTheWholeBook) {
  std::string book = read(sharedPath("models/text/alice.txt"));
  std::string file =
      read(sharedPath("models/tokenizers/alice-tokens-") + GetParam().kind + ".safetensors");
  auto tensors = readSafetensors(file, "alice-tokens");
  ASSERT_TRUE(tensors) << tensors.error().message;
  Ids ids = vocabulary->encode(book, false);
  EXPECT_TRUE(ids == tensors->tensors["tokens"].integers());
  EXPECT_TRUE(vocabulary->decode(ids, false) == book);
}

INSTANTIATE_TEST_SUITE_P(
    Tokenizer, ModelVectors,
    testing::Values(Model{"spm", "alice-llama/gguf/alice-llama-F16.gguf", false},
                    Model{"bpe", "alice-qwen2/gguf/alice-qwen2-Q8_0.gguf", true}));

class LargeVocabulary : public testing::TestWithParam<const char *> {};

TEST_P(LargeVocabulary, GivesTheExpectedTokens) {
  std::string path = sharedPath("vocabs/ggml-vocab-") + GetParam() + ".gguf";
  SKIP_WITHOUT(path);
  Vocabulary vocabulary(path);
  std::string texts = read(path + ".inp");
  std::istringstream lines(read(path + ".out"));
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
    Ids ids = vocabulary.encode(text, false);
    EXPECT_EQ(ids, expected) << "text " << count << ": " << text;
    EXPECT_EQ(vocabulary.decode(ids, false), text);
  }
  EXPECT_GT(count, 40u);
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, LargeVocabulary,
                         testing::Values("llama-spm", "phi-3", "gpt-2", "deepseek-llm", "starcoder",
                                         "refact"));

/// Its special tokens take the line break behind them: <|user|>, " Hello", <|end|>, <|assistant|>.
TEST(Phi3, StripsWhiteSpaceInChats) {
  std::string path = sharedPath("vocabs/ggml-vocab-phi-3.gguf");
  SKIP_WITHOUT(path);
  Vocabulary vocabulary(path);
  EXPECT_EQ(vocabulary.encode("<|user|>\nHello<|end|>\n<|assistant|>\n", true),
            Ids({32010, 15043, 32007, 32001}));
  EXPECT_EQ(vocabulary.encode("</s>\nHello", false), Ids({2, 15043}));
}

} // namespace
